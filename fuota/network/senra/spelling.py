"""Names in requests that the reference spells in two ways: the usual names, and the others if a server needs them."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass

from fuota import rules
from fuota.errors import ParameterError

# Each other name with the usual name and the calls. The reference has jobID in tables and jobId in examples; eui, and devEui in
# the example of clearmsgs; no device in the table of activateOne; fwVer of a device, which is fwVersion elsewhere.
_OTHERS: Mapping[str, tuple[str, frozenset[str]]] = {
    "jobID": ("jobId", frozenset({"mcastStatus", "mcastCancel"})),
    "devEui": ("eui", frozenset({"device/sendmsg", "device/clearmsgs"})),
    "eui": ("devEui", frozenset({"device/activateOne"})),
    "fwVersion": ("fwVer", frozenset({"device/update"})),
}
OTHER_SPELLINGS = tuple(_OTHERS)
"""Names that can replace the usual names: jobID for jobId, devEui for eui, eui for devEui, fwVersion for fwVer."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Spelling:
    """Names to use in requests. others: members of `OTHER_SPELLINGS`. Raises ParameterError for any other name."""

    others: frozenset[str] = frozenset()

    def __post_init__(self) -> None:
        for name in sorted(map(str, self.others)):
            rules.one_of("each of other_spellings", name, OTHER_SPELLINGS)

    def of_query(self, call: str, query: Mapping[str, str]) -> dict[str, str]:
        """Return the query with the names to send. call: such as device/update. query: by the usual names."""
        names = self._names(call)
        return {names.get(name, name): value for name, value in query.items()}

    def of_body(self, call: str, body: object) -> object:
        """Return the JSON body with the names to send, also in its rows of devices. call: such as device/update."""
        if not self.others or not isinstance(body, dict) or not isinstance(body.get("data"), list):
            return body
        names = self._names(call)
        rows = [{names.get(name, name): value for name, value in row.items()} for row in body["data"]]
        return body | {"data": rows}

    def _names(self, call: str) -> dict[str, str]:
        return {usual: other for other, (usual, calls) in _OTHERS.items() if other in self.others and call in calls}


AS_DOCUMENTED = Spelling()
"""The usual names."""


def requested_spelling(others: Iterable[str]) -> Spelling:
    """Return the usual names except for `others`. Raises ParameterError."""
    if isinstance(others, str):
        raise ParameterError(f"other_spellings must be a list, such as [{others!r}], got the text {others!r}")
    return Spelling(others=frozenset(others))
