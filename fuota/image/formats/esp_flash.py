"""Dumps of the flash of an ESP32: a bootloader, a partition table and applications in one file, as `esptool merge-bin` writes them.

Partition table (ESP-IDF, "Partition Tables"): entries of 32 bytes that begin with AA 50, then an entry with their MD5, then 0xFF.
It is at 0x8000 by default, and later if the bootloader is signed. The bootloader is at 0x0, 0x1000 or 0x2000, by chip.
"""

from __future__ import annotations

import struct
from collections.abc import Iterator
from dataclasses import dataclass
from typing import NamedTuple

from fuota.errors import ImageError
from fuota.findings import Finding, error
from fuota.image.description import Description, ImageFormat, Part
from fuota.image.formats.esp_app import image_end
from fuota.image.formats.esp_chips import chip_name
from fuota.image.formats.esp_layout import MAGIC, chip_number, has_header, read_layout
from fuota.image.formats.mcuboot_layout import MAGIC as MCUBOOT_MAGIC
from fuota.image.formats.mcuboot_layout import read_layout as read_mcuboot_layout
from fuota.image.requirements import ImageRequirements

FORMAT = ImageFormat.ESP_FLASH

_ENTRY = struct.Struct("<2sBBII16sI")
_ENTRY_MAGIC, _APPLICATION = b"\xaa\x50", 0
_SECTOR_BYTES, _MAX_ENTRIES, _HEADER_BYTES = 0x1000, 95, 24
_MAX_TABLE_OFFSET, _MAX_DUMP_START = 0x40000, 0x20000
_MAX_FLASH_BYTES = 1 << 30
_BOOTLOADER_OFFSETS = (0, 0x1000, 0x2000)
_MAX_APPLICATIONS, _MAX_APPLICATION_BYTES = 16, 1 << 24


class _Entry(NamedTuple):
    """A row of the partition table; `address` is its offset in flash."""

    kind: int
    address: int
    size: int
    name: str


@dataclass(frozen=True, slots=True, kw_only=True)
class Dump:
    """Content of a dump; all offsets are offsets in the file.

    bootloader: offset of the bootloader; None if the dump begins behind it. table: offset of the partition table; None if there is
    none. partitions: partitions of the table, with their addresses in flash. applications: the applications that can be read, with
    their signature.
    """

    bootloader: int | None
    table: int | None
    partitions: tuple[Part, ...]
    applications: tuple[Part, ...]


def recognises(data: bytes) -> bool:
    """Return whether the data has a partition table behind a bootloader or 0xFF, or an application behind a bootloader."""
    return read_dump(data) is not None


def describe(data: bytes, _requirements: ImageRequirements) -> Description:
    """Describe the partitions, with the finding that says which application to send."""
    dump = read_dump(data)
    if dump is None:
        return Description(
            format=FORMAT, findings=(error("structure", "it has no partition table and no application"),)
        )
    starts = [dump.bootloader, *(part.offset for part in dump.applications)]
    start = next((offset for offset in starts if offset is not None and has_header(data, offset)), None)
    return Description(
        format=FORMAT,
        parts=dump.partitions or dump.applications,
        hardware=None if start is None else chip_name(chip_number(data[start : start + _HEADER_BYTES])),
        converts_to_bytes=max((part.size for part in dump.applications), default=None),
        findings=(_finding(data, dump),),
    )


def application(data: bytes, address_range: tuple[int, int] | None = None) -> bytes:
    """Return the only application in the dump, or the bytes of the dump from one offset to before another.

    Raises ImageError if the dump has no application or several, or if the offsets are outside the dump.
    """
    if address_range is not None:
        low, high = address_range
        if high > len(data):
            raise ImageError(f"the dump has {len(data)} bytes, so it has no offset 0x{high - 1:X}")
        return data[low:high]
    dump = read_dump(data)
    applications = () if dump is None else dump.applications
    if not applications:
        raise ImageError(
            "it is a dump of flash with no application that can be read: choose the file of the application"
        )
    if len(applications) > 1:
        raise ImageError(f"it is a dump of flash with {_named(applications)}: choose one (--address-range)")
    return data[applications[0].offset : applications[0].offset + applications[0].size]


def address_ranges(data: bytes, start: int) -> str:
    """Return the option that takes each application out of a container whose content, a dump, begins at the address `start`."""
    dump = read_dump(data)
    applications = () if dump is None else dump.applications
    return (
        " or ".join(
            f"--address-range 0x{start + part.offset:X}-0x{start + _end(part):X} ('{part.name}')"
            for part in applications
        )
        or "no application can be read"
    )


def read_dump(data: bytes) -> Dump | None:
    """Return the content of a dump of flash; None if the data is anything else."""
    if data[:1] not in (b"\xff", bytes([MAGIC]), _ENTRY_MAGIC[:1]):
        return None
    bootloader = next((offset for offset in _BOOTLOADER_OFFSETS if _has_no_application(data, offset)), None)
    if data[0] == MAGIC and bootloader != 0:
        return None  # an application, whatever follows it
    start = 0 if bootloader is None else bootloader + image_end(data[bootloader:])
    last = _MAX_TABLE_OFFSET if data[:1] != _ENTRY_MAGIC[:1] else 1
    table = next((offset for offset in _sectors(data, start, last) if _entries(data, offset)), None)
    if table is not None:
        entries = _entries(data, table)
        begin = _dump_start(data, table, entries)
        partitions = tuple(_part(entry, begin) for entry in entries if begin <= entry.address < begin + len(data))
        applications = _applications(data, entries, begin) or _find_applications(data, table + _SECTOR_BYTES)
    elif bootloader is not None and read_layout(data[bootloader:]).is_bootloader:
        partitions, applications = (), _find_applications(data, start)
    else:
        return None
    if table is None and not applications and bootloader == 0:
        return None  # a bootloader alone
    return Dump(bootloader=bootloader, table=table, partitions=partitions, applications=applications)


