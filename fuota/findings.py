"""What was noticed about a plan or an image: how bad it is, what it is, and what to do."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from enum import StrEnum


class Severity(StrEnum):
    """How much a finding matters."""

    NOTE = "note"
    """Good to know."""
    WARNING = "warning"
    """It may cost devices, or time."""
    ERROR = "error"
    """It must not be sent like this."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Finding:
    """One thing noticed. `code` is stable and documented; `message` says what it is and what to do, in one sentence or two."""

    severity: Severity
    code: str
    message: str

    def to_json(self) -> dict[str, str]:
        """A flat object."""
        return {"severity": self.severity.value, "code": self.code, "message": self.message}


def note(code: str, message: str) -> Finding:
    """A finding that is good to know."""
    return Finding(severity=Severity.NOTE, code=code, message=message)


def warning(code: str, message: str) -> Finding:
    """A finding that may cost devices or time."""
    return Finding(severity=Severity.WARNING, code=code, message=message)


def error(code: str, message: str) -> Finding:
    """A finding for which nothing must be sent."""
    return Finding(severity=Severity.ERROR, code=code, message=message)


@dataclass(frozen=True, slots=True)
class Findings:
    """What was noticed, in the order of noticing. `ok`: nothing that forbids sending."""

    items: tuple[Finding, ...] = ()

    @property
    def ok(self) -> bool:
        """Whether there is no error among them."""
        return not self.errors

    @property
    def errors(self) -> tuple[Finding, ...]:
        """Those for which nothing must be sent."""
        return tuple(finding for finding in self.items if finding.severity is Severity.ERROR)

    @property
    def warnings(self) -> tuple[Finding, ...]:
        """Those that may cost devices or time."""
        return tuple(finding for finding in self.items if finding.severity is Severity.WARNING)

    @property
    def codes(self) -> tuple[str, ...]:
        """The code of each."""
        return tuple(finding.code for finding in self.items)

    def __iter__(self) -> Iterator[Finding]:
        return iter(self.items)

    def __len__(self) -> int:
        return len(self.items)

    def __add__(self, others: Iterable[Finding]) -> Findings:
        return Findings((*self.items, *others))
