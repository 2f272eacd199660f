"""What devices say of an update, and what follows from it."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field, replace
from enum import StrEnum
from typing import Any

from fuota.errors import MessageError
from fuota.lorawan.codec import Command
from fuota.lorawan.fragmentation import FragDataBlockReceivedReq, FragSessionSetupAns, FragSessionStatusAns

IMAGE_REPORT_FPORT = 10
"""The application port on which a device says which image it runs (docs/image-report.md)."""

_IMAGE_REPORT_KIND = 0x01


@dataclass(frozen=True, slots=True, kw_only=True)
class ImageReport:
    """An application uplink by which a device says which image it runs: 0x01, then the SHA-256 of the image.

    No LoRaWAN specification has such a message that proves an image (TS006 carries version numbers), so this is ours; see
    docs/image-report.md.
    """

    sha256: bytes

    def to_bytes(self) -> bytes:
        """33 octets."""
        return bytes((_IMAGE_REPORT_KIND,)) + self.sha256

    @classmethod
    def parse(cls, payload: bytes) -> ImageReport:
        """Raises MessageError for anything but 0x01 and 32 octets."""
        if len(payload) != 33 or payload[0] != _IMAGE_REPORT_KIND:
            raise MessageError(f"{len(payload)} octets are no image report: it is 0x01 and a SHA-256, 33 octets")
        return cls(sha256=bytes(payload[1:]))


class Outcome(StrEnum):
    """How an update ended on one device."""

    UPDATED = "updated"
    """It reports the SHA-256 of the very image that was sent."""
    COMPLETE = "complete"
    """It says that the block is whole, but has not reported that it runs the image."""
    INCOMPLETE = "incomplete"
    """It says that fragments are missing."""
    CORRUPT = "corrupt"
    """It says that the block is whole and its MIC wrong."""
    REFUSED = "refused"
    """It refused the session."""
    SILENT = "silent"
    """Nothing that it said, if anything, tells how the update ended."""


@dataclass(frozen=True, slots=True, kw_only=True)
class DeviceReport:
    """What one device said, and what follows.

    `missing` and `received` fragments as in its last status, `sha256` (hexadecimal) as in its last image report, each None
    where it has sent none; `detail` explains in words.
    """

    dev_eui: str
    outcome: Outcome = Outcome.SILENT
    missing: int | None = None
    received: int | None = None
    sha256: str | None = None
    detail: str = ""

    @property
    def settled(self) -> bool:
        """Whether nothing further is expected of this device. One that is complete may still start the image."""
        if self.outcome is Outcome.INCOMPLETE:
            return self.sha256 is not None
        return self.outcome in {Outcome.UPDATED, Outcome.REFUSED, Outcome.CORRUPT}

    def to_json(self) -> dict[str, Any]:
        """A flat object."""
        return {name: getattr(self, name) for name in self.__slots__}


@dataclass(frozen=True, slots=True, kw_only=True)
class Verdict:
    """How an update ended: one report for each device targeted."""

    sha256: str
    """SHA-256 of the image that was sent, hexadecimal."""
    devices: tuple[DeviceReport, ...]
    counts: Mapping[Outcome, int] = field(init=False)

    def __post_init__(self) -> None:
        counted = Counter(report.outcome for report in self.devices)
        object.__setattr__(self, "counts", {outcome: counted[outcome] for outcome in Outcome})

    @property
    def targeted(self) -> int:
        """How many devices there are reports for."""
        return len(self.devices)

    @property
    def updated(self) -> int:
        """How many devices proved that they run the image."""
        return self.counts[Outcome.UPDATED]

    @property
    def settled(self) -> bool:
        """Whether nothing that a device may still say would change anything."""
        return all(report.settled for report in self.devices)

    def with_outcome(self, outcome: Outcome) -> tuple[DeviceReport, ...]:
        """The reports with this outcome."""
        return tuple(report for report in self.devices if report.outcome is outcome)


def judge(
    dev_eui: str, said: Iterable[Command | ImageReport], *, sha256: str, nb_frag: int | None = None
) -> DeviceReport:
    """What follows from all that a device said, in the order of its saying, about the image with this `sha256`.

    `nb_frag`: the number of uncoded fragments, where it is known. The proof is the image report alone; TS004's own answers
    serve to explain why there is none. A later status or image report replaces an earlier one.
    """
    report = DeviceReport(dev_eui=dev_eui)
    for message in said:
        match message:
            case ImageReport():
                report = replace(report, sha256=message.sha256.hex())
            case FragSessionSetupAns():
                report = _after_setup(report, message)
            case FragSessionStatusAns() if not message.session_does_not_exist:
                report = _after_status(report, message, nb_frag)
            case FragDataBlockReceivedReq():
                report = _after_block_received(report, message)
            case _:
                pass
    if report.sha256 == sha256:
        return replace(report, outcome=Outcome.UPDATED, missing=0, detail="")
    if report.outcome is Outcome.COMPLETE and report.sha256 is not None:
        if report.missing:
            return replace(report, outcome=Outcome.INCOMPLETE, detail=f"{report.detail}; it runs another image")
        return replace(report, detail="the block is whole, but the device runs another image")
    return report


def _after_setup(report: DeviceReport, answer: FragSessionSetupAns) -> DeviceReport:
    if answer.accepted:
        return replace(report, outcome=Outcome.SILENT, detail="accepted the session, then sent no status")
    reasons = {
        "the algorithm is not supported": answer.frag_algo_unsupported,
        "not enough memory": answer.not_enough_memory,
        "FragIndex not supported": answer.frag_index_unsupported,
        "wrong descriptor": answer.wrong_descriptor,
        "SessionCnt was used before": answer.session_cnt_replay,
    }
    detail = ", ".join(reason for reason, applies in reasons.items() if applies)
    return replace(report, outcome=Outcome.REFUSED, detail=detail)


def _after_status(report: DeviceReport, status: FragSessionStatusAns, nb_frag: int | None) -> DeviceReport:
    missing, received = status.missing_frag, status.nb_frag_received
    said = replace(report, missing=missing, received=received, detail="")
    if status.memory_error:
        return replace(said, outcome=Outcome.INCOMPLETE, detail="not enough memory to decode")
    if missing == 0 and received == 0:
        # LoRa Basics Modem answers zeros for a session that has had no fragment yet.
        return replace(said, outcome=Outcome.SILENT, missing=None, detail="says that it received no fragment")
    if missing == 0:
        return replace(said, outcome=Outcome.CORRUPT if status.mic_error else Outcome.COMPLETE)
    if missing == 1 and received == nb_frag:
        # LoRa Basics Modem reports one missing after a reception without loss (Lora-net/SWL2001 issue 101). A device that
        # heard as many fragments, some of them coded, and truly lacks one says the same: its image report tells them apart.
        return replace(said, outcome=Outcome.COMPLETE, detail="says 1 missing with as many received as the image has")
    return replace(said, outcome=Outcome.INCOMPLETE)


def _after_block_received(report: DeviceReport, request: FragDataBlockReceivedReq) -> DeviceReport:
    outcome = Outcome.CORRUPT if request.mic_error else Outcome.COMPLETE
    return replace(report, outcome=outcome, missing=0, detail="")
