"""The three FUOTA calls: mcastTransfer, mcastStatus, mcastCancel (Application API reference, "FUOTA API")."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

from fuota import rules
from fuota.errors import ImageError, ParameterError
from fuota.network.senra import parameters
from fuota.network.senra.calls import Calls
from fuota.network.senra.transfer_answers import TransferJob, TransferStatus

FRAG_ALGS = ("FWD_ERR_CORR", "NB_TRANS")


@dataclass(frozen=True, slots=True, kw_only=True)
class TransferRequest:
    """All that mcastTransfer is told about a transfer; checked when made, so that a value of this type can be sent.

    dev_euis, dev_tags: exactly one of the two; kept as tuples.
    start_delay_s: seconds until the transfer begins, enough to set up every device, at least 1.
    redundancy: share of coded fragments, 0.0 to 1.0; also sent with NB_TRANS, where the reference leaves its meaning open.
    tx_channel, tx_data_rate: index of channel (0-255) and data rate (0-15); None is the server's default.
    contract_id: None is the default contract of the application.
    frag_alg: FWD_ERR_CORR (TS004) or NB_TRANS (every packet again). frag_pkg_ver: 1 or 2, which exclude each other.
    dev_class: "B" or "C" for the time of the session. millis_between_pkts: at least 1.
    descriptor: the 4 octets of TS004's FragSessionSetupReq, bytes or hex, sent in the order given.
    max_frag_size: bytes, 0-253, 0 for no limit.
    file_name: of the multipart part, not of the wire's query.

    Raises ParameterError.
    """

    app_eui: str
    start_delay_s: int
    redundancy: float
    dev_euis: Sequence[str] | None = None
    dev_tags: Sequence[str] | None = None
    tx_channel: int | None = None
    tx_data_rate: int | None = None
    contract_id: int | None = None
    frag_alg: str = "FWD_ERR_CORR"
    frag_pkg_ver: int = 1
    dev_class: str = "C"
    millis_between_pkts: int = 5000
    descriptor: bytes = b"\0\0\0\0"
    use_multi_pkg: bool = False
    max_frag_size: int = 0
    file_name: str = "firmware.bin"

    def __post_init__(self) -> None:
        dev_euis, dev_tags = parameters.targets(self.dev_euis, self.dev_tags)
        checked = {
            "app_eui": parameters.eui("app_eui", self.app_eui),
            "start_delay_s": rules.integer("start_delay_s", self.start_delay_s, 1),
            "redundancy": 0.0 + rules.probability("redundancy", self.redundancy),
            "dev_euis": dev_euis,
            "dev_tags": dev_tags,
            # ChIndex is one octet, DataRate four bits (LoRaWAN L2 1.0.4 NewChannelReq and LinkADRReq)
            "tx_channel": rules.optional_integer("tx_channel", self.tx_channel, 0, 255),
            "tx_data_rate": rules.optional_integer("tx_data_rate", self.tx_data_rate, 0, 15),
            "contract_id": rules.optional_integer("contract_id", self.contract_id, 1),
            "frag_alg": rules.one_of("frag_alg", self.frag_alg, FRAG_ALGS),
            "frag_pkg_ver": rules.integer("frag_pkg_ver", self.frag_pkg_ver, 1, 2),
            "dev_class": rules.one_of("dev_class", self.dev_class, ("B", "C")),
            "millis_between_pkts": rules.integer("millis_between_pkts", self.millis_between_pkts, 1),
            "descriptor": parameters.fixed_bytes("descriptor", self.descriptor, 4),
            "use_multi_pkg": parameters.flag("use_multi_pkg", self.use_multi_pkg),
            "max_frag_size": rules.integer("max_frag_size", self.max_frag_size, 0, 253),
            "file_name": _file_name(self.file_name),
        }
        for name, value in checked.items():
            object.__setattr__(self, name, value)

    def query(self) -> dict[str, str]:
        """The query by its wire names; defaults are written out, what is left to the server is left out."""
        return parameters.query(
            {
                "appEui": self.app_eui,
                "devEuis": self.dev_euis,
                "devTags": self.dev_tags,
                "startDelaySecs": self.start_delay_s,
                "txChnl": self.tx_channel,
                "txDr": self.tx_data_rate,
                "contractId": self.contract_id,
                "fragAlg": self.frag_alg,
                "fragPkgVer": self.frag_pkg_ver,
                "devClass": self.dev_class,
                "redundancy": self.redundancy,
                "millisBetweenPkts": self.millis_between_pkts,
                "descriptor": self.descriptor,
                "useMultiPkg": self.use_multi_pkg,
                "maxFragSize": self.max_frag_size,
            }
        )


class Transfers:
    """FUOTA tasks. The server keeps one job per application and names it after the application.

    Every method raises ParameterError before anything is sent, and NetworkError (see `fuota.errors`). There is no key
    against sending twice: after an UnreachableError with `maybe_received`, a ServerFault or a MalformedAnswerError of
    `start`, ask `status` by app_eui before starting again.
    """

    def __init__(self, calls: Calls) -> None:
        self._calls = calls

    def start(self, image: bytes, **request: Any) -> TransferJob:
        """Send the image to be transferred; the arguments after it are the fields of `TransferRequest`."""
        return self.send(TransferRequest(**request), image)

    def send(self, request: TransferRequest, image: bytes) -> TransferJob:
        """`start` for a request made before. Raises ImageError for an empty image."""
        if not image:
            raise ImageError("the image is empty (0 bytes): at least 1 byte is needed")
        # The table says "Request Body", the example posts a multipart part called file: the example is what works.
        part = (request.file_name, bytes(image), "application/octet-stream")
        return TransferJob.from_answer(self._calls.post("mcastTransfer", request.query(), files={"file": part}))

    def status(self, *, job_id: str | None = None, app_eui: str | None = None) -> TransferStatus:
        """How a pending or running task stands, by exactly one of its job and its application."""
        parameters.exactly_one(job_id=job_id, app_eui=app_eui)
        query = _job(job_id) if job_id is not None else _application(app_eui)
        return TransferStatus.from_answer(self._calls.get("mcastStatus", query))

    def cancel(
        self,
        *,
        job_id: str | None = None,
        app_eui: str | None = None,
        dev_euis: Sequence[str] | None = None,
        dev_tags: Sequence[str] | None = None,
    ) -> TransferJob:
        """Cancel a whole task by job_id, or some of its devices by app_eui and exactly one of dev_euis and dev_tags.

        What a device does that is already receiving is not documented.
        """
        parameters.exactly_one(job_id=job_id, app_eui=app_eui)
        if job_id is None:
            euis, tags = parameters.targets(dev_euis, dev_tags)
            query = _application(app_eui) | parameters.query({"devEuis": euis, "devTags": tags})
        elif dev_euis or dev_tags:
            raise ParameterError("job_id cancels the whole task; to cancel some devices give app_eui in its place")
        else:
            query = _job(job_id)
        return TransferJob.from_answer(self._calls.post("mcastCancel", query))


def _job(job_id: str) -> dict[str, str]:
    return {"jobId": parameters.word("job_id", job_id)}  # jobID in the tables, jobId in every example


def _application(app_eui: str | None) -> dict[str, str]:
    return {"appEui": parameters.eui("app_eui", app_eui or "")}


def _file_name(value: str) -> str:
    if not isinstance(value, str) or not value or not value.isprintable() or set(value) & set('/\\"'):
        raise ParameterError(
            f"file_name is {value!r}: it must be a plain file name without a folder, such as firmware.bin"
        )
    return value
