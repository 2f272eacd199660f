"""The three FUOTA calls: mcastTransfer, mcastStatus, mcastCancel (Application API reference, "FUOTA API")."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from fuota import rules
from fuota.calls import checked_call, checked_init
from fuota.errors import ImageError, ParameterError
from fuota.network.senra import parameters
from fuota.network.senra.calls import Calls
from fuota.network.senra.transfer_answers import TransferJob, TransferStatus

FRAG_ALGS = ("FWD_ERR_CORR", "NB_TRANS")
DEFAULT_START_DELAY_S = 300


@checked_init
@dataclass(frozen=True, slots=True, kw_only=True)
class TransferRequest:
    """Parameters of mcastTransfer, with the API's name of each. They are checked when the value is made.

    app_eui (appEui): application of the devices, 16 hex digits.
    start_delay_s (startDelaySecs): seconds until the transfer begins, at least 1: enough to set up every device.
    redundancy (redundancy): share of coded fragments, 0 to 1. It is sent with NB_TRANS too; the reference does not say what it
        means there.
    dev_euis (devEuis), dev_tags (devTags): the devices, by their EUIs or by tags: exactly one of the two, kept as a tuple.
    tx_channel (txChnl), tx_data_rate (txDr): index of the channel, 0 to 255, and of the data rate, 0 to 15; None for the server's
        default.
    contract_id (contractId): at least 1; None for the default contract of the application.
    frag_alg (fragAlg): FWD_ERR_CORR (TS004), or NB_TRANS (every packet is repeated).
    frag_pkg_ver (fragPkgVer): version of TS004, 1 or 2; the two are not compatible.
    dev_class (devClass): class of the devices during the session, "B" or "C".
    millis_between_pkts (millisBetweenPkts): milliseconds between packets, at least 1.
    descriptor (descriptor): the 4 bytes of TS004's FragSessionSetupReq, as bytes or in hexadecimal, sent in the order given.
    use_multi_pkg (useMultiPkg): whether to use TS007 (several packages in one message).
    max_frag_size (maxFragSize): longest fragment in bytes, 0 to 253, 0 for no limit.
    file_name: name of the image in the multipart form; not a parameter of the API.

    Raises ParameterError.
    """

    app_eui: str
    start_delay_s: int = DEFAULT_START_DELAY_S
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
    descriptor: bytes | str = b"\0\0\0\0"
    use_multi_pkg: bool = False
    max_frag_size: int = 0
    file_name: str = "firmware.bin"

    def __post_init__(self) -> None:
        dev_euis, dev_tags = parameters.targets(self.dev_euis, self.dev_tags)
        checked = {
            "app_eui": parameters.eui("app_eui", self.app_eui),
            "start_delay_s": rules.integer("start_delay_s", self.start_delay_s, 1),
            "redundancy": 0.0 + rules.probability("redundancy", self.redundancy),  # -0.0 becomes 0.0
            "dev_euis": dev_euis,
            "dev_tags": dev_tags,
            # ChIndex has 8 bits, DataRate 4 bits (LoRaWAN L2 1.0.4 NewChannelReq and LinkADRReq).
            "tx_channel": rules.optional_integer("tx_channel", self.tx_channel, 0, 255),
            "tx_data_rate": rules.optional_integer("tx_data_rate", self.tx_data_rate, 0, 15),
            "contract_id": rules.optional_integer("contract_id", self.contract_id, 1),
            "frag_alg": rules.one_of("frag_alg", self.frag_alg, FRAG_ALGS),
            "frag_pkg_ver": rules.integer("frag_pkg_ver", self.frag_pkg_ver, 1, 2),
            "dev_class": rules.one_of("dev_class", self.dev_class, ("B", "C")),
            "millis_between_pkts": rules.integer("millis_between_pkts", self.millis_between_pkts, 1),
            "descriptor": self.descriptor_bytes,
            "use_multi_pkg": parameters.flag("use_multi_pkg", self.use_multi_pkg),
            "max_frag_size": rules.integer("max_frag_size", self.max_frag_size, 0, 253),
            "file_name": _file_name(self.file_name),
        }
        for name, value in checked.items():
            object.__setattr__(self, name, value)

    @property
    def descriptor_bytes(self) -> bytes:
        """The descriptor as 4 bytes."""
        return parameters.fixed_bytes("descriptor", self.descriptor, 4)

    def query(self) -> dict[str, str]:
        """Return the query parameters by the API's names.

        Defaults of this class are included. Parameters that are left to the server are not.
        """
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
    """FUOTA transfers. The server keeps one transfer per application and names it after the application.

    Every method raises ParameterError before anything is sent, and NetworkError (see `fuota.errors`). Nothing protects against
    sending twice: if `start` raises UnreachableError with `maybe_received`, ServerFault or MalformedAnswerError, ask for the
    `status` by app_eui before starting again.
    """

    def __init__(self, calls: Calls) -> None:
        self._calls = calls

    @checked_call
    def start(  # noqa: PLR0913 - the parameters of the call
        self,
        image: bytes,
        *,
        app_eui: str,
        start_delay_s: int = DEFAULT_START_DELAY_S,
        redundancy: float,
        dev_euis: Sequence[str] | None = None,
        dev_tags: Sequence[str] | None = None,
        tx_channel: int | None = None,
        tx_data_rate: int | None = None,
        contract_id: int | None = None,
        frag_alg: str = "FWD_ERR_CORR",
        frag_pkg_ver: int = 1,
        dev_class: str = "C",
        millis_between_pkts: int = 5000,
        descriptor: bytes | str = b"\0\0\0\0",
        use_multi_pkg: bool = False,
        max_frag_size: int = 0,
        file_name: str = "firmware.bin",
    ) -> TransferJob:
        """Send an image and start its transfer (mcastTransfer).

        image: content of the image. app_eui (appEui): application of the devices, 16 hex digits.
        start_delay_s (startDelaySecs): seconds until the transfer begins, at least 1.
        redundancy (redundancy): share of coded fragments, 0 to 1.
        dev_euis (devEuis), dev_tags (devTags): the devices, by their EUIs or by tags: exactly one of the two.
        tx_channel (txChnl), tx_data_rate (txDr): index of the channel, 0 to 255, and of the data rate, 0 to 15.
        contract_id (contractId): at least 1. None for these three leaves the choice to the server.
        frag_alg (fragAlg): FWD_ERR_CORR or NB_TRANS. frag_pkg_ver (fragPkgVer): version of TS004, 1 or 2.
        dev_class (devClass): "B" or "C". millis_between_pkts (millisBetweenPkts): milliseconds between packets, at least 1.
        descriptor (descriptor): 4 bytes, as bytes or in hexadecimal. use_multi_pkg (useMultiPkg): whether to use TS007.
        max_frag_size (maxFragSize): longest fragment in bytes, 0 to 253, 0 for no limit. file_name: of the multipart form.

        `TransferRequest` has more about each. Raises ParameterError, ImageError for an empty image, NetworkError.
        """
        request = TransferRequest(
            app_eui=app_eui,
            start_delay_s=start_delay_s,
            redundancy=redundancy,
            dev_euis=dev_euis,
            dev_tags=dev_tags,
            tx_channel=tx_channel,
            tx_data_rate=tx_data_rate,
            contract_id=contract_id,
            frag_alg=frag_alg,
            frag_pkg_ver=frag_pkg_ver,
            dev_class=dev_class,
            millis_between_pkts=millis_between_pkts,
            descriptor=descriptor,
            use_multi_pkg=use_multi_pkg,
            max_frag_size=max_frag_size,
            file_name=file_name,
        )
        return self.send(request, image)

    @checked_call
    def send(self, request: TransferRequest, image: bytes) -> TransferJob:
        """Send an image and start its transfer with the parameters in `request`.

        image: content of the image. Raises ImageError for an empty image, NetworkError.
        """
        if not image:
            raise ImageError("the image is empty (0 bytes): at least 1 byte is needed")
        # The table says "Request Body", the example posts a multipart part called file. The server accepts the example's form.
        part = (request.file_name, bytes(image), "application/octet-stream")
        return TransferJob.from_answer(self._calls.post("mcastTransfer", request.query(), files={"file": part}))

    @checked_call
    def status(self, *, job_id: str | None = None, app_eui: str | None = None) -> TransferStatus:
        """Return the status of a pending or running transfer (mcastStatus).

        job_id (jobId), app_eui (appEui): the transfer, by its job or by its application: exactly one of the two.
        Raises ParameterError, NetworkError.
        """
        parameters.exactly_one(job_id=job_id, app_eui=app_eui)
        query = _job_query(job_id) if job_id is not None else _application_query(app_eui)
        return TransferStatus.from_answer(self._calls.get("mcastStatus", query))

    @checked_call
    def cancel(
        self,
        *,
        job_id: str | None = None,
        app_eui: str | None = None,
        dev_euis: Sequence[str] | None = None,
        dev_tags: Sequence[str] | None = None,
    ) -> TransferJob:
        """Cancel a whole transfer by its job, or the transfer to some of its devices by its application (mcastCancel).

        job_id (jobId), app_eui (appEui): exactly one of the two.
        dev_euis (devEuis), dev_tags (devTags): with app_eui exactly one of the two, with job_id neither.

        The reference does not say what a device does that is already receiving. Raises ParameterError, NetworkError.
        """
        parameters.exactly_one(job_id=job_id, app_eui=app_eui)
        if job_id is None:
            euis, tags = parameters.targets(dev_euis, dev_tags)
            query = _application_query(app_eui) | parameters.query({"devEuis": euis, "devTags": tags})
        elif dev_euis or dev_tags:
            raise ParameterError("job_id cancels the whole transfer; to cancel some devices give app_eui instead")
        else:
            query = _job_query(job_id)
        return TransferJob.from_answer(self._calls.post("mcastCancel", query))


def _job_query(job_id: str) -> dict[str, str]:
    return {"jobId": parameters.word("job_id", job_id)}  # jobID in the tables, jobId in every example


def _application_query(app_eui: str | None) -> dict[str, str]:
    return {"appEui": parameters.eui("app_eui", app_eui or "")}


def _file_name(value: str) -> str:
    if not isinstance(value, str) or not value or not value.isprintable() or set(value) & set('/\\"'):
        rules.refuse("file_name", "a plain file name without a folder, such as firmware.bin", value)
    return value
