"""Multicast groups: the six calls mcast/* (Application API reference, "Multicast API")."""

from __future__ import annotations

from collections.abc import Sequence

from fuota import rules
from fuota.network.senra import parameters
from fuota.network.senra.calls import Calls
from fuota.network.senra.multicast_answers import DownlinkReceipt, McGroup

MCAST_TYPES = ("APP", "D2D")


class Multicast:
    """Groups of devices of one application, which hear the same downlinks.

    The server gives no list of its groups: keep the `mc_addr` that `setup` answers. mcast_type: APP for downlinks of
    the application server (always sent, since the server's own default is D2D, from device to device).
    Every method raises ParameterError before anything is sent, NetworkError (see `fuota.errors`), and, where it answers
    a group, MalformedAnswerError for an answer without mcAddr. There is no key against sending twice.
    """

    def __init__(self, calls: Calls) -> None:
        self._calls = calls

    def setup(  # noqa: PLR0913 - one argument for each row of the reference
        self,
        app_eui: str,
        *,
        dev_euis: Sequence[str] | None = None,
        dev_tags: Sequence[str] | None = None,
        tx_channel: int | None = None,
        tx_data_rate: int | None = None,
        contract_id: int | None = None,
        dev_class: str = "C",
        mcast_type: str = "APP",
        periodicity: int | None = None,
    ) -> McGroup:
        """Make a group (Application API reference, "Multicast Group Setup").

        dev_euis, dev_tags: exactly one of the two. tx_channel, tx_data_rate: index of channel (0-255) and data rate
        (0-15); None is the server's default. contract_id: None is the application's. dev_class: "B" or "C".
        periodicity: of class B's ping slots, 0 to 7: every 2^periodicity seconds; None is the server's default, 3.
        The length of the session, in seconds, and its start are the server's choice: see the answer.
        Raises ParameterError, NetworkError.
        """
        euis, tags = parameters.targets(dev_euis, dev_tags)
        query = parameters.query(
            {
                "appEui": parameters.eui("app_eui", app_eui),
                "devEuis": euis,
                "devTags": tags,
                "txChnl": rules.optional_integer("tx_channel", tx_channel, 0, 255),
                "txDr": rules.optional_integer("tx_data_rate", tx_data_rate, 0, 15),
                "contractId": rules.optional_integer("contract_id", contract_id, 1),
                "devClass": parameters.device_class("dev_class", dev_class, ("B", "C")),
                "type": rules.one_of("mcast_type", mcast_type, MCAST_TYPES),
                "periodicity": rules.optional_integer("periodicity", periodicity, 0, 7),
            }
        )
        return McGroup.from_answer(self._calls.post("mcast/setup", query))

    def add_devices(
        self,
        app_eui: str,
        mc_addr: str,
        *,
        dev_euis: Sequence[str] | None = None,
        dev_tags: Sequence[str] | None = None,
        mcast_type: str = "APP",
    ) -> McGroup:
        """Add devices to a group (Application API reference, "Add Devices To Existing Multicast Group").

        mc_addr: 8 hex digits. dev_euis, dev_tags: exactly one of the two. Raises ParameterError, NetworkError.
        """
        query = _group(app_eui, mc_addr, mcast_type) | _devices(dev_euis, dev_tags)
        return McGroup.from_answer(self._calls.post("mcast/addDevices", query))

    def remove_devices(
        self,
        app_eui: str,
        mc_addr: str,
        *,
        dev_euis: Sequence[str] | None = None,
        dev_tags: Sequence[str] | None = None,
        mcast_type: str = "APP",
    ) -> McGroup:
        """Remove devices from a group (Application API reference, "Remove Devices From Existing Multicast Group").

        mc_addr: 8 hex digits. dev_euis, dev_tags: exactly one of the two. Raises ParameterError, NetworkError.
        """
        query = _group(app_eui, mc_addr, mcast_type) | _devices(dev_euis, dev_tags)
        return McGroup.from_answer(self._calls.post("mcast/removeDevices", query))

    def status(self, app_eui: str, mc_addr: str, *, mcast_type: str = "APP") -> McGroup:
        """How a group and its devices stand (Application API reference, "Multicast Group Status").

        mc_addr: 8 hex digits. Raises ParameterError, NetworkError.
        """
        return McGroup.from_answer(self._calls.get("mcast/status", _group(app_eui, mc_addr, mcast_type)))

    def send(
        self, app_eui: str, mc_addr: str, pdu: bytes | str, *, port: int = 1, mcast_type: str = "APP"
    ) -> DownlinkReceipt:
        """Send a message to a group (Application API reference, "Multicast API", mcast/sendmsg).

        mc_addr: 8 hex digits. pdu: 0 to 242 octets, bytes or hex. port: FPort, 1 to 254; LoRaWAN keeps 224 and above
        for itself. Raises ParameterError, NetworkError.
        """
        message = {"pdu": parameters.pdu("pdu", pdu), "port": rules.integer("port", port, 1, 254)}
        query = _group(app_eui, mc_addr, mcast_type) | parameters.query(message)
        return DownlinkReceipt.from_answer(self._calls.post("mcast/sendmsg", query))

    def delete(self, app_eui: str, mc_addr: str, *, mcast_type: str = "APP") -> McGroup:
        """Remove a group (Application API reference, "Multicast Group Removal"). The answer's devices are closing.

        mc_addr: 8 hex digits. Raises ParameterError, NetworkError.
        """
        return McGroup.from_answer(self._calls.post("mcast/delete", _group(app_eui, mc_addr, mcast_type)))


def _group(app_eui: str, mc_addr: str, mcast_type: str) -> dict[str, str]:
    return parameters.query(
        {
            "appEui": parameters.eui("app_eui", app_eui),
            "type": rules.one_of("mcast_type", mcast_type, MCAST_TYPES),
            "mcAddr": parameters.mc_addr("mc_addr", mc_addr),
        }
    )


def _devices(dev_euis: Sequence[str] | None, dev_tags: Sequence[str] | None) -> dict[str, str]:
    euis, tags = parameters.targets(dev_euis, dev_tags)
    return parameters.query({"devEuis": euis, "devTags": tags})
