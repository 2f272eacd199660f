"""The multicast groups of a server, those of its FUOTA jobs and those that the API made: who is in them, and for how long."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from functools import partial

import numpy as np

from fuota.errors import BadRequestError
from fuota.radio import Region
from fuota.sandbox.air.air import Air, Time
from fuota.sandbox.air.mac import FIRST_MC_ADDR, Downlink
from fuota.sandbox.server.mc_group import McMember, McRadio, MemberState, NetworkGroup
from fuota.sandbox.server.records import DeviceRecord

PATIENCE_PERIODS = 20
"""Uplink periods after which a device that has not answered has failed."""
MC_GROUPS = 4


class Groups:
    """All groups of a server. To be used with the agenda's lock held."""

    def __init__(self, *, air: Air, time: Time, region: Region) -> None:
        self._air, self._time, self._region = air, time, region
        self._rng = np.random.default_rng(1)
        self._next_addr = FIRST_MC_ADDR
        self._networks: list[NetworkGroup] = []
        self._ended: list[NetworkGroup] = []

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

    def admit_all(self, network: NetworkGroup, records: Sequence[DeviceRecord]) -> None:
        """Take devices into a group, and set it up on them."""
        for record in records:
            self.admit(network, record)
        self._expect(network, [one.dev_eui for one in records])

    def begin_again(self, network: NetworkGroup, dev_euis: Sequence[str]) -> None:
        """Set a group up anew on members that had failed, or were leaving."""
        for dev_eui in dev_euis:
            network.members[dev_eui].begin_again(MemberState.INITIALIZING)
        self._expect(network, dev_euis)

    def close(self, network: NetworkGroup, dev_euis: Sequence[str]) -> None:
        """Have devices leave a group."""
        network.close(dev_euis)
        self._expect(network, dev_euis)

    def forget(self, network: NetworkGroup) -> None:
        """The group is no more, as soon as those that are leaving have left: its numbers on the devices are free."""
        if network not in self._ended:
            self._ended.append(network)
        self._sweep()

    def transmit(self, network: NetworkGroup, frame: bytes) -> None:
        """A frame to a group begins now."""
        gps_us = self._air.gps_us(self._time.now_us())
        self._air.multicast(
            frame,
            network.mc_addr,
            frequency_hz=network.radio.frequency_at(network.mc_addr, gps_us),
            data_rate=network.radio.data_rate,
        )

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

    def _expect(self, network: NetworkGroup, dev_euis: Sequence[str]) -> None:
        """Reach these devices, and have patience with them for so long."""
        due_us = self._time.now_us() + PATIENCE_PERIODS * self._air.uplink_period_us
        for dev_eui in dev_euis:
            self._air.wake(dev_eui)
            if (member := network.members.get(dev_eui)) is not None:
                member.patience_until_us = due_us
        self._time.at(due_us, partial(self._lose_patience, network))

    def _lose_patience(self, network: NetworkGroup) -> None:
        network.give_up(self._time.now_us())
        self._sweep()

    def _sweep(self) -> None:
        """Forget groups that are no more, once no device is leaving them."""
        for network in [one for one in self._ended if not one.closing]:
            self._ended.remove(network)
            self._networks.remove(network)

    def _free_id(self, dev_eui: str) -> int | None:
        held = [network.members[dev_eui] for network in self._networks if dev_eui in network.members]
        used = {one.mc_group_id for one in held}
        leaving = [one.mc_group_id for one in held if one.state is MemberState.CLOSING]
        return next((one for one in range(MC_GROUPS) if one not in used), min(leaving, default=None))
