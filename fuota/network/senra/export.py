"""The device export (csvExport), read in blocks: as values, or as the CSV itself. Its length is not limited."""

from __future__ import annotations

import codecs
import contextlib
from collections.abc import Generator, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from typing import BinaryIO

from fuota import rules
from fuota.errors import MalformedAnswerError, MessageError, ParameterError
from fuota.network.senra import parameters
from fuota.network.senra.calls import Calls
from fuota.network.senra.device_records import EXPORT_FIELDS, DeviceRecord, records

STATES = ("ALL", "REGISTERED", "ACTIVATED", "DEACTIVATED", "JOINED")
_LONGEST_LINE = 1_000_000


@dataclass(frozen=True, slots=True, kw_only=True)
class Export:
    """Export that can be requested. Each reading is a request. Memory does not grow with the number of devices.

    query: parameters by the API's names. calls: the calls of the server.
    """

    query: Mapping[str, str]
    calls: Calls = field(repr=False, hash=False)

    def records(self) -> Generator[DeviceRecord, None, None]:
        """Yield the devices one at a time, as they arrive. Close the generator if you do not read it to its end.

        Raises NetworkError, also after some devices; MalformedAnswerError, one of them, if the answer is not an export.
        """
        from fuota.tables import rows

        with self._blocks() as blocks:
            try:
                yield from records(rows(_lines(blocks), "the export", strict=False))
            except MessageError as error:
                raise MalformedAnswerError(str(error), status=200) from None

    def save(self, file: BinaryIO) -> int:
        """Write the CSV as the server sends it, and return the number of bytes.

        file: opened in binary mode. Raises NetworkError: the file is then incomplete.
        """
        written_bytes = 0
        with self._blocks() as blocks:
            for block in blocks:
                file.write(block)
                written_bytes += len(block)
        return written_bytes

    def _blocks(self) -> contextlib.AbstractContextManager[Iterator[bytes]]:
        return self.calls.get_stream("device/csvExport", self.query)


def export_query(
    *,
    app_eui: str | None,
    fields: Sequence[str] | None,
    state: str | None,
    psr_days: int | None,
    contract_id: int | None,
    dev_euis: Sequence[str] | None,
) -> dict[str, str]:
    """Return the query of csvExport. `Devices.export` describes the parameters. Raises ParameterError."""
    return parameters.query(
        {
            "appEui": None if app_eui is None else parameters.eui("app_eui", app_eui),
            "fields": None if fields is None else _field_names(fields),
            "state": None if state is None else rules.one_of("state", state, STATES),
            "psrDays": rules.optional_integer("psr_days", psr_days, 1, 31),
            "contractId": rules.optional_integer("contract_id", contract_id, 1),
            "devEuis": None if dev_euis is None else parameters.eui_list("dev_euis", dev_euis),
        }
    )


def _field_names(fields: Iterable[str]) -> tuple[str, ...]:
    if isinstance(fields, str):
        raise ParameterError(f"fields must be a list, such as [{fields!r}], got the text {fields!r}")
    return tuple(rules.one_of("each of fields", name, EXPORT_FIELDS) for name in fields)


def _lines(blocks: Iterable[bytes]) -> Iterator[str]:
    """Yield the text line by line, with line ends; bytes that are not UTF-8 are replaced. Raises MalformedAnswerError."""
    decoder = codecs.getincrementaldecoder("utf-8-sig")("replace")
    incomplete = ""
    for block in blocks:
        *lines, incomplete = (incomplete + decoder.decode(block)).split("\n")
        yield from (f"{line}\n" for line in lines)
        if len(incomplete) > _LONGEST_LINE:
            raise MalformedAnswerError(f"the export has a line of more than {_LONGEST_LINE} characters", status=200)
    if last := incomplete + decoder.decode(b"", final=True):
        yield last
