"""What was noticed about a plan or an image: how bad it is, what it is, and what to do."""

from __future__ import annotations

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