def _sectors(data: bytes, start: int, end: int) -> range:
    return range(-(-start // _SECTOR_BYTES) * _SECTOR_BYTES, min(end, len(data)), _SECTOR_BYTES)


def _has_no_application(data: bytes, offset: int) -> bool:
    """Return whether an image without application descriptor begins at the offset, and only 0xFF is before it."""
    if not has_header(data, offset) or data[:offset].strip(b"\xff"):
        return False
    try:
        return read_layout(data[offset:]).version is None
    except ImageError:
        return False


def _entries(data: bytes, offset: int) -> list[_Entry]:
    """Return the entries of a table at the offset; nothing if there is no table."""
    entries: list[_Entry] = []
    for start in range(offset, min(offset + _MAX_ENTRIES * _ENTRY.size, len(data) - _ENTRY.size + 1), _ENTRY.size):
        magic, kind, _, address, size, label, _ = _ENTRY.unpack_from(data, start)
        if magic != _ENTRY_MAGIC:
            break
        name = label.split(b"\0")[0]
        if address % _SECTOR_BYTES or not 0 < size <= _MAX_FLASH_BYTES or not name.isascii():
            return []
        text = name.decode("ascii")
        entries.append(_Entry(kind, address, size, text if text.isprintable() and text else f"0x{address:X}"))
    return entries


def _dump_start(data: bytes, table: int, entries: list[_Entry]) -> int:
    """Return the address in flash at which the dump begins, so that applications are in their partitions; by default 0."""
    addresses = [entry.address for entry in entries if entry.kind == _APPLICATION]
    starts = range(0, _MAX_DUMP_START + 1, _SECTOR_BYTES)
    begins = (
        begin for begin in starts if any(_is_application_behind(data, table, address - begin) for address in addresses)
    )
    return next(begins, 0)


def _part(entry: _Entry, begin: int) -> Part:
    return Part(name=entry.name, offset=entry.address - begin, size=entry.size, address=entry.address)


def _is_application_behind(data: bytes, table: int, offset: int) -> bool:
    return offset >= table + _SECTOR_BYTES and _begins_application(data, offset)


def _begins_application(data: bytes, offset: int) -> bool:
    """Return whether an image of ESP-IDF begins at the offset, or an image of MCUboot, as in dumps of Zephyr."""
    return has_header(data, offset) or data.startswith(MCUBOOT_MAGIC, offset)


def _applications(data: bytes, entries: list[_Entry], begin: int) -> tuple[Part, ...]:
    partitions = [entry for entry in entries if entry.kind == _APPLICATION and entry.address >= begin]
    parts = [_application(data, entry.address - begin, entry.name, entry.size) for entry in partitions]
    return tuple(part for part in parts if part is not None)


def _find_applications(data: bytes, start: int) -> tuple[Part, ...]:
    """Return the applications that begin at a sector, from the offset `start` on, without a partition table."""
    applications: list[Part] = []
    offsets = [offset for offset in _sectors(data, start, len(data)) if _begins_application(data, offset)]
    for offset in offsets[:_MAX_APPLICATIONS]:
        if not applications or offset >= _end(applications[-1]):
            part = _application(data, offset, "application", _MAX_APPLICATION_BYTES)
            applications += [] if part is None else [part]
    return tuple(applications)


def _end(part: Part) -> int:
    return part.offset + part.size


def _application(data: bytes, offset: int, name: str, room: int) -> Part | None:
    """Return the application that begins at the offset, without what follows it; None if there is none that fits."""
    if not _begins_application(data, offset):
        return None
    content = data[offset : offset + min(room, _MAX_APPLICATION_BYTES)]
    try:
        size = image_end(content) if content[0] == MAGIC else read_mcuboot_layout(content).end
        return Part(name=name, offset=offset, size=size)
    except ImageError:
        return None


def _finding(data: bytes, dump: Dump) -> Finding:
    if dump.bootloader is None and dump.table == 0 and len(data) <= _SECTOR_BYTES:
        return error("flash-dump", "it is the partition table of an ESP32, not an application: choose the application")
    content = " and ".join(_contents(dump))
    advice = {
        0: "no application in it can be read: choose the file of the application",
        1: "send the application alone (fuota image convert)",
    }.get(len(dump.applications), "send one of the applications (fuota image convert --address-range)")
    return error(
        "flash-dump",
        f"it is a dump of the flash of an ESP32, with {content}, which no device takes as an update; it holds"
        f" {_named(dump.applications)}: {advice}",
    )


def _contents(dump: Dump) -> Iterator[str]:
    if dump.bootloader is not None:
        yield f"a bootloader at 0x{dump.bootloader:X}"
    if dump.table is not None:
        yield f"a partition table at 0x{dump.table:X}"


def _named(applications: tuple[Part, ...]) -> str:
    """Return the applications in words, with the range of offsets of each if there are several."""
    names = [f"the application '{part.name}' of {part.size} bytes at offset 0x{part.offset:X}" for part in applications]
    if len(applications) > 1:
        names = [f"{name} (0x{part.offset:X}-0x{_end(part):X})" for name, part in zip(names, applications, strict=True)]
    return ", ".join(names) or "no application"
