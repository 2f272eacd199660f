"""Downlinks to devices: sendmsg, sendmcastmsg, clearmsgs (Application API reference, the calls under /device)."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping, Sequence
from functools import partial
from typing import Any

from fuota import rules
from fuota.calls import checked_call
from fuota.errors import ParameterError
from fuota.network.senra import parameters
from fuota.network.senra.calls import Calls
from fuota.network.senra.device_rows import CLASSES, RowError
from fuota.network.senra.multicast_answers import ClearedDownlinks, DownlinkReceipt
from fuota.network.senra.one_by_one import DeviceAnswer, call_each

_REQUIRED = ("dev_eui", "pdu")


class Downlinks:
    """Messages to devices, queued by the server.

    Every method raises ParameterError before anything is sent, and NetworkError (see `fuota.errors`): AuthenticationError for 403,
    BadRequestError for 400, NotFoundError for 404. Nothing protects against sending twice.
    """

    def __init__(self, calls: Calls) -> None:
        self._calls = calls

    @checked_call
    def send(  # noqa: PLR0913 - the parameters of the call
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

        dev_eui (eui): the device, 16 hex digits. pdu (pdu): payload of 0 to 242 bytes, as bytes or in hexadecimal.
        port (port): FPort, 1 to 254; LoRaWAN reserves 224 and above. confirmed (confirmed): whether the device must acknowledge.
        timeout_minutes (timeoutMinutes): how long the server waits until it can send, or for the acknowledgement if `confirmed`;
            at least 1. clear (clear): whether to remove the messages that are queued already.
        dev_class (class): A, B or C; None for the class of the device.
        immediate (immediate): whether to send in answer to the current uplink, not to the next one.
        Raises ParameterError, NetworkError.
        """
        query = _message_query(
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

    @checked_call
    def send_each(self, messages: Iterable[Mapping[str, object]]) -> Iterator[DeviceAnswer[DownlinkReceipt]]:
        """Queue messages one after the other, one each time that the iterator is advanced, and yield the outcome of each.

        messages: each holds the parameters of `send` by their names. All are checked before the first is sent.
        See `call_each` for what happens after a failure. Raises RowError, a ParameterError, with the row.
        """
        if not isinstance(messages, Iterable):
            raise ParameterError(f"messages must be a list of mappings, got a value of type {type(messages).__name__}")
        queries = [_query_of_row(number, message) for number, message in enumerate(messages, 1)]
        if not queries:
            raise RowError("messages is empty: give at least one")

        def call(query: dict[str, str]) -> DownlinkReceipt:
            return DownlinkReceipt.from_answer(self._calls.post("device/sendmsg", query))

        return call_each((query["eui"], partial(call, query)) for query in queries)

    @checked_call
    def send_multicast(
        self, mc_addr: str, pdu: bytes | str, bstn_euis: Sequence[str] | None, *, port: int = 1
    ) -> DownlinkReceipt:
        """Send a message once to many devices from named base stations (Application API reference, device/sendmcastmsg).

        mc_addr (addr): address of the device that has the session keys, 8 hex digits.
        pdu (pdu): payload of 0 to 242 bytes, as bytes or in hexadecimal. bstn_euis (bstnEuis): EUIs of at least one base station.
        port (port): FPort, 1 to 254. Raises ParameterError, NetworkError.

        For a group that `client.multicast.setup` created use `client.multicast.send`.
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

    @checked_call
    def clear(self, dev_eui: str, *, msg_id: int | None = None) -> ClearedDownlinks:
        """Remove one message, or all messages, from the queue of a device (Application API reference, device/clearmsgs).

        dev_eui (eui): the device, 16 hex digits. msg_id (msgId): `DownlinkReceipt.msg_id`, at least 1; None for all messages.
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

    @checked_call
    def clear_each(self, dev_euis: Iterable[str]) -> Iterator[DeviceAnswer[ClearedDownlinks]]:
        """Empty the queues of devices, one each time that the iterator is advanced, and yield the outcome of each.

        dev_euis: at least one device. All are checked before the first call. Raises ParameterError.
        """
        euis = parameters.eui_list("dev_euis", dev_euis)
        return call_each((eui, partial(self.clear, eui)) for eui in euis)


def _query_of_row(number: int, message: Mapping[str, Any]) -> dict[str, str]:
    try:
        if not isinstance(message, Mapping):
            raise ParameterError(f"give a mapping, got a value of type {type(message).__name__}")
        if missing := [name for name in _REQUIRED if message.get(name) is None]:
            raise ParameterError(f"{', '.join(missing)} is missing")
        return _message_query(**message)
    except TypeError:
        raise RowError(
            f"row {number}: it has {', '.join(map(str, message))}; the fields are the parameters of send", row=number
        ) from None
    except ParameterError as exc:
        raise RowError(f"row {number}: {exc}", row=number) from None


def _message_query(  # noqa: PLR0913 - the parameters of the call
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
    return parameters.query(
        {
            "eui": parameters.eui("dev_eui", dev_eui),
            "pdu": parameters.pdu("pdu", pdu),
            "port": rules.integer("port", port, 1, 254),
            "confirmed": parameters.flag("confirmed", confirmed),
            "timeoutMinutes": rules.integer("timeout_minutes", timeout_minutes, 1),
            "clear": parameters.flag("clear", clear),
            "class": None if dev_class is None else parameters.device_class("dev_class", dev_class, CLASSES),
            "immediate": parameters.flag("immediate", immediate),
        }
    )
