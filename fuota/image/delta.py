"""Patches that turn the image that a device runs into another image (detools), each applied and compared before it is returned."""

from __future__ import annotations

import hashlib
import io
from dataclasses import dataclass, field
from typing import Literal, get_args

from fuota import rules
from fuota.calls import checked_call, checked_init
from fuota.errors import ImageError, ParameterError
from fuota.findings import Findings, warning
from fuota.image.firmware import FirmwareImage
from fuota.image.patch_application import apply_patch, package

Compression = Literal["heatshrink", "crle", "lzma", "bz2", "none"]
PatchType = Literal["sequential", "in-place"]

_BZ2_BYTES = 3_700_000
"""RAM for bz2: 100 kB, and four times the block of 900 kB (bzip2(1), memory management)."""
_LZMA_BYTES = 8 * 1024 * 1024
"""RAM for lzma: the dictionary of liblzma's preset 6, which even a short stream requires (xz(1), DictSize)."""
_LARGE_RAM_BYTES = 64 * 1024
"""RAM that many devices of this kind have in total."""


@checked_init
@dataclass(frozen=True, slots=True, kw_only=True)
class DeltaRecipe:
    """Recipe of a patch. Raises ParameterError for an illegal value.

    compression: a compression that the device can unpack; detools' C library does not unpack bz2.
    window, lookahead: sizes of heatshrink, as exponents of 2; detools' C library is built for 8 and 7.
    in_place: whether the device has no room for a second image, so that the patch moves the running image in its memory.
    memory_size: bytes of that memory; None takes as many as the patch needs.
    segment_size: bytes of a segment of that memory; a multiple of the flash page.
    """

    compression: Compression = "heatshrink"
    window: int = 8
    lookahead: int = 7
    in_place: bool = False
    memory_size: int | None = None
    segment_size: int = 4096

    def __post_init__(self) -> None:
        rules.one_of("compression", self.compression, get_args(Compression))
        rules.integer("window", self.window, 4, 15)
        rules.integer("lookahead", self.lookahead, 3, self.window - 1)
        rules.integer("segment_size", self.segment_size, 1)
        if self.memory_size is not None and not self.in_place:
            raise ParameterError("memory_size needs in_place, got memory_size without in_place")

    def memory_for(self, base_bytes: int, target_bytes: int) -> int:
        """Return the bytes of memory of an in-place patch: by default two segments more than the larger image has.

        base_bytes, target_bytes: lengths of the two images. Raises ParameterError if `memory_size` does not fit them.
        """
        segments = -(-max(base_bytes, target_bytes) // self.segment_size)
        needed = segments * self.segment_size
        if self.memory_size is None:
            return needed + 2 * self.segment_size
        if self.memory_size < needed or self.memory_size % self.segment_size:
            rounded_up = -(-self.memory_size // self.segment_size) * self.segment_size
            rule = f"a multiple of segment_size ({self.segment_size}) that holds the larger image"
            rules.refuse("memory_size", rule, self.memory_size, nearest=max(needed, rounded_up))
        return self.memory_size


@dataclass(frozen=True, slots=True, kw_only=True)
class Delta:
    """A patch that gave its target, byte for byte, when it was applied to its base.

    data: the bytes to send.
    base_sha256, target_sha256: SHA-256 of the images before and after, hexadecimal.
    base_bytes, target_bytes: lengths of these images.
    patch_type, compression: kind of the patch.
    ram_bytes: RAM for unpacking, beside the few hundred bytes of detools itself.
    flash_bytes: flash in use while the patch is applied: base, target and patch, or the memory of an in-place patch and the patch.
    name: name of the patch.
    """

    data: bytes = field(repr=False)
    base_sha256: str
    target_sha256: str
    base_bytes: int
    target_bytes: int
    patch_type: PatchType
    compression: Compression
    ram_bytes: int
    flash_bytes: int
    name: str = "delta.patch"

    @property
    def sha256(self) -> str:
        """SHA-256 of the patch itself, hexadecimal."""
        return hashlib.sha256(self.data).hexdigest()

    @property
    def ratio(self) -> float:
        """Bytes of the patch per byte of the target: below 1 the patch saves airtime."""
        return len(self.data) / self.target_bytes

    @property
    def findings(self) -> Findings:
        """Reasons not to send the patch (docs/images.md)."""
        of_reader = FirmwareImage(data=self.data).findings
        findings = [finding for finding in of_reader if finding.code == "patch-unsupported"]
        if self.ratio >= 1:
            findings.append(
                warning(
                    "delta-larger",
                    f"the patch has {len(self.data)} bytes, its target {self.target_bytes}: send the target itself",
                )
            )
        if self.ram_bytes > _LARGE_RAM_BYTES:
            findings.append(
                warning(
                    "delta-ram",
                    f"unpacking {self.compression} needs {self.ram_bytes} bytes of RAM, which few devices have; heatshrink needs"
                    " 256 bytes, crle almost none",
                )
            )
        return Findings(tuple(findings))


@checked_call
def make_delta(base: bytes, target: bytes, recipe: DeltaRecipe | None = None) -> Delta:
    """Return the patch from `base` to `target`, after a test that it gives the target.

    base: the image that the devices run.
    target: the new image.
    recipe: kind of the patch; by default heatshrink, not in place.

    Raises ImageError for an empty image, or if the patch does not give the target. Raises ParameterError if the sizes of the
    recipe do not fit the images, or if the package detools is not installed.
    """
    recipe = recipe or DeltaRecipe()
    for image, name in ((base, "base"), (target, "target")):
        if not image:
            raise ImageError(f"the {name} has no bytes: a patch needs two images")
    memory = recipe.memory_for(len(base), len(target)) if recipe.in_place else None
    patch = _create(base, target, recipe, memory)
    if apply_patch(base, patch) != target:
        raise ImageError("the patch does not give its target when it is applied to its base, so it is not returned")
    return Delta(
        data=patch,
        base_sha256=hashlib.sha256(base).hexdigest(),
        target_sha256=hashlib.sha256(target).hexdigest(),
        base_bytes=len(base),
        target_bytes=len(target),
        patch_type="in-place" if recipe.in_place else "sequential",
        compression=recipe.compression,
        ram_bytes=_ram_bytes(recipe),
        flash_bytes=len(patch) + (len(base) + len(target) if memory is None else memory),
    )


def _create(base: bytes, target: bytes, recipe: DeltaRecipe, memory: int | None) -> bytes:
    patch = io.BytesIO()
    in_place = {"patch_type": "in-place", "memory_size": memory, "segment_size": recipe.segment_size}
    package("detools").create_patch(
        io.BytesIO(base),
        io.BytesIO(target),
        patch,
        compression=recipe.compression,
        heatshrink_window_sz2=recipe.window,
        heatshrink_lookahead_sz2=recipe.lookahead,
        **({} if memory is None else in_place),
    )
    return patch.getvalue()


def _ram_bytes(recipe: DeltaRecipe) -> int:
    """Return the bytes that the decoder of the compression allocates."""
    return {"heatshrink": 1 << recipe.window, "bz2": _BZ2_BYTES, "lzma": _LZMA_BYTES}.get(recipe.compression, 0)
