"""Messages of devices about an update, and the outcome that follows from them."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field, replace
from enum import StrEnum

from fuota.errors import MessageError
from fuota.lorawan.codec import Command
from fuota.lorawan.fragmentation import FragDataBlockReceivedReq, FragSessionSetupAns, FragSessionStatusAns

IMAGE_REPORT_FPORT = 10
"""Application port on which a device reports the image that it runs (docs/image-report.md)."""

_IMAGE_REPORT_KIND = 0x01
_IMAGE_REPORT_BYTES = 33


@dataclass(frozen=True, slots=True, kw_only=True)
class ImageReport:
    """Application uplink that reports the image that the device runs: 0x01, then the SHA-256 of the image.

    No LoRaWAN specification has a message that proves an image (TS006 carries version numbers), so fuota defines this message; see
    docs/image-report.md.
    """

    sha256: bytes

    def to_bytes(self) -> bytes:
        """Return the 33 bytes of the message."""
        return bytes((_IMAGE_REPORT_KIND,)) + self.sha256

    @classmethod
    def parse(cls, payload: bytes) -> ImageReport:
        """Parse a payload. Raises MessageError if it is not 0x01 and 32 bytes."""
        if len(payload) != _IMAGE_REPORT_BYTES or payload[0] != _IMAGE_REPORT_KIND:
            raise MessageError(
                f"an image report must be 0x01 and a SHA-256, {_IMAGE_REPORT_BYTES} bytes, got {len(payload)} bytes"
            )
        return cls(sha256=bytes(payload[1:]))


class Outcome(StrEnum):
    """Outcome of an update on one device."""

    UPDATED = "updated"
    """The device reports the SHA-256 of the image that was sent."""
    COMPLETE = "complete"
    """The device reports a complete data block, but has not reported that it runs the image."""
    INCOMPLETE = "incomplete"
    """The device reports missing fragments."""
    CORRUPT = "corrupt"
    """The device reports a complete data block with a wrong MIC."""
    REFUSED = "refused"
    """The device refused the session."""
    SILENT = "silent"
    """No message of the device shows the outcome."""


@dataclass(frozen=True, slots=True, kw_only=True)
class DeviceReport:
    """Messages of one device, and the outcome that follows.

    dev_eui: DevEUI of the device. outcome: outcome of the update.
    missing, received: numbers of fragments in the last status; None without a status.
    sha256: hash in the last image report, hexadecimal; None without an image report.
    detail: explanation in words.
    """

    dev_eui: str
    outcome: Outcome = Outcome.SILENT
    missing: int | None = None
    received: int | None = None
    sha256: str | None = None
    detail: str = ""

    @property
    def settled(self) -> bool:
        """Whether no further message of the device is expected. A device with a complete block may still start the image."""
        if self.outcome is Outcome.INCOMPLETE:
            return self.sha256 is not None
        return self.outcome in {Outcome.UPDATED, Outcome.REFUSED, Outcome.CORRUPT}

    def to_json(self) -> dict[str, object]:
        """Return a flat object."""
        return {name: getattr(self, name) for name in self.__slots__}


@dataclass(frozen=True, slots=True, kw_only=True)
class Verdict:
    """Outcome of an update.

    sha256: SHA-256 of the image that was sent, hexadecimal. devices: a report for each targeted device.
    counts: number of devices with each outcome.
    """

    sha256: str
    devices: tuple[DeviceReport, ...]
    counts: Mapping[Outcome, int] = field(init=False)

    def __post_init__(self) -> None:
        counts = Counter(report.outcome for report in self.devices)
        object.__setattr__(self, "counts", {outcome: counts[outcome] for outcome in Outcome})

    @property
    def targeted(self) -> int:
        """Number of targeted devices."""
        return len(self.devices)

    @property
    def updated(self) -> int:
        """Number of devices that proved that they run the image."""
        return self.counts[Outcome.UPDATED]

    @property
    def settled(self) -> bool:
        """Whether no further message is expected from any device."""
        return all(report.settled for report in self.devices)

    def with_outcome(self, outcome: Outcome) -> tuple[DeviceReport, ...]:
        """Return the reports with this outcome."""
        return tuple(report for report in self.devices if report.outcome is outcome)


def judge(
    dev_eui: str, messages: Iterable[Command | ImageReport], *, sha256: str, nb_frag: int | None = None
) -> DeviceReport:
    """Return the report that follows from all messages of a device.

    dev_eui: DevEUI of the device. messages: its messages, in the order in which it sent them.
    sha256: SHA-256 of the image that was sent, hexadecimal. nb_frag: number of uncoded fragments; None if it is unknown.

    Only the image report is a proof; the answers of TS004 explain why there is no image report. A later status or image report
    replaces an earlier one.
    """
    report = DeviceReport(dev_eui=dev_eui)
    for message in messages:
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
        return replace(report, detail="the data block is complete, but the device runs another image")
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
    report = replace(report, missing=missing, received=received, detail="")
    if status.memory_error:
        return replace(report, outcome=Outcome.INCOMPLETE, detail="not enough memory to decode")
    if missing == 0 and received == 0:
        # LoRa Basics Modem answers zeros for a session that has had no fragment yet.
        return replace(report, outcome=Outcome.SILENT, missing=None, detail="reports that it received no fragment")
    if missing == 0:
        return replace(report, outcome=Outcome.CORRUPT if status.mic_error else Outcome.COMPLETE)
    if missing == 1 and received == nb_frag:
        # LoRa Basics Modem reports 1 missing after a reception without loss (Lora-net/SWL2001 issue 101). A device that received
        # as many fragments, some of them coded, and really lacks 1 reports the same: its image report shows the difference.
        return replace(
            report, outcome=Outcome.COMPLETE, detail="reports 1 missing but received as many as the image has"
        )
    return replace(report, outcome=Outcome.INCOMPLETE)


def _after_block_received(report: DeviceReport, request: FragDataBlockReceivedReq) -> DeviceReport:
    outcome = Outcome.CORRUPT if request.mic_error else Outcome.COMPLETE
    return replace(report, outcome=outcome, missing=0, detail="")
