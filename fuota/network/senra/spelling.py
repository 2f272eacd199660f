"""Names in requests that the reference spells in two ways: the ones that are sent, and the switch to the others."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from typing import Any

from fuota.errors import ParameterError

# By the other name: the one that is sent otherwise, and the calls. In the tables and in the examples of the reference stand
# jobID and jobId; eui and, of clearmsgs, devEui; activateOne's table has no device; fwVer of a device is fwVersion elsewhere.
_OTHERS: Mapping[str, tuple[str, frozenset[str]]] = {
    "jobID": ("jobId", frozenset({"mcastStatus", "mcastCancel"})),
    "devEui": ("eui", frozenset({"device/sendmsg", "device/clearmsgs"})),
    "eui": ("devEui", frozenset({"device/activateOne"})),
    "fwVersion": ("fwVer", frozenset({"device/update"})),
}
OTHER_SPELLINGS = tuple(_OTHERS)
"""Names that may be sent in place of the usual ones: jobID for jobId, devEui for eui, eui for devEui, fwVersion for fwVer."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Spelling:
    """Which of `OTHER_SPELLINGS` are sent. Raises ParameterError for another name."""

    others: frozenset[str] = frozenset()

    def __post_init__(self) -> None:
        for name in sorted(map(str, self.others)):
            if name not in _OTHERS:
                raise ParameterError(f"spelling {name!r} was given: there are {', '.join(OTHER_SPELLINGS)}")

    def of_query(self, call: str, query: Mapping[str, str]) -> dict[str, str]:
        """The query of this call as it is sent."""
        return self._of(call, query)

    def of_body(self, call: str, body: Any) -> Any:
        """The JSON of this call as it is sent; rows of devices are spelled as well."""
        if not self.others or not isinstance(body, dict) or not isinstance(body.get("data"), list):
            return body
        return body | {"data": [self._of(call, row) for row in body["data"]]}

    def _of(self, call: str, names: Mapping[str, Any]) -> dict[str, Any]:
        instead = {usual: other for other, (usual, calls) in _OTHERS.items() if other in self.others and call in calls}
        return {instead.get(name, name): value for name, value in names.items()}


AS_DOCUMENTED = Spelling()


def requested_spelling(others: Iterable[str]) -> Spelling:
    """The usual names but for these. Raises ParameterError."""
    if isinstance(others, str):
        raise ParameterError(f"other_spellings is the text {others!r}: it must be a list, such as [{others!r}]")
    return Spelling(others=frozenset(others))
