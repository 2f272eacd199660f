"""Opening an image: its format by its content, with nothing changed."""

from __future__ import annotations

import hashlib
import io
import subprocess
import sys

import pytest

import fuota
from fuota.errors import ImageError, ParameterError
from fuota.image import (
    DeltaRecipe,
    FirmwareImage,
    ImageFormat,
    ImageRequirements,
    convert,
    firmware,
    make_delta,
    read_image,
)
from tests.image import corpus

SIGNED = corpus.SAMPLE / "sensor-1.1.0.signed.bin"


def test_open_file_has_format_version_hash_and_findings():
    image = fuota.FirmwareImage.open(SIGNED)
    assert image.data == SIGNED.read_bytes()
    assert (image.format, image.version, image.name) == (ImageFormat.MCUBOOT, "1.1.0", SIGNED.name)
    assert image.sha256 == hashlib.sha256(image.data).hexdigest()
    assert image.findings.ok


@pytest.mark.parametrize("source", [SIGNED, str(SIGNED), SIGNED.read_bytes()], ids=["path", "text", "bytes"])
def test_open_from_path_text_or_bytes(source):
    assert FirmwareImage.open(source).sha256 == hashlib.sha256(SIGNED.read_bytes()).hexdigest()


@pytest.mark.parametrize("kind", ["elf", "hex", "srec", "uf2", "bin", "signed.bin"])
def test_format_does_not_depend_on_the_name(tmp_path, kind):
    for suffix in ("bin", "hex", "txt"):
        (tmp_path / f"app.{suffix}").write_bytes(corpus.sample(kind))
    formats = {FirmwareImage.open(path).format for path in tmp_path.iterdir()}
    assert formats == {FirmwareImage.open(corpus.sample(kind)).format}


def test_unreadable_file_raises_image_error(tmp_path):
    for path in (tmp_path / "none", tmp_path, "nul\0l"):
        with pytest.raises(ImageError, match="cannot be read"):
            FirmwareImage.open(path)


def test_too_large_file_is_not_read_to_its_end(monkeypatch, tmp_path):
    monkeypatch.setattr(firmware, "MAX_IMAGE_BYTES", 1000)
    (tmp_path / "large.bin").write_bytes(bytes(1001))
    with pytest.raises(ImageError, match=r"large\.bin has more than 1000 bytes"):
        FirmwareImage.open(tmp_path / "large.bin")
    endless = io.BytesIO(bytes(5000))
    with pytest.raises(ImageError, match="a pipe has more than 1000 bytes"):
        read_image(endless, "a pipe")
    assert endless.tell() == 1001
    assert len(read_image(io.BytesIO(bytes(1000)), "a pipe")) == 1000


def test_image_keeps_its_requirements():
    requirements = ImageRequirements(slot_bytes=5)
    assert FirmwareImage.open(SIGNED, requirements=requirements).requirements == requirements


def test_opening_imports_no_library_of_a_reader():
    """The libraries of the readers are slow to import, and every command that plans uses `fuota.FirmwareImage`."""
    script = (
        "import sys, fuota; image = fuota.FirmwareImage.open(sys.argv[1]); image.sha256;"
        "print([name for name in ('bincopy', 'elftools', 'cbor2', 'detools', 'cryptography', 'imgtool') if name in sys.modules])"
    )
    process = subprocess.run([sys.executable, "-c", script, str(SIGNED)], check=True, capture_output=True, text=True)
    assert process.stdout == "[]\n"


@pytest.mark.parametrize(
    ("call", "words"),
    [
        (lambda: FirmwareImage.open(5), "source must be a text or a path or bytes, got 5"),
        (lambda: FirmwareImage.open(b"x", requirement=None), "did you mean 'requirements'"),
        (lambda: convert(b"x"), "image must be a FirmwareImage"),
        (lambda: convert(FirmwareImage.open(b"x"), fill=300), "fill must be 0 to 255, got 300"),
        (
            lambda: convert(FirmwareImage.open(b"x"), address_range=5),
            "address_range must be a pair of addresses, got 5",
        ),
        (lambda: make_delta("a", b"b"), "base must be bytes"),
        (lambda: make_delta(b"a", b"b", recipe=5), "recipe must be a DeltaRecipe or None, got 5"),
        (lambda: DeltaRecipe(windw=8), "did you mean 'window'"),
        (lambda: ImageRequirements(slot_bytes="5"), "slot_bytes must be a whole number or None, got '5'"),
        (lambda: ImageRequirements(formats="raw"), "formats must be a tuple of names, got 'raw'"),
        (lambda: ImageRequirements().changed(slot_byts=5), "did you mean 'slot_bytes'"),
    ],
)
def test_wrong_argument_raises_parameter_error(call, words):
    with pytest.raises(ParameterError, match=words):
        call()
