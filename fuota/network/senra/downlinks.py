"""Downlinks to one device: sendmsg, sendmcastmsg, clearmsgs (Application API reference, the calls under /device)."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping, Sequence
from functools import partial
from typing import Any

from fuota import rules
from fuota.errors import ParameterError
from fuota.network.senra import parameters
from fuota.network.senra.calls import Calls
from fuota.network.senra.device_rows import RowError
from fuota.network.senra.multicast_answers import ClearedDownlinks, DownlinkReceipt
from fuota.network.senra.one_by_one import DeviceAnswer, call_each


class Downlinks:
    """Messages to devices, queued by the server.

    Every method raises ParameterError before anything is sent, and NetworkError (see `fuota.errors`): for 403
    AuthenticationError, 400 BadRequestError, 404 NotFoundError. There is no key against sending twice.
    """

    def __init__(self, calls: Calls) -> None:
        self._calls = calls

    def send(  # noqa: PLR0913 - one argument for each row of the reference
        self,
        dev_eui: str,
        pdu: bytes | str,
        *,
        port: int = 1,
        confirmed: bool = False,
        timeout_minutes: int = 65,
        clear: bool = False,
        dev_class: str | None = None,
        immediate: bool = False,
    ) -> DownlinkReceipt:
        """Queue a message to one device (Application API reference, device/sendmsg).

        pdu: 0 to 242 octets, bytes or hex. port: FPort, 1 to 254; LoRaWAN keeps 224 and above for itself.
        timeout_minutes: how long to wait for the sending, or for the acknowledgement where `confirmed`; at least 1.
        clear: forget what was queued before. dev_class: A, B or C; None is the device's own.
        immediate: send in answer to the current uplink, not the next one.
        Raises ParameterError, NetworkError.
        """
        query = _message(
            dev_eui,
            pdu,
            port=port,
            confirmed=confirmed,
            timeout_minutes=timeout_minutes,
            clear=clear,
            dev_class=dev_class,
            immediate=immediate,
        )
        return DownlinkReceipt.from_answer(self._calls.post("device/sendmsg", query))

    def send_each(self, messages: Iterable[Mapping[str, Any]]) -> Iterator[DeviceAnswer[DownlinkReceipt]]:
        """Queue messages one after the other; what became of each, as it is taken from the iterator.

        messages: mappings of the arguments of `send`, all checked before the first is sent. See `call_each`. Raises
        ParameterError, with the row.
        """
        queries = [_row(number, message) for number, message in enumerate(messages, 1)]
        if not queries:
            raise RowError("messages is empty: give at least one")

        def call(query: dict[str, str]) -> DownlinkReceipt:
            return DownlinkReceipt.from_answer(self._calls.post("device/sendmsg", query))

        return call_each((query["eui"], partial(call, query)) for query in queries)

    def send_multicast(
        self, mc_addr: str, pdu: bytes | str, bstn_euis: Sequence[str], *, port: int = 1
    ) -> DownlinkReceipt:
        """Send once to many devices from the base stations named (Application API reference, device/sendmcastmsg).

        mc_addr: 8 hex digits, the address of the device that holds the session keys. pdu: 0 to 242 octets, bytes or
        hex. bstn_euis: at least one base station. port: FPort, 1 to 254.
        Raises ParameterError, NetworkError. For a group made by `client.multicast.setup` use `client.multicast.send`.
        """
        query = parameters.query(
            {
                "addr": parameters.mc_addr("mc_addr", mc_addr),
                "pdu": parameters.pdu("pdu", pdu),
                "port": rules.integer("port", port, 1, 254),
                "bstnEuis": parameters.eui_list("bstn_euis", () if bstn_euis is None else bstn_euis),
            }
        )
        return DownlinkReceipt.from_answer(self._calls.post("device/sendmcastmsg", query))

    def clear(self, dev_eui: str, *, msg_id: int | None = None) -> ClearedDownlinks:
        """Take a message out of a device's queue (Application API reference, device/clearmsgs).

        msg_id: `DownlinkReceipt.msg_id`, at least 1; None clears all that is queued for the device.
        Raises ParameterError, NetworkError.
        """
        query = parameters.query(
            {
                # eui in the table, devEui in the example
                "eui": parameters.eui("dev_eui", dev_eui),
                "msgId": rules.optional_integer("msg_id", msg_id, 1),
            }
        )
        return ClearedDownlinks.from_answer(self._calls.post("device/clearmsgs", query))

    def clear_each(self, dev_euis: Iterable[str]) -> Iterator[DeviceAnswer[ClearedDownlinks]]:
        """Empty the queues of devices one after the other; what became of each, as it is taken from the iterator.

        All are checked before the first is sent. Raises ParameterError.
        """
        euis = parameters.eui_list("dev_euis", dev_euis)
        return call_each((eui, partial(self.clear, eui)) for eui in euis)


def _row(number: int, message: Mapping[str, Any]) -> dict[str, str]:
    try:
        if missing := [name for name in ("dev_eui", "pdu") if message.get(name) is None]:
            raise ParameterError(f"{', '.join(missing)} is missing")
        return _message(**message)
    except TypeError:
        raise RowError(
            f"row {number}: it has {', '.join(map(str, message))}; the fields are the parameters of send", row=number
        ) from None
    except ParameterError as exc:
        raise RowError(f"row {number}: {exc}", row=number) from None


def _message(  # noqa: PLR0913 - one argument for each row of the reference
    dev_eui: str,
    pdu: bytes | str,
    *,
    port: int = 1,
    confirmed: bool = False,
    timeout_minutes: int = 65,
    clear: bool = False,
    dev_class: str | None = None,
    immediate: bool = False,
) -> dict[str, str]:
    """The query of sendmsg."""
    return parameters.query(
        {
            "eui": parameters.eui("dev_eui", dev_eui),
            "pdu": parameters.pdu("pdu", pdu),
            "port": rules.integer("port", port, 1, 254),
            "confirmed": parameters.flag("confirmed", confirmed),
            "timeoutMinutes": rules.integer("timeout_minutes", timeout_minutes, 1),
            "clear": parameters.flag("clear", clear),
            "class": None if dev_class is None else parameters.device_class("dev_class", dev_class, ("A", "B", "C")),
            "immediate": parameters.flag("immediate", immediate),
        }
    )
