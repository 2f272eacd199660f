"""Multicast groups: the six calls mcast/* (Application API reference, "Multicast API")."""

from __future__ import annotations

from collections.abc import Sequence

from fuota import rules
from fuota.calls import checked_call
from fuota.network.senra import parameters
from fuota.network.senra.calls import Calls
from fuota.network.senra.multicast_answers import DownlinkReceipt, McGroup

MCAST_TYPES = ("APP", "D2D")


class Multicast:
    """Multicast groups: devices of one application that receive the same downlinks.

    Parameters that several methods have, with the API's names:
    app_eui (appEui): application of the group, 16 hex digits. mc_addr (mcAddr): address of the group, 8 hex digits. The server has
        no list of its groups, so keep the address that `setup` returns.
    dev_euis (devEuis), dev_tags (devTags): devices, by their EUIs or by tags: exactly one of the two.
    mcast_type (type): APP for downlinks of the application server, D2D for messages from device to device. It is always sent,
        because the server's own default is D2D.

    Every method raises ParameterError before anything is sent, and NetworkError (see `fuota.errors`). Methods that return a group
    raise MalformedAnswerError for an answer without mcAddr. Nothing protects against sending twice.
    """

    def __init__(self, calls: Calls) -> None:
        self._calls = calls

    @checked_call
    def setup(  # noqa: PLR0913 - the parameters of the call
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
        """Create a group (Application API reference, "Multicast Group Setup").

        app_eui, dev_euis, dev_tags, mcast_type: see the class.
        tx_channel (txChnl), tx_data_rate (txDr): index of the channel, 0 to 255, and of the data rate, 0 to 15; None for the
            server's default.
        contract_id (contractId): at least 1; None for the contract of the application.
        dev_class (devClass): "B" or "C". periodicity (periodicity): 0 to 7; a class B ping slot every 2^periodicity seconds; None
            for the server's default, 3.

        The server chooses the start and the duration of the session: see the answer. Raises ParameterError, NetworkError.
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

    @checked_call
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

        app_eui, mc_addr, dev_euis, dev_tags, mcast_type: see the class. Raises ParameterError, NetworkError.
        """
        query = _group_query(app_eui, mc_addr, mcast_type) | _devices_query(dev_euis, dev_tags)
        return McGroup.from_answer(self._calls.post("mcast/addDevices", query))

    @checked_call
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

        app_eui, mc_addr, dev_euis, dev_tags, mcast_type: see the class. Raises ParameterError, NetworkError.
        """
        query = _group_query(app_eui, mc_addr, mcast_type) | _devices_query(dev_euis, dev_tags)
        return McGroup.from_answer(self._calls.post("mcast/removeDevices", query))

    @checked_call
    def status(self, app_eui: str, mc_addr: str, *, mcast_type: str = "APP") -> McGroup:
        """Return a group and the states of its devices (Application API reference, "Multicast Group Status").

        app_eui, mc_addr, mcast_type: see the class. Raises ParameterError, NetworkError.
        """
        return McGroup.from_answer(self._calls.get("mcast/status", _group_query(app_eui, mc_addr, mcast_type)))

    @checked_call
    def send(
        self, app_eui: str, mc_addr: str, pdu: bytes | str, *, port: int = 1, mcast_type: str = "APP"
    ) -> DownlinkReceipt:
        """Send a message to a group (Application API reference, "Multicast API", mcast/sendmsg).

        app_eui, mc_addr, mcast_type: see the class.
        pdu (pdu): payload of 0 to 242 bytes, as bytes or in hexadecimal. port (port): FPort, 1 to 254; LoRaWAN reserves 224 and
            above. Raises ParameterError, NetworkError.
        """
        message = {"pdu": parameters.pdu("pdu", pdu), "port": rules.integer("port", port, 1, 254)}
        query = _group_query(app_eui, mc_addr, mcast_type) | parameters.query(message)
        return DownlinkReceipt.from_answer(self._calls.post("mcast/sendmsg", query))

    @checked_call
    def delete(self, app_eui: str, mc_addr: str, *, mcast_type: str = "APP") -> McGroup:
        """Remove a group (Application API reference, "Multicast Group Removal"). The devices in the answer are closing.

        app_eui, mc_addr, mcast_type: see the class. Raises ParameterError, NetworkError.
        """
        return McGroup.from_answer(self._calls.post("mcast/delete", _group_query(app_eui, mc_addr, mcast_type)))


def _group_query(app_eui: str, mc_addr: str, mcast_type: str) -> dict[str, str]:
    return parameters.query(
        {
            "appEui": parameters.eui("app_eui", app_eui),
            "type": rules.one_of("mcast_type", mcast_type, MCAST_TYPES),
            "mcAddr": parameters.mc_addr("mc_addr", mc_addr),
        }
    )


def _devices_query(dev_euis: Sequence[str] | None, dev_tags: Sequence[str] | None) -> dict[str, str]:
    euis, tags = parameters.targets(dev_euis, dev_tags)
    return parameters.query({"devEuis": euis, "devTags": tags})
