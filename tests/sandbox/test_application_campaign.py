"""A campaign that the application manages itself with our client, real HTTP and the data stream."""

from __future__ import annotations

import hashlib
from collections import defaultdict

import numpy as np
import pytest

from fuota.device import IMAGE_REPORT_FPORT, DeviceProfile, ImageReport, Outcome, judge
from fuota.fragmentation import FragmentationSession
from fuota.lorawan.fragmentation import (
    FPORT,
    FragSessionSetupAns,
    FragSessionSetupReq,
    FragSessionStatusAns,
    FragSessionStatusReq,
    parse_uplink,
)
from fuota.lorawan.keys import data_block_int_key, data_block_mic
from fuota.network import SenraClient
from fuota.sandbox import FleetRecipe, Sandbox

IMAGE = np.random.default_rng(11).bytes(1500)
DESCRIPTOR = b"\x01\x02\x03\x04"


class Application:
    """An application server: it knows its devices' root keys, calls the API, and reads its data stream."""

    def __init__(self, sandbox, collector, wait_until, version):
        self.client = SenraClient(sandbox.url, sandbox.api_key, retries=0)
        self.app_eui, self.euis, self.version = sandbox.app_eui, sandbox.dev_euis, version
        self.root_keys = {eui: device.app_key for eui, device in sandbox._fleet.by_eui.items()}
        self._collector, self._wait_until = collector, wait_until
        self.session = FragmentationSession.fit(IMAGE, frag_size=48, redundancy=0.6, version=version)

    def payloads(self, port):
        """Return the payloads of each device on this port, in order."""
        payloads = defaultdict(list)
        for uplink in list(self._collector.uplinks):
            if uplink.port == port:
                payloads[uplink.dev_eui].append(uplink.pdu)
        return payloads

    def commands(self, kind):
        """Return the devices that have sent a command of this kind."""
        return {
            eui
            for eui, payloads in self.payloads(FPORT).items()
            if any(
                isinstance(command, kind)
                for pdu in payloads
                for command in parse_uplink(pdu, version=self.version).commands
            )
        }

    def set_up_group(self):
        group = self.client.multicast.setup(self.app_eui, dev_euis=self.euis, mcast_type="APP")
        self._wait_until(
            lambda: all(
                member.state == "Initialized"
                for member in self.client.multicast.status(self.app_eui, group.mc_addr).members
            )
        )
        return self.client.multicast.status(self.app_eui, group.mc_addr)

    def ask_until(self, answered_euis, message_of):
        """Send a unicast message to each device until it has answered. answered_euis: returns the devices that have answered."""
        for _ in range(40):
            open_euis = set(self.euis) - answered_euis()
            for eui in open_euis:
                self.client.downlinks.send(eui, message_of(eui), port=FPORT, clear=True)
            try:
                self._wait_until(lambda: answered_euis() == set(self.euis), timeout_s=0.4)
            except AssertionError:
                continue
            return
        raise AssertionError(f"did not answer: {set(self.euis) - answered_euis()}")

    def setup_of(self, eui, mc_group_id):
        integrity = {}
        if self.version == 2:
            mic = data_block_mic(
                key=data_block_int_key(self.root_keys[eui]),
                session_cnt=0,
                frag_index=1,
                descriptor=DESCRIPTOR,
                data=IMAGE,
            )
            integrity = {"session_cnt": 0, "mic": mic}
        return FragSessionSetupReq(
            version=self.version,
            frag_index=1,
            mc_group_bit_mask=1 << mc_group_id,
            nb_frag=self.session.nb_frag,
            frag_size=48,
            block_ack_delay=0,
            padding=self.session.padding,
            descriptor=DESCRIPTOR,
            **integrity,
        ).to_bytes()

    def reports(self):
        return {
            eui: judge(
                eui,
                [*self._answers(eui), *(ImageReport.parse(pdu) for pdu in self.payloads(IMAGE_REPORT_FPORT)[eui])],
                sha256=hashlib.sha256(IMAGE).hexdigest(),
            )
            for eui in self.euis
        }

    def _answers(self, eui):
        return [
            command for pdu in self.payloads(FPORT)[eui] for command in parse_uplink(pdu, version=self.version).commands
        ]


@pytest.mark.parametrize("version", [1, 2])
def test_an_application_updates_a_fleet_by_itself(collector, wait_until, version):
    fleet = FleetRecipe(devices=8, loss_low=0.05, loss_high=0.15, profile=DeviceProfile(version=version), seed=3)
    with Sandbox(fleet=fleet, speed=1000, data_stream_url=collector.url) as sandbox:
        app = Application(sandbox, collector, wait_until, version)
        group = app.set_up_group()
        number = {member.dev_eui: member.group_id for member in group.members}
        app.ask_until(lambda: app.commands(FragSessionSetupAns), lambda eui: app.setup_of(eui, number[eui]))
        for fragment in app.session.fragments():
            app.client.multicast.send(app.app_eui, group.mc_addr, fragment.to_bytes(1), port=FPORT)
        status_request = FragSessionStatusReq(frag_index=1, participants=True).to_bytes()
        app.client.multicast.send(app.app_eui, group.mc_addr, status_request, port=FPORT)
        wait_until(lambda: app.commands(FragSessionStatusAns))
        app.ask_until(lambda: app.commands(FragSessionStatusAns), lambda _eui: status_request)
        app.ask_until(lambda: set(app.payloads(IMAGE_REPORT_FPORT)), lambda _eui: status_request)
        assert {report.outcome for report in app.reports().values()} == {Outcome.UPDATED}
        assert all(device.package.block(1) == IMAGE for device in sandbox._fleet.by_eui.values())
