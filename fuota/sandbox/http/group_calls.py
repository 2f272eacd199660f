"""Multicast groups as the API has them: mcast/setup and the calls around it (reference, "Multicast API")."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from functools import partial
from typing import Any

import numpy as np

from fuota.errors import BadRequestError, NotFoundError, PlanError
from fuota.radio import Region
from fuota.radio.frag_size import FRAME_OVERHEAD_BYTES
from fuota.sandbox.air.air import Air, Time
from fuota.sandbox.server.mc_group import MemberState, NetworkGroup
from fuota.sandbox.server.multicast_groups import Groups
from fuota.sandbox.server.records import Directory

SESSION_S = 32_768
"""As long as in every example of the reference: the most that a class C session can be (TS005 McClassCSessionReq)."""
TIME_OUT_C, TIME_OUT_B = 15, 8
MAX_F_CNT = 1 << 32
"""As in the reference's examples; a frame counter of 32 bits ends one before."""


@dataclass(slots=True, kw_only=True)
class ApiGroup:
    """A group as the API names it. `free_us`: when its last frame has ended."""

    app_eui: str
    kind: str
    network: NetworkGroup
    start_us: int
    free_us: int = 0
    deleted: bool = False

    @property
    def end_us(self) -> int:
        """When its session ends."""
        return self.start_us + SESSION_S * 1_000_000

    @property
    def gone(self) -> bool:
        """Whether it was deleted and its last device has left."""
        return self.deleted and not self.network.members


