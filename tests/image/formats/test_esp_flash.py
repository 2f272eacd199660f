"""Dumps of the flash of an ESP32, made by `esptool merge-bin`."""

from __future__ import annotations

import bincopy
import pytest

from fuota.errors import ImageError
from fuota.image import FirmwareImage, ImageFormat, check, convert
from fuota.image.conversion_advice import conversion_command
from tests.image import corpus

NVS = ("nvs", 1, 2, 0x9000, 0x6000)
FACTORY = ("factory", 0, 0, 0x10000, 0x100000)
OTA_0, OTA_1 = ("ota_0", 0, 0x10, 0x10000, 0x20000), ("ota_1", 0, 0x11, 0x30000, 0x20000)


def dump(*, bootloader_at: int = 0, table_at: int = 0x8000, entries=(NVS, FACTORY), apps=(0x10000,)) -> bytes:
    return corpus.esp_merged(
        (bootloader_at, corpus.esp_bootloader()),
        (table_at, corpus.esp_partitions(*entries)),
        *((offset, corpus.esp_app()) for offset in apps),
        words=("--pad-to-size", "1MB"),
    )


@pytest.mark.parametrize("bootloader_at", [0, 0x1000, 0x2000], ids=hex)
def test_dump_names_the_application_and_conversion_takes_it_out(describe, message_of, bootloader_at):
    image = dump(bootloader_at=bootloader_at)
    description = describe(image)
    assert (description.format, description.hardware) == (ImageFormat.ESP_FLASH, "ESP32-C3")
    app = corpus.esp_app()
    message = message_of(description, "flash-dump")
    assert f"a bootloader at 0x{bootloader_at:X} and a partition table at 0x8000" in message
    assert f"the application 'factory' of {len(app)} bytes at offset 0x10000: send" in message
    assert [(part.name, part.offset) for part in description.parts] == [("nvs", 0x9000), ("factory", 0x10000)]
    assert convert(FirmwareImage.open(image)).data == app
    assert conversion_command(check(FirmwareImage.open(image))) == "fuota image convert image -o image.bin"


@pytest.mark.parametrize("table_at", [0x9000, 0xC000, 0x10000, 0x18000], ids=hex)
def test_partition_table_behind_a_large_bootloader_is_found(describe, message_of, table_at):
    entries = (("factory", 0, 0, 0x20000, 0x100000),)
    description = describe(dump(table_at=table_at, entries=entries, apps=(0x20000,)))
    assert f"a partition table at 0x{table_at:X}" in message_of(description, "flash-dump")
    assert "at offset 0x20000: " in message_of(description, "flash-dump")


@pytest.mark.parametrize("start", [0x1000, 0x8000, 0x9000], ids=hex)
def test_dump_that_begins_behind_the_start_of_flash(describe, message_of, start):
    """`esptool read-flash 0x1000 ...` begins at the bootloader of an ESP32; others begin at the partition table."""
    table_at = max(start, 0x8000)
    image = dump(bootloader_at=0x1000, table_at=table_at, entries=(FACTORY,))[start:]
    assert f"at offset 0x{0x10000 - start:X}: " in message_of(describe(image), "flash-dump")
    assert convert(FirmwareImage.open(image)).data == corpus.esp_app()


def test_several_applications_are_named_and_one_can_be_chosen(message_of, describe):
    image = dump(entries=(OTA_0, OTA_1), apps=(0x10000, 0x30000))
    end = 0x30000 + len(corpus.esp_app())
    assert f"'ota_1' of {len(corpus.esp_app())} bytes at offset 0x30000 (0x30000-0x{end:X})" in message_of(
        describe(image), "flash-dump"
    )
    with pytest.raises(ImageError, match=r"'ota_0' .*'ota_1' .*choose one \(--address-range\)"):
        convert(FirmwareImage.open(image))
    assert convert(FirmwareImage.open(image), address_range=(0x30000, end)).data == corpus.esp_app()
    with pytest.raises(ImageError, match="it has no offset 0x1000FF"):
        convert(FirmwareImage.open(image), address_range=(0x30000, 0x100100))
    assert conversion_command(check(FirmwareImage.open(image))) is None


