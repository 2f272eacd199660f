"""Multicast groups that the API has made: mcast/setup and the calls for its groups (reference, "Multicast API")."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from functools import partial

import numpy as np

from fuota.errors import BadRequestError, NotFoundError, PlanError
from fuota.radio import Region
from fuota.radio.frag_size import FRAME_OVERHEAD_BYTES
from fuota.sandbox.air.clock import SECOND_US, Clock, gps_us
from fuota.sandbox.server.multicast_group import MemberState, MulticastGroup
from fuota.sandbox.server.multicast_groups import MulticastGroups
from fuota.sandbox.server.records import Directory

SESSION_S = 32_768
"""Duration of a session in every example of the reference: the longest class C session (TS005 McClassCSessionReq)."""
TIME_OUT_C, TIME_OUT_B = 15, 8
"""TimeOut of TS005 for such a session in class C and in class B."""
_RESTARTED = {MemberState.CLOSING, MemberState.FAILED}
"""States of members that mcast/addDevices sets up again."""


@dataclass(slots=True, kw_only=True)
class ApiGroup:
    """A group of the API. kind: "D2D" or "APP". start_us: start of its session. free_us: end of its last frame."""

    app_eui: str
    kind: str
    group: MulticastGroup
    start_us: int
    free_us: int = 0
    deleted: bool = False

    @property
    def address(self) -> str:
        """McAddr as 8 hexadecimal digits."""
        return _hex(self.group.mc_addr)

    @property
    def end_us(self) -> int:
        """End of its session."""
        return self.start_us + SESSION_S * SECOND_US

    @property
    def removed(self) -> bool:
        """Whether the group was deleted and its last device has left."""
        return self.deleted and not self.group.members


class ApiGroups:
    """The groups of the API by address. To be used with the clock's lock held.

    Every method with an address raises NotFoundError if the application has no such group. kind: "D2D" or "APP", None for any.
    """

    def __init__(
        self,
        *,
        groups: MulticastGroups,
        directory: Directory,
        clock: Clock,
        region: Region,
        new_msg_id: Callable[[], int],
    ) -> None:
        self._groups, self._directory, self._clock, self._region = groups, directory, clock, region
        self._new_msg_id = new_msg_id
        self._rng = np.random.default_rng(2)
        self._by_addr: dict[str, ApiGroup] = {}

    def setup(  # noqa: PLR0913 - the parameters of mcast/setup
        self,
        *,
        app_eui: str,
        dev_euis: Sequence[str] | None = None,
        dev_tags: Sequence[str] | None = None,
        tx_channel: int | None = None,
        data_rate: int | None = None,
        dev_class: str = "C",
        kind: str = "D2D",
        periodicity: int = 3,
    ) -> ApiGroup:
        """Make a group of these devices and set it up on them (mcast/setup).

        Raises NotFoundError, BadRequestError, ParameterError, PlanError.
        """
        records = self._directory.targets(app_eui, dev_euis, dev_tags)
        radio = self._groups.radio(dev_class, tx_channel=tx_channel, data_rate=data_rate, periodicity=periodicity)
        self._groups.require_free_ids(records)
        now_us = self._clock.now_us()
        group = self._groups.make(
            radio,
            start_us=gps_us(now_us),
            time_out=TIME_OUT_C if radio.periodicity is None else TIME_OUT_B,
            first_f_cnt=int(self._rng.integers(0, 1 << 31)),
        )
        api_group = ApiGroup(app_eui=records[0].app_eui, kind=kind, group=group, start_us=now_us)
        self._drop_deleted_groups()
        self._by_addr[api_group.address] = api_group
        self._groups.admit_all(group, records)
        return api_group

    def add_devices(
        self,
        app_eui: str,
        mc_addr: str,
        kind: str | None,
        *,
        dev_euis: Sequence[str] | None,
        dev_tags: Sequence[str] | None,
    ) -> ApiGroup:
        """Add devices to a group (mcast/addDevices). Raises NotFoundError, BadRequestError."""
        api_group = self._open_group(app_eui, mc_addr, kind)
        records = self._directory.targets(app_eui, dev_euis, dev_tags)
        members = api_group.group.members
        new = [record for record in records if record.dev_eui not in members]
        restarted = [
            record.dev_eui
            for record in records
            if record.dev_eui in members and members[record.dev_eui].state in _RESTARTED
        ]
        self._groups.require_free_ids(new)
        self._groups.admit_all(api_group.group, new)
        self._groups.set_up_again(api_group.group, restarted)
        return api_group

    def remove_devices(
        self,
        app_eui: str,
        mc_addr: str,
        kind: str | None,
        *,
        dev_euis: Sequence[str] | None,
        dev_tags: Sequence[str] | None,
    ) -> ApiGroup:
        """Remove devices from a group (mcast/removeDevices). Raises NotFoundError."""
        api_group = self.find(app_eui, mc_addr, kind)
        records = self._directory.targets(app_eui, dev_euis, dev_tags)
        if absent := [record.dev_eui for record in records if record.dev_eui not in api_group.group.members]:
            raise NotFoundError(f"Device EUI was not found in group {mc_addr}: {absent[0]} ({len(absent)} in all)")
        self._groups.close(api_group.group, [record.dev_eui for record in records])
        return api_group

    def find(self, app_eui: str, mc_addr: str, kind: str | None) -> ApiGroup:
        """Return a group of an application."""
        api_group = self._by_addr.get(mc_addr.upper())
        if (
            api_group is None
            or api_group.removed
            or api_group.app_eui != app_eui.upper()
            or kind not in (None, api_group.kind)
        ):
            of_kind = f"{kind} group" if kind else "group"
            raise NotFoundError(f"No multicast {of_kind} of Application {app_eui} has the address {mc_addr}")
        return api_group

    def send(self, app_eui: str, mc_addr: str, kind: str | None, *, pdu: bytes, port: int) -> int:
        """Send a message to a group (mcast/sendmsg) and return its number.

        Frames are sent one after the other, in class B each at a ping slot. Raises NotFoundError; BadRequestError after the end of
        the session; PlanError if the data rate does not carry the message.
        """
        return self._send(self._open_group(app_eui, mc_addr, kind), pdu, port)

    def delete(self, app_eui: str, mc_addr: str, kind: str | None) -> ApiGroup:
        """Delete a group and let its members leave (mcast/delete). Raises NotFoundError."""
        api_group = self.find(app_eui, mc_addr, kind)
        api_group.deleted = True
        self._groups.close(api_group.group, list(api_group.group.members))
        self._groups.forget(api_group.group)
        return api_group

    def send_to_address(self, app_eui: str, mc_addr: int, pdu: bytes, port: int) -> int | None:
        """Send a message to the group with this address (sendmcastmsg) and return its number, or None if there is no such group.

        Raises the errors of `send`.
        """
        api_group = self._by_addr.get(_hex(mc_addr))
        if api_group is None or api_group.app_eui != app_eui:
            return None
        return self._send(self._open_group(app_eui, _hex(mc_addr), None), pdu, port)

    def _drop_deleted_groups(self) -> None:
        self._by_addr = {address: group for address, group in self._by_addr.items() if not group.removed}

    def _open_group(self, app_eui: str, mc_addr: str, kind: str | None) -> ApiGroup:
        api_group = self.find(app_eui, mc_addr, kind)
        if api_group.deleted or self._clock.now_us() >= api_group.end_us:
            raise BadRequestError(f"the session of multicast group {mc_addr} has ended: set up another group")
        return api_group

    def _send(self, api_group: ApiGroup, pdu: bytes, port: int) -> int:
        group = api_group.group
        rate = self._region.data_rate(group.radio.data_rate)
        if not 1 <= len(pdu) <= rate.max_payload_bytes:
            raise PlanError(
                f"pdu must have 1 to {rate.max_payload_bytes} bytes (multicast frame at DR{rate.index} of"
                f" {self._region.name}), got {len(pdu)}"
            )
        slot_us = group.next_slot_us(max(self._clock.now_us(), api_group.free_us))
        api_group.free_us = slot_us + rate.time_on_air_us(FRAME_OVERHEAD_BYTES + len(pdu))
        frame = group.frame(port, pdu)
        self._clock.at(slot_us, partial(self._groups.transmit, group, frame))
        return self._new_msg_id()


def _hex(mc_addr: int) -> str:
    return f"{mc_addr:08X}"
