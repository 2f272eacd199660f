"""File of fragments: JSON Lines, with one line that describes the session and one line for each fragment.

    {"session": {"nb_frag": 17, "frag_size": 239, "padding": 63, "version": 1, "variant": "deployed", "sha256": "..."}}
    {"n": 1, "payload": "..."}

The payload is in hexadecimal. The lines may come in any order and more than once, and fragments may be missing, so that tools such
as `shuf` and `grep` can simulate the air.
"""

from __future__ import annotations

import hashlib
import json
from collections.abc import Iterable, Iterator
from dataclasses import asdict, dataclass
from typing import Any

from fuota.errors import ImageError, MessageError
from fuota.fragmentation.limits import Variant
from fuota.fragmentation.session import DataFragment, FragmentationSession

_REQUIRED = {"nb_frag", "frag_size"}
_INTEGERS = ("nb_frag", "frag_size", "padding", "version")


@dataclass(frozen=True, slots=True, kw_only=True)
class SessionLine:
    """Description of a session. sha256: hash of the image in hexadecimal, None if the line does not contain it."""

    nb_frag: int
    frag_size: int
    padding: int = 0
    version: int = 1
    variant: Variant = "deployed"
    sha256: str | None = None

    @classmethod
    def of(cls, session: FragmentationSession) -> SessionLine:
        """Return the description of a session that is sent."""
        return cls(
            nb_frag=session.nb_frag,
            frag_size=session.frag_size,
            padding=session.padding,
            version=session.version,
            variant=session.code.variant,
            sha256=hashlib.sha256(session.data).hexdigest(),
        )

    @classmethod
    def parse(cls, fields: object) -> SessionLine:
        """Return the description in a session line. Raises MessageError for missing or unknown fields, and for wrong types."""
        names = set(cls.__slots__)
        if not isinstance(fields, dict) or not _REQUIRED <= set(fields) <= names:
            raise MessageError(
                f"the session line must have {' and '.join(sorted(_REQUIRED))}, and may have"
                f" {', '.join(sorted(names - _REQUIRED))}; see the output of `fuota encode`"
            )
        for name in _INTEGERS:
            if not _is_integer(fields.get(name, 0)):
                raise MessageError(f"{name} of the session line must be a whole number, got {fields[name]!r}")
        return cls(**fields)

    def to_json(self) -> dict[str, Any]:
        """Return the fields as they are in the session line."""
        return asdict(self)

    def check(self, image: bytes, contradictions: int = 0) -> None:
        """Raise ImageError if the reassembled image is known to differ from the encoded image.

        contradictions: number of fragments that contradict the others, as the decoder counts them.
        """
        digest = hashlib.sha256(image).hexdigest()
        cause = "fragments are damaged, or belong to another image, version or variant; nothing was written"
        if self.sha256 not in (None, digest):
            raise ImageError(
                f"the reassembled image has SHA-256 {digest}, the encoded image has {self.sha256}: {cause}"
            )
        if contradictions:
            raise ImageError(f"{contradictions} fragments contradict the others: {cause}")


def fragment_lines(session: FragmentationSession) -> Iterator[str]:
    """Yield the lines of the file of a session: its description, the uncoded fragments and the coded fragments."""
    yield json.dumps({"session": SessionLine.of(session).to_json()}) + "\n"
    for fragment in session.fragments():
        yield f'{{"n": {fragment.n}, "payload": "{fragment.payload.hex()}"}}\n'


def read_fragments(lines: Iterable[bytes]) -> tuple[SessionLine, list[DataFragment]]:
    """Return the description of the session and the fragments of a file, in the order of the file.

    Raises MessageError, with the number of the line, for a line that is not understood, for lines of two sessions, and for a file
    without a session line.
    """
    session_fields: object = None
    fragments = []
    for number, line in enumerate(lines, start=1):
        record = _record(line, number)
        if "session" not in record:
            fragments.append(_fragment(record, number))
        elif session_fields in (None, record["session"]):
            session_fields = record["session"]
        else:
            raise MessageError(f"line {number} describes another session: the file has fragments of two images")
    if session_fields is None:
        raise MessageError('no line describes the session ({"session": {"nb_frag": ..., "frag_size": ...}})')
    return SessionLine.parse(session_fields), fragments


def _record(line: bytes, number: int) -> dict[str, Any]:
    try:
        record = json.loads(line)
    except (ValueError, RecursionError):
        raise _not_a_fragment(number, "it must be JSON") from None
    if not isinstance(record, dict):
        raise _not_a_fragment(number, "it must be a JSON object")
    return record


def _fragment(record: dict[str, Any], number: int) -> DataFragment:
    n = record.get("n")
    if not isinstance(n, int) or isinstance(n, bool):
        raise _not_a_fragment(number, f"n must be a whole number, got {n!r}")
    try:
        return DataFragment(n=n, payload=bytes.fromhex(record["payload"]))
    except (KeyError, TypeError, ValueError):
        raise _not_a_fragment(number, "payload must be bytes in hexadecimal") from None


def _not_a_fragment(number: int, reason: str) -> MessageError:
    return MessageError(f"line {number} is not a fragment: {reason}; see the output of `fuota encode`")


def _is_integer(value: object) -> bool:
    return isinstance(value, int) and not isinstance(value, bool)
