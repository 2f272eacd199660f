"""The multicast groups of a server, for its FUOTA transfers and for the API: their members, and when members leave."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Sequence
from functools import partial

import numpy as np

from fuota.errors import BadRequestError
from fuota.lorawan.codec import Command
from fuota.radio import Region
from fuota.sandbox.air.air import Air
from fuota.sandbox.air.clock import Clock, gps_us
from fuota.sandbox.air.downlink import Downlink
from fuota.sandbox.air.mac import FIRST_MC_ADDR
from fuota.sandbox.server.multicast_group import McMember, McRadio, MemberState, MulticastGroup
from fuota.sandbox.server.records import RegisteredDevice

TIMEOUT_PERIODS = 20
"""Number of uplink periods after which a device that has not answered has failed."""
MC_GROUPS = 4
"""Number of groups that a device can be in (TS005)."""


class MulticastGroups:
    """All groups of a server, and a `DownlinkSource` for their members. To be used with the clock's lock held."""

    def __init__(self, *, air: Air, clock: Clock, region: Region) -> None:
        self._air, self._clock, self._region = air, clock, region
        self._rng = np.random.default_rng(1)
        self._next_addr = FIRST_MC_ADDR
        self._groups: list[MulticastGroup] = []
        self._ended: list[MulticastGroup] = []

    def radio(self, dev_class: str, *, tx_channel: int | None, data_rate: int | None, periodicity: int = 3) -> McRadio:
        """Return the radio parameters of a group. dev_class: "B" or "C".

        Defaults are channel and data rate of RX2; in class B the hopping of the ping slots if the region has it. Raises
        ParameterError or PlanError for values that the region does not have.
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

    def make(
        self,
        radio: McRadio,
        *,
        start_us: int,
        time_out: int,
        first_f_cnt: int = 0,
        block_setup: Callable[[McMember], Command] | None = None,
    ) -> MulticastGroup:
        """Return a new group without members. start_us: GPS time. The other parameters: see `MulticastGroup`."""
        group = MulticastGroup(
            mc_addr=self._next_addr,
            mc_key=self._rng.bytes(16),
            radio=radio,
            start_us=start_us,
            time_out=time_out,
            first_f_cnt=first_f_cnt,
            clock=self._clock,
            block_setup=block_setup,
        )
        self._next_addr += 1
        self._groups.append(group)
        return group

    def require_free_ids(self, records: Iterable[RegisteredDevice]) -> None:
        """Raise BadRequestError if a device is in four groups already, the maximum of TS005."""
        if full := [record.dev_eui for record in records if self._free_id(record.dev_eui) is None]:
            raise BadRequestError(
                f"{full[0]} is in {MC_GROUPS} multicast groups already, the maximum of TS005 ({len(full)} such"
                " devices in all): delete one of its groups"
            )

    def admit(self, group: MulticastGroup, record: RegisteredDevice) -> McMember:
        """Add a device to a group; `require_free_ids` must have passed. A device without a root key (ABP) fails at once.

        If no group number is free, the number of a group that the device is leaving is used: the set-up replaces that group.
        """
        mc_group_id = self._free_id(record.dev_eui)
        assert mc_group_id is not None  # noqa: S101 - require_free_ids has passed
        for old_group in self._groups:
            if record.dev_eui in old_group.members and old_group.members[record.dev_eui].mc_group_id == mc_group_id:
                del old_group.members[record.dev_eui]
        member = McMember(dev_eui=record.dev_eui, mc_group_id=mc_group_id, root_key=record.app_key)
        if record.app_key is None:
            member.state = MemberState.FAILED
        group.members[record.dev_eui] = member
        return member

    def admit_all(self, group: MulticastGroup, records: Sequence[RegisteredDevice]) -> None:
        """Add devices to a group and set the group up on them."""
        for record in records:
            self.admit(group, record)
        self._await_answers(group, [record.dev_eui for record in records])

    def set_up_again(self, group: MulticastGroup, dev_euis: Sequence[str]) -> None:
        """Set a group up again on members that had failed or were leaving."""
        for dev_eui in dev_euis:
            group.members[dev_eui].restart(MemberState.INITIALIZING)
        self._await_answers(group, dev_euis)

    def close(self, group: MulticastGroup, dev_euis: Sequence[str]) -> None:
        """Let devices leave a group."""
        group.close(dev_euis)
        self._await_answers(group, dev_euis)

    def forget(self, group: MulticastGroup) -> None:
        """Drop a group as soon as the devices that are leaving have left. Its numbers on the devices are then free."""
        if group not in self._ended:
            self._ended.append(group)
        self._drop_ended_groups()

    def transmit(self, group: MulticastGroup, frame: bytes) -> None:
        """Send a frame to a group now."""
        now_gps_us = gps_us(self._clock.now_us())
        self._air.multicast(
            frame,
            group.mc_addr,
            frequency_hz=group.radio.frequency_at(group.mc_addr, now_gps_us),
            data_rate=group.radio.data_rate,
        )

    # Messages to members, and their answers

    def waits(self, dev_eui: str, now_us: int) -> bool:
        """See `DownlinkSource`."""
        return any(group.waits(dev_eui, now_us) for group in self._groups)

    def next(self, dev_eui: str, now_us: int) -> Downlink | None:
        """See `DownlinkSource`."""
        messages = (group.next(dev_eui, now_us) for group in self._groups)
        return next((message for message in messages if message is not None), None)

    def on_uplink(self, dev_eui: str, port: int | None, payload: bytes, now_us: int) -> None:
        """Take an uplink that may answer a message of a group."""
        for group in self._groups:
            group.on_uplink(dev_eui, port, payload, now_us)
        self._drop_ended_groups()

    def _await_answers(self, group: MulticastGroup, dev_euis: Sequence[str]) -> None:
        """Wake these devices and set the deadline for their answers."""
        deadline_us = self._clock.now_us() + TIMEOUT_PERIODS * self._air.uplink_period_us
        for dev_eui in dev_euis:
            self._air.wake(dev_eui)
            if (member := group.members.get(dev_eui)) is not None:
                member.deadline_us = deadline_us
        self._clock.at(deadline_us, partial(self._expire, group))

    def _expire(self, group: MulticastGroup) -> None:
        group.expire(self._clock.now_us())
        self._drop_ended_groups()

    def _drop_ended_groups(self) -> None:
        """Remove ended groups that no device is leaving any more."""
        for group in [group for group in self._ended if not group.closing]:
            self._ended.remove(group)
            self._groups.remove(group)

    def _free_id(self, dev_eui: str) -> int | None:
        memberships = [group.members[dev_eui] for group in self._groups if dev_eui in group.members]
        used = {member.mc_group_id for member in memberships}
        leaving = [member.mc_group_id for member in memberships if member.state is MemberState.CLOSING]
        return next((number for number in range(MC_GROUPS) if number not in used), min(leaving, default=None))
