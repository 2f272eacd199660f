"""Result of one check."""

from __future__ import annotations

from dataclasses import dataclass
from enum import StrEnum


class State(StrEnum):
    """Result of a check."""

    OK = "OK"
    WARN = "WARN"
    FAIL = "FAIL"


class Area(StrEnum):
    """Subject of a failed check."""

    MACHINE = "machine"
    KEY = "key"
    NETWORK = "network"


@dataclass(frozen=True, slots=True, kw_only=True)
class Check:
    """Finding of a check and, unless all is well, what to do. area: subject of the check."""

    name: str
    state: State
    finding: str
    advice: str = ""
    area: Area = Area.MACHINE


def ok(name: str, finding: str) -> Check:
    """Return a check that passed."""
    return Check(name=name, state=State.OK, finding=finding)


def warn(name: str, finding: str, advice: str) -> Check:
    """Return a check that found something that does not stop a campaign."""
    return Check(name=name, state=State.WARN, finding=finding, advice=advice)


def fail(name: str, finding: str, advice: str = "", area: Area = Area.MACHINE) -> Check:
    """Return a check that found something that stops a campaign."""
    return Check(name=name, state=State.FAIL, finding=finding, advice=advice, area=area)
