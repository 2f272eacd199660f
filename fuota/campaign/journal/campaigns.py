"""Campaigns: what the journal records about each of them."""

from __future__ import annotations

import json
import sqlite3
from collections.abc import Mapping
from dataclasses import dataclass
from enum import StrEnum

_FACTS = ("image_name", "image_sha256", "image_bytes", "dev_euis", "request", "expected")
_OPTIONAL_FACTS = ("before", "target_sha256", "expect", "target", "plan_sha256")


class CampaignState(StrEnum):
    """State of a campaign, as far as we know."""

    INTENDED = "intended"
    """It is written down; whether the server has it is unknown."""
    LAUNCHED = "launched"
    """The server has it."""
    FINISHED = "finished"
    """The server says that it has ended."""
    CANCELLED = "cancelled"
    """It was cancelled, by us or by somebody else."""
    REFUSED = "refused"
    """The server did not accept it, or was never reached."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Campaign:
    """Update of a set of devices with one image.

    dev_euis: empty if the devices were named by tags. request: query of mcastTransfer. expected: what the transfer needs on
    air, see `Expected`. before: identity of the last job of the application before the launch, see `status.identity`.
    target_sha256: for a patch, SHA-256 of the image that it makes, which devices report.
    expect: number of devices that the tags stand for, as the user says. target: share of devices that must be updated.
    plan_sha256: hash of the plan, if it was read from a file.
    """

    id: str
    created_ms: int
    state: CampaignState
    server: str
    app_eui: str
    job_id: str | None
    image_name: str
    image_sha256: str
    image_bytes: int
    dev_euis: tuple[str, ...]
    request: Mapping[str, str]
    expected: Mapping[str, int]
    before: Mapping[str, object] | None
    target_sha256: str | None = None
    expect: int | None = None
    target: float | None = None
    plan_sha256: str | None = None

    @property
    def lasts_ms(self) -> int | None:
        """Time in ms from the launch to the end of the last frame: start delay and duration of the plan. None: not recorded."""
        if "duration_ms" not in self.expected:
            return None
        return self.expected["duration_ms"] + 1000 * int(self.request.get("startDelaySecs", 0))

    @property
    def airtime_ms(self) -> int:
        """Planned time on air of all frames in ms."""
        return self.expected.get("airtime_us", 0) // 1000

    def to_json(self) -> dict[str, object]:
        """Return a flat object."""
        return {name: getattr(self, name) for name in self.__slots__}


@dataclass(frozen=True, slots=True, kw_only=True)
class CampaignRow:
    """A campaign, with what only the journal needs.

    nr: number of the campaign, from 1. after_seq: number of the last uplink before the campaign. events: length of its history.
    concluded: whether its verdict is recorded, so that nobody waits for its devices.
    """

    nr: int
    campaign: Campaign
    after_seq: int
    events: int
    concluded: bool


def campaign_from(row: sqlite3.Row) -> Campaign:
    """Return the campaign of a row of the table. Raises ValueError, TypeError or KeyError if the row has other content."""
    facts = json.loads(row["facts"])
    facts["dev_euis"] = tuple(facts["dev_euis"])
    return Campaign(
        id=row["id"],
        created_ms=row["created_ms"],
        state=CampaignState(row["state"]),
        server=row["server"],
        app_eui=row["app_eui"],
        job_id=row["job_id"],
        **{name: facts[name] for name in _FACTS},
        **{name: facts.get(name) for name in _OPTIONAL_FACTS},
    )
