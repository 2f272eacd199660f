"""The device export (csvExport): streamed, as values or as the CSV itself, whatever its length."""

from __future__ import annotations

import codecs
import contextlib
from collections.abc import Generator, Iterable, Iterator, Mapping
from dataclasses import dataclass, field
from typing import Any, BinaryIO

from fuota import rules
from fuota.errors import MalformedAnswerError, MessageError, ParameterError
from fuota.network.senra import parameters
from fuota.network.senra.calls import Calls
from fuota.network.senra.device_records import EXPORT_FIELDS, DeviceRecord, records

STATES = ("ALL", "REGISTERED", "ACTIVATED", "DEACTIVATED", "JOINED")
_LONGEST_LINE = 1_000_000


@dataclass(frozen=True, slots=True, kw_only=True)
class Export:
    """An export that can be asked for; each reading is a request of its own. Memory does not grow with the number of devices."""

    query: Mapping[str, str]
    calls: Calls = field(repr=False, hash=False)

    @classmethod
    def of(cls, calls: Calls, given: Mapping[str, Any]) -> Export:
        """By the arguments of `Devices.export`. Raises ParameterError."""
        app_eui, fields, dev_euis = given["app_eui"], given["fields"], given["dev_euis"]
        values = {
            "appEui": None if app_eui is None else parameters.eui("app_eui", app_eui),
            "fields": None if fields is None else _fields(fields),
            "state": None if given["state"] is None else rules.one_of("state", given["state"], STATES),
            "psrDays": rules.optional_integer("psr_days", given["psr_days"], 1, 31),
            "contractId": rules.optional_integer("contract_id", given["contract_id"], 1),
            "devEuis": None if dev_euis is None else parameters.eui_list("dev_euis", dev_euis),
        }
        return cls(query=parameters.query(values), calls=calls)

    def records(self) -> Generator[DeviceRecord, None, None]:
        """The devices, one at a time, as they arrive; close it where the rest is not wanted.

        Raises NetworkError, MalformedAnswerError among them for what is no export, also after some devices.
        """
        from fuota.tables import rows

        with self._blocks() as blocks:
            try:
                yield from records(rows(_lines(blocks), "the export", strict=False))
            except MessageError as error:
                raise MalformedAnswerError(str(error), status=200) from None

    def save(self, file: BinaryIO) -> int:
        """Write the CSV as the server sends it; how many bytes. Raises NetworkError: what is written then is not whole."""
        written_bytes = 0
        with self._blocks() as blocks:
            for block in blocks:
                file.write(block)
                written_bytes += len(block)
        return written_bytes

    def _blocks(self) -> contextlib.AbstractContextManager[Iterator[bytes]]:
        return self.calls.get_stream("device/csvExport", self.query)


def _fields(fields: Iterable[str]) -> tuple[str, ...]:
    if isinstance(fields, str):
        raise ParameterError(f"fields is the text {fields!r}: it must be a list, such as [{fields!r}]")
    return tuple(rules.one_of("fields", one, EXPORT_FIELDS) for one in fields)


def _lines(blocks: Iterable[bytes]) -> Iterator[str]:
    """The text line by line, with line ends; octets that are no UTF-8 are shown as such. Raises MalformedAnswerError."""
    decoder = codecs.getincrementaldecoder("utf-8-sig")("replace")
    rest = ""
    for block in blocks:
        *whole, rest = (rest + decoder.decode(block)).split("\n")
        yield from (f"{line}\n" for line in whole)
        if len(rest) > _LONGEST_LINE:
            raise MalformedAnswerError(f"the export has a line of more than {_LONGEST_LINE} characters", status=200)
    if rest := rest + decoder.decode(b"", final=True):
        yield rest