class GroupCalls:
    """The groups that the calls made, by their addresses. To be used with the agenda's lock held."""

    def __init__(
        self,
        *,
        groups: Groups,
        directory: Directory,
        air: Air,
        time: Time,
        region: Region,
        new_msg_id: Callable[[], int],
    ) -> None:
        self._groups, self._directory, self._air, self._time, self._region = groups, directory, air, time, region
        self._new_msg_id = new_msg_id
        self._rng = np.random.default_rng(2)
        self._by_addr: dict[str, ApiGroup] = {}

    # The calls: their parameters by the names of the wire, their answers as the reference shows them

    def setup(  # noqa: PLR0913 - one argument for each row of the reference
        self,
        *,
        app_eui: str,
        dev_euis: Sequence[str] | None = None,
        dev_tags: Sequence[str] | None = None,
        tx_chnl: int | None = None,
        tx_dr: int | None = None,
        contract_id: int | None = None,  # noqa: ARG002 - nothing is billed here
        dev_class: str = "C",
        type: str = "D2D",  # noqa: A002 - the wire's name
        periodicity: int = 3,
    ) -> dict[str, Any]:
        """mcast/setup. Raises NotFoundError, BadRequestError, ParameterError, PlanError."""
        records = self._directory.targets(app_eui, dev_euis, dev_tags)
        radio = self._groups.radio(dev_class, tx_channel=tx_chnl, data_rate=tx_dr, periodicity=periodicity)
        self._groups.check_room(records)
        now_us = self._time.now_us()
        network = self._groups.make(
            radio,
            start_us=self._air.gps_us(now_us),
            time_out=TIME_OUT_C if radio.periodicity is None else TIME_OUT_B,
            first_f_cnt=int(self._rng.integers(0, 1 << 31)),
        )
        group = ApiGroup(app_eui=records[0].app_eui, kind=type, network=network, start_us=now_us)
        self._forget_the_gone()
        self._by_addr[_hex(network.mc_addr)] = group
        self._groups.admit_all(network, records)
        return self._answer(group)

    def add(
        self,
        *,
        app_eui: str,
        mc_addr: str,
        type: str | None = None,  # noqa: A002
        dev_euis: Sequence[str] | None = None,
        dev_tags: Sequence[str] | None = None,
    ) -> dict[str, Any]:
        """mcast/addDevices. Raises NotFoundError, BadRequestError."""
        group = self._open_group(app_eui, mc_addr, type)
        records = self._directory.targets(app_eui, dev_euis, dev_tags)
        members = group.network.members
        new = [one for one in records if one.dev_eui not in members]
        back = [one for one in records if one.dev_eui in members and members[one.dev_eui].state in _AGAIN]
        self._groups.check_room(new)
        self._groups.admit_all(group.network, new)
        self._groups.begin_again(group.network, [one.dev_eui for one in back])
        return self._answer(group)

    def remove(
        self,
        *,
        app_eui: str,
        mc_addr: str,
        type: str | None = None,  # noqa: A002
        dev_euis: Sequence[str] | None = None,
        dev_tags: Sequence[str] | None = None,
    ) -> dict[str, Any]:
        """mcast/removeDevices. Raises NotFoundError."""
        group = self._find(app_eui, mc_addr, type)
        records = self._directory.targets(app_eui, dev_euis, dev_tags)
        if absent := [one.dev_eui for one in records if one.dev_eui not in group.network.members]:
            raise NotFoundError(f"Device EUI was not found in group {mc_addr}: {absent[0]} ({len(absent)} in all)")
        self._groups.close(group.network, [one.dev_eui for one in records])
        return self._answer(group)

    def status(self, *, app_eui: str, mc_addr: str, type: str | None = None) -> dict[str, Any]:  # noqa: A002
        """mcast/status. Raises NotFoundError."""
        return self._answer(self._find(app_eui, mc_addr, type))

    def send(
        self,
        *,
        app_eui: str,
        mc_addr: str,
        pdu: bytes,
        port: int = 1,
        type: str | None = None,  # noqa: A002
    ) -> dict[str, Any]:
        """mcast/sendmsg. Frames go out one after the other, in class B each at a ping slot.

        Raises NotFoundError; BadRequestError once the session has ended; PlanError where the data rate does not carry it.
        """
        group = self._open_group(app_eui, mc_addr, type)
        return {"message": "Success!", "msgId": self._send(group, pdu, port)}

    def delete(self, *, app_eui: str, mc_addr: str, type: str | None = None) -> dict[str, Any]:  # noqa: A002
        """mcast/delete. Raises NotFoundError."""
        group = self._find(app_eui, mc_addr, type)
        group.deleted = True
        self._groups.close(group.network, list(group.network.members))
        answer = self._answer(group)
        self._groups.forget(group.network)
        return answer

    def send_to(self, app_eui: str, mc_addr: int, pdu: bytes, port: int) -> int | None:
        """sendmcastmsg to the address of a group: the message's number, None where no group has it. Raises as `send`."""
        group = self._by_addr.get(_hex(mc_addr))
        if group is None or group.app_eui != app_eui:
            return None
        return self._send(self._open_group(app_eui, _hex(mc_addr), None), pdu, port)

    # Inside

    def _forget_the_gone(self) -> None:
        self._by_addr = {address: group for address, group in self._by_addr.items() if not group.gone}

    def _find(self, app_eui: str, mc_addr: str, kind: str | None) -> ApiGroup:
        group = self._by_addr.get(mc_addr.upper())
        if group is None or group.gone or group.app_eui != app_eui.upper() or kind not in (None, group.kind):
            of_kind = f"{kind} group" if kind else "group"
            raise NotFoundError(f"No multicast {of_kind} of Application {app_eui} has the address {mc_addr}")
        return group

    def _open_group(self, app_eui: str, mc_addr: str, kind: str | None) -> ApiGroup:
        group = self._find(app_eui, mc_addr, kind)
        if group.deleted or self._time.now_us() >= group.end_us:
            raise BadRequestError(f"the session of multicast group {mc_addr} has ended: set up another one")
        return group

    def _send(self, group: ApiGroup, pdu: bytes, port: int) -> int:
        radio, network = group.network.radio, group.network
        rate = self._region.data_rate(radio.data_rate)
        if not 1 <= len(pdu) <= rate.max_payload_bytes:
            raise PlanError(
                f"a pdu of {len(pdu)} octets was given: a multicast frame at DR{rate.index} of {self._region.name} carries"
                f" 1 to {rate.max_payload_bytes}"
            )
        soonest_us = self._air.gps_us(max(self._time.now_us(), group.free_us))
        gps_us = radio.slot_us(network.mc_addr, soonest_us)
        group.free_us = self._air.unix_us(gps_us) + rate.time_on_air_us(FRAME_OVERHEAD_BYTES + len(pdu))
        frame = network.frame(port, pdu)
        self._time.at(self._air.unix_us(gps_us), partial(self._groups.transmit, network, frame))
        return self._new_msg_id()

    def _answer(self, group: ApiGroup) -> dict[str, Any]:
        network = group.network
        hz = network.radio.frequency_at(network.mc_addr, network.start_us)
        return {
            "appEui": group.app_eui,
            "devClass": "CLASS_C" if network.radio.periodicity is None else "CLASS_B",
            "devs": [
                {"devEui": one.dev_eui, "groupId": one.mc_group_id, "state": str(one.state)}
                for one in network.members.values()
            ],
            "dr": network.radio.data_rate,
            "durationSecs": SESSION_S,
            "endTime": group.end_us // 1000,
            "freq": hz // 1_000_000 if hz % 1_000_000 == 0 else hz / 1_000_000,
            "maxFCnt": MAX_F_CNT,
            "mcAddr": _hex(network.mc_addr),
            "mcastType": group.kind,
            "minFCnt": network.first_f_cnt,
            "startTime": group.start_us // 1000,
        }


_AGAIN = {MemberState.CLOSING, MemberState.FAILED}


def _hex(mc_addr: int) -> str:
    return f"{mc_addr:08X}"
