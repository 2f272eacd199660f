"""Multicast groups as the API has them: mcast/setup and the calls around it (reference, "Multicast API")."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass
from functools import partial
from typing import Any

import numpy as np

from fuota.errors import BadRequestError, NotFoundError, PlanError
from fuota.radio import Region
from fuota.radio.frag_size import FRAME_OVERHEAD_BYTES
from fuota.sandbox.air import Air, Time
from fuota.sandbox.mac import FIRST_MC_ADDR, Downlink
from fuota.sandbox.mc_group import McMember, McRadio, MemberState, NetworkGroup
from fuota.sandbox.records import DeviceRecord, Directory

SESSION_S = 32_768
"""As long as in every example of the reference: the most that a class C session can be (TS005 McClassCSessionReq)."""
TIME_OUT_C, TIME_OUT_B = 15, 8
MAX_F_CNT = 1 << 32
"""As in the reference's examples; a frame counter of 32 bits ends one before."""
PATIENCE_PERIODS = 20
"""Uplink periods after which a device that has not answered has failed."""
MC_GROUPS = 4


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


class Groups:
    """All groups of a server, those of its FUOTA jobs among them. To be used with the agenda's lock held."""

    def __init__(
        self, *, directory: Directory, air: Air, time: Time, region: Region, new_msg_id: Callable[[], int]
    ) -> None:
        self._directory, self._air, self._time, self._region = directory, air, time, region
        self._new_msg_id = new_msg_id
        self._rng = np.random.default_rng(1)
        self._next_addr = FIRST_MC_ADDR
        self._by_addr: dict[str, ApiGroup] = {}
        self._networks: list[NetworkGroup] = []
        self._ended: list[NetworkGroup] = []

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
        radio = self.radio(dev_class, tx_channel=tx_chnl, data_rate=tx_dr, periodicity=periodicity)
        self.check_room(records)
        now_us = self._time.now_us()
        network = self.make(
            radio,
            start_us=self._air.gps_us(now_us),
            time_out=TIME_OUT_C if radio.periodicity is None else TIME_OUT_B,
            first_f_cnt=int(self._rng.integers(0, 1 << 31)),
        )
        group = ApiGroup(app_eui=records[0].app_eui, kind=type, network=network, start_us=now_us)
        self._by_addr[_hex(network.mc_addr)] = group
        self._admit(network, records)
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
        self.check_room(new)
        self._admit(group.network, new)
        for record in back:
            members[record.dev_eui].begin_again(MemberState.INITIALIZING)
        self._expect(group.network, back, MemberState.INITIALIZING)
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
        self.close(group.network, [one.dev_eui for one in records])
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
        self.close(group.network, list(group.network.members))
        return self._answer(group)

    def send_to(self, app_eui: str, mc_addr: int, pdu: bytes, port: int) -> int | None:
        """sendmcastmsg to the address of a group: the message's number, None where no group has it. Raises as `send`."""
        group = self._by_addr.get(_hex(mc_addr))
        if group is None or group.app_eui != app_eui:
            return None
        return self._send(self._open_group(app_eui, _hex(mc_addr), None), pdu, port)

    # Groups of any kind

    def radio(self, dev_class: str, *, tx_channel: int | None, data_rate: int | None, periodicity: int = 3) -> McRadio:
        """How a group of this class is sent to: RX2's channel and data rate if nothing is said; in class B the hopping of the
        ping slots, where they hop. Raises ParameterError, PlanError for what the region has not.
        """
        index = self._region.rx2_data_rate if data_rate is None else data_rate
        self._region.downlink_rate(index)
        default = self._region.default_channel("B" if dev_class == "B" else "C")
        frequency_hz = default[0] if len(default) == 1 else None
        return McRadio(
            region=self._region,
            data_rate=index,
            frequency_hz=frequency_hz if tx_channel is None else self._region.channel_hz(tx_channel),
            periodicity=periodicity if dev_class == "B" else None,
        )

    def make(self, radio: McRadio, *, start_us: int, time_out: int, first_f_cnt: int = 0) -> NetworkGroup:
        """A new group without members. `start_us`: GPS time."""
        network = NetworkGroup(
            mc_addr=self._next_addr,
            mc_key=self._rng.bytes(16),
            radio=radio,
            start_us=start_us,
            time_out=time_out,
            first_f_cnt=first_f_cnt,
            time=self._air,
        )
        self._next_addr += 1
        self._networks.append(network)
        return network

    def check_room(self, records: Iterable[DeviceRecord]) -> None:
        """Raises BadRequestError where a device has four groups already, the most that TS005 has numbers for."""
        if full := [record.dev_eui for record in records if self._free_id(record.dev_eui) is None]:
            raise BadRequestError(
                f"{full[0]} is in {MC_GROUPS} multicast groups already, the most that TS005 allows ({len(full)} such"
                " devices in all): delete one of its groups"
            )

    def admit(self, network: NetworkGroup, record: DeviceRecord) -> McMember:
        """Take a device into a group; there must be room. One without a root key (ABP) cannot be told the group's key.

        A number of a group that it is leaving is taken over where no other is free: the set-up puts the new group in its place.
        """
        mc_group_id = self._free_id(record.dev_eui)
        assert mc_group_id is not None  # noqa: S101 - check_room comes first
        for left in self._networks:
            if record.dev_eui in left.members and left.members[record.dev_eui].mc_group_id == mc_group_id:
                del left.members[record.dev_eui]
        member = McMember(dev_eui=record.dev_eui, mc_group_id=mc_group_id, root_key=record.app_key)
        if record.app_key is None:
            member.state = MemberState.FAILED
        network.members[record.dev_eui] = member
        return member

    def close(self, network: NetworkGroup, dev_euis: Sequence[str]) -> None:
        """Have devices leave a group."""
        network.close(dev_euis)
        self._expect(network, [self._directory.devices[eui] for eui in dev_euis], MemberState.CLOSING)

    def forget(self, network: NetworkGroup) -> None:
        """The group is no more, as soon as those that are leaving have left: its numbers on the devices are free."""
        self._ended.append(network)
        self._sweep()

    # A source of messages

    def waits(self, dev_eui: str, now_us: int) -> bool:
        """See `air.Source`."""
        return any(network.waits(dev_eui, now_us) for network in self._networks)

    def next(self, dev_eui: str, now_us: int) -> Downlink | None:
        """See `air.Source`."""
        found = (network.next(dev_eui, now_us) for network in self._networks)
        return next((message for message in found if message is not None), None)

    def on_uplink(self, dev_eui: str, port: int | None, payload: bytes, now_us: int) -> None:
        """An uplink came that may be an answer to a group's messages."""
        for network in self._networks:
            network.on_uplink(dev_eui, port, payload, now_us)
        self._sweep()

    # Inside

    def _admit(self, network: NetworkGroup, records: Sequence[DeviceRecord]) -> None:
        for record in records:
            self.admit(network, record)
        self._expect(network, records, MemberState.INITIALIZING)

    def _expect(self, network: NetworkGroup, records: Sequence[DeviceRecord], state: MemberState) -> None:
        """Reach these devices, and have patience with them for so long."""
        for record in records:
            self._air.wake(record.dev_eui)
        due_us = self._time.now_us() + PATIENCE_PERIODS * self._air.uplink_period_us
        self._time.at(due_us, partial(self._lose_patience, network, {one.dev_eui for one in records}, state))

    def _lose_patience(self, network: NetworkGroup, dev_euis: set[str], state: MemberState) -> None:
        network.give_up(state, dev_euis)
        self._sweep()

    def _sweep(self) -> None:
        """Forget groups that were deleted and have no members left, and those of tasks that none is leaving any more."""
        gone = [address for address, group in self._by_addr.items() if group.deleted and not group.network.members]
        for address in gone:
            self._networks.remove(self._by_addr.pop(address).network)
        for network in [one for one in self._ended if not one.closing]:
            self._ended.remove(network)
            self._networks.remove(network)

    def _free_id(self, dev_eui: str) -> int | None:
        held = [network.members[dev_eui] for network in self._networks if dev_eui in network.members]
        used = {one.mc_group_id for one in held}
        leaving = [one.mc_group_id for one in held if one.state is MemberState.CLOSING]
        return next((one for one in range(MC_GROUPS) if one not in used), min(leaving, default=None))

    def _find(self, app_eui: str, mc_addr: str, kind: str | None) -> ApiGroup:
        group = self._by_addr.get(mc_addr.upper())
        if group is None or group.app_eui != app_eui.upper() or kind not in (None, group.kind):
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
        self._time.at(self._air.unix_us(gps_us), partial(self.transmit, network, frame))
        return self._new_msg_id()

    def transmit(self, network: NetworkGroup, frame: bytes) -> None:
        """A frame to a group begins now."""
        gps_us = self._air.gps_us(self._time.now_us())
        self._air.multicast(
            frame,
            network.mc_addr,
            frequency_hz=network.radio.frequency_at(network.mc_addr, gps_us),
            data_rate=network.radio.data_rate,
        )

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
