"""The TS005 package of a device, which holds multicast groups and their sessions."""

from __future__ import annotations

from dataclasses import dataclass, field

from fuota.device.stack.clock import SECOND_US, PackageClock
from fuota.device.stack.fragmentation import Answer
from fuota.device.stack.multicast_groups import McGroupContext, McWindow
from fuota.errors import PlanError
from fuota.lorawan.codec import Command, encode
from fuota.lorawan.keys import MulticastSessionKeys, decrypt_mc_key
from fuota.lorawan.multicast_setup import (
    PACKAGE_IDENTIFIER,
    McClassBSessionAns,
    McClassBSessionReq,
    McClassCSessionAns,
    McClassCSessionReq,
    McGroup,
    McGroupDeleteAns,
    McGroupDeleteReq,
    McGroupSetupAns,
    McGroupSetupReq,
    McGroupStatusAns,
    McGroupStatusReq,
    PackageVersionAns,
    PackageVersionReq,
    parse_downlink,
)
from fuota.radio import Region
from fuota.radio.class_b import BEACON_PERIOD_S

_MAX_TIME_TO_START_S = 0xFFFFFF


@dataclass(slots=True)
class MulticastSetupPackage:
    """TS005 on one device, both versions, without I/O: `receive` takes FRMPayloads of the package's port.

    ke_key: McKEKey, 16 bytes. clock: clock of the device. version: version of TS005, 1 or 2.
    region: region of the radio; None accepts any frequency and data rate. max_groups: number of groups, 1 to 4.
    groups: groups by identifier.
    """

    ke_key: bytes
    clock: PackageClock
    version: int = 1
    region: Region | None = None
    max_groups: int = 4
    groups: dict[int, McGroupContext] = field(default_factory=dict)

    def receive(self, payload: bytes, *, mc_group: int | None = None) -> list[Answer]:
        """Take a message and return the answers in one uplink without delay. All messages of TS005 are unicast."""
        if mc_group is not None:
            return []
        commands = parse_downlink(payload, version=self.version).commands
        answers = [answer for command in commands if (answer := self._on_command(command)) is not None]
        return [Answer(payload=encode(answers))] if answers else []

    def group_at(self, mc_addr: int) -> McGroupContext | None:
        """Return the group with this address; None if the device has none."""
        for group in self.groups.values():
            if group.mc_addr == mc_addr:
                return group
        return None

    def session_end_us(self, mc_group_id: int) -> int | None:
        """Return the true time of the end of a group's session; None if there is no session."""
        group = self.groups.get(mc_group_id)
        if group is None or group.window is None:
            return None
        return group.window.end_us - self.clock.now_us + self.clock.true_us

    def _on_command(self, command: Command) -> Command | None:
        match command:
            case PackageVersionReq():
                return PackageVersionAns(package_identifier=PACKAGE_IDENTIFIER, package_version=self.version)
            case McGroupSetupReq():
                return self._on_setup(command)
            case McGroupStatusReq():
                return self._on_status(command)
            case McGroupDeleteReq():
                existed = self.groups.pop(command.mc_group_id, None) is not None
                return McGroupDeleteAns(mc_group_id=command.mc_group_id, mc_group_undefined=not existed)
            case McClassCSessionReq() | McClassBSessionReq():
                return self._on_session(command)
            case _:
                return None

    def _on_setup(self, request: McGroupSetupReq) -> McGroupSetupAns:
        if request.mc_group_id >= self.max_groups:
            return McGroupSetupAns(mc_group_id=request.mc_group_id, id_error=True)
        mc_key = decrypt_mc_key(self.ke_key, request.mc_key_encrypted)
        self.groups[request.mc_group_id] = McGroupContext(
            mc_group_id=request.mc_group_id,
            mc_addr=request.mc_addr,
            keys=MulticastSessionKeys.derive(mc_key, request.mc_addr),
            next_f_cnt=request.min_mc_f_cnt,
            max_f_cnt=request.max_mc_f_cnt,
        )
        return McGroupSetupAns(mc_group_id=request.mc_group_id)

    def _on_status(self, request: McGroupStatusReq) -> McGroupStatusAns:
        groups = [group for index, group in sorted(self.groups.items()) if request.req_group_mask >> index & 1]
        return McGroupStatusAns(
            ans_group_mask=sum(1 << group.mc_group_id for group in groups),
            nb_total_groups=len(self.groups),
            groups=tuple(McGroup(mc_group_id=group.mc_group_id, mc_addr=group.mc_addr) for group in groups),
        )

    def _on_session(self, request: McClassCSessionReq | McClassBSessionReq) -> McClassCSessionAns | McClassBSessionAns:
        group = self.groups.get(request.mc_group_id)
        start_s = self.clock.seconds_until(_session_start_s(request))
        errors = {
            "dr_error": not self._has_data_rate(request.data_rate),
            "freq_error": not self._has_frequency(request),
            "mc_group_undefined": group is None,
        }
        if self.version == 2:
            errors["start_missed"] = start_s < 0
        refused = group is None or any(errors.values())
        if group is not None and not refused:
            group.window = self._window(request, start_s)
        kind = McClassCSessionAns if isinstance(request, McClassCSessionReq) else McClassBSessionAns
        return kind(
            version=self.version,
            mc_group_id=request.mc_group_id,
            time_to_start_s=None if refused else min(max(start_s, 0), _MAX_TIME_TO_START_S),
            **errors,
        )

    def _window(self, request: McClassCSessionReq | McClassBSessionReq, start_s: int) -> McWindow:
        start_us = (self.clock.now_us // SECOND_US + start_s) * SECOND_US
        class_b = isinstance(request, McClassBSessionReq)
        duration_s = (BEACON_PERIOD_S if class_b else 1) << request.time_out
        return McWindow(
            start_us=start_us,
            end_us=start_us + duration_s * SECOND_US,
            frequency_hz=request.frequency_hz,
            data_rate=request.data_rate,
            periodicity=request.periodicity if isinstance(request, McClassBSessionReq) else None,
        )

    def _has_data_rate(self, data_rate: int) -> bool:
        return self.region is None or data_rate in {rate.index for rate in self.region.downlink_data_rates}

    def _has_frequency(self, request: McClassCSessionReq | McClassBSessionReq) -> bool:
        if self.region is None or (isinstance(request, McClassBSessionReq) and request.frequency_hz == 0):
            return True
        try:
            self.region.sub_band(request.frequency_hz, 0)
        except PlanError:
            return False
        return True


def _session_start_s(request: McClassCSessionReq | McClassBSessionReq) -> int:
    """Return SessionTime; in class B the beacon at or before it, because it should be a multiple of 128 (McClassBSessionReq)."""
    if isinstance(request, McClassBSessionReq):
        return request.session_time_s // BEACON_PERIOD_S * BEACON_PERIOD_S
    return request.session_time_s