def test_dump_in_a_hex_file_names_the_application():
    records = bincopy.BinFile()
    records.add_binary(dump())
    image = FirmwareImage.open(records.as_ihex().encode())
    end = 0x10000 + len(corpus.esp_app())
    with pytest.raises(ImageError, match=rf"esp-flash again, .*--address-range 0x10000-0x{end:X} \('factory'\)"):
        convert(image)
    assert convert(image, address_range=(0x10000, end)).data == corpus.esp_app()


def test_empty_slot_is_not_an_application():
    image = dump(entries=(OTA_0, OTA_1), apps=(0x30000,))
    assert convert(FirmwareImage.open(image)).data == corpus.esp_app()


def test_signature_is_taken_out_with_the_application():
    signed = corpus.esp_signed()
    image = corpus.esp_merged(
        (0, corpus.esp_bootloader()),
        (0x8000, corpus.esp_partitions(FACTORY)),
        (0x10000, signed),
        words=("--pad-to-size", "1MB"),
    )
    assert convert(FirmwareImage.open(image)).data == signed


def test_dump_without_partition_table(describe, message_of):
    image = corpus.esp_merged((0, corpus.esp_bootloader()), (0x10000, corpus.esp_app()))
    assert "of an ESP32, with a bootloader at 0x0, which" in message_of(describe(image), "flash-dump")
    assert convert(FirmwareImage.open(image)).data == corpus.esp_app()


def test_only_partitions_for_applications_hold_applications(describe, message_of):
    """Newer tables also list the bootloader (type 2) and data, such as the firmware of another processor."""
    entries = (("bootloader", 2, 0, 0, 0x8000), ("modem", 1, 6, 0x30000, 0x20000), OTA_0)
    message = message_of(describe(dump(entries=entries, apps=(0x10000, 0x30000))), "flash-dump")
    assert "'ota_0'" in message
    assert "'modem'" not in message
    assert "'bootloader'" not in message


@pytest.mark.parametrize("bootloader_at", [0, 0x1000], ids=hex)
def test_dump_of_zephyr_with_an_mcuboot_image(describe, message_of, bootloader_at):
    app = corpus.imgtool(key="p256")
    image = corpus.esp_merged((bootloader_at, corpus.esp_bootloader()), (0x20000, app))
    assert f"the application 'application' of {len(app)} bytes at offset 0x20000" in message_of(
        describe(image), "flash-dump"
    )
    assert convert(FirmwareImage.open(image)).data == app


def test_bootloader_behind_erased_flash_is_a_dump_without_application(describe, message_of):
    image = b"\xff" * 0x1000 + corpus.esp_bootloader()
    assert "it holds no application" in message_of(describe(image), "flash-dump")


def test_dump_without_application(describe, message_of):
    assert "no application in it can be read" in message_of(describe(dump(apps=())), "flash-dump")
    with pytest.raises(ImageError, match="no application"):
        convert(FirmwareImage.open(dump(apps=())))


def test_partition_table_alone_is_refused(describe, message_of):
    assert "it is the partition table" in message_of(describe(corpus.esp_partitions(NVS, FACTORY)), "flash-dump")


def test_profile_that_accepts_raw_images_does_not_accept_a_dump():
    image = FirmwareImage.open(dump(bootloader_at=0x1000))
    requirements = image.requirements.changed(formats=("raw",))
    assert not check(FirmwareImage.open(image.data, requirements=requirements)).ok


def test_application_followed_by_an_application_is_not_a_dump(describe, message_of):
    image = corpus.esp_app().ljust(0x20000, b"\xff") + corpus.esp_app()
    assert describe(image).format is ImageFormat.ESP_APP
    assert "unexpected bytes" in message_of(describe(image), "trailing")


@pytest.mark.parametrize(
    "image", [b"\xff" * 70_000, b"\xaa\x50" + bytes(3000), b"\xff" * 0x8000 + b"\xaa\x50\0\0\1\2\3\4"]
)
def test_similar_bytes_are_not_a_dump(describe, image):
    assert describe(image).format is ImageFormat.RAW
