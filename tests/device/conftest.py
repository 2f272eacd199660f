"""A device and the server's side of one session with it, speaking octets."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest

from fuota.device import DeviceProfile, FragmentationPackage
from fuota.fragmentation import FragmentationSession
from fuota.lorawan.fragmentation import FragSessionSetupReq, FragSessionStatusReq, parse_uplink
from fuota.lorawan.keys import data_block_mic

INT_KEY = bytes(range(16))


class Peer:
    """`session` is what the server sends; `device` what receives it. Further arguments are those of DeviceProfile."""

    def __init__(self, version=1, *, nb_frag=10, padding=3, coded=30, frag_index=0, device=None, sends=None, **profile):
        self.version, self.frag_index = version, frag_index
        self.data = np.random.default_rng(nb_frag + frag_index).bytes(nb_frag * 8 - padding)
        self.session = FragmentationSession.fit(
            self.data, frag_size=8, redundancy=coded, **(sends or {"version": version})
        )
        self.device = device or FragmentationPackage(DeviceProfile(version=version, **profile), int_key=INT_KEY)
        self.fragments = [fragment.to_bytes(frag_index) for fragment in self.session.fragments()]

    def setup(self, **changes):
        """The setup command; `changes` are made after the MIC was computed, but for session_cnt and descriptor."""
        command = FragSessionSetupReq(
            version=self.version,
            frag_index=self.frag_index,
            mc_group_bit_mask=0b0001,
            nb_frag=self.session.nb_frag,
            frag_size=8,
            block_ack_delay=0,
            padding=self.session.padding,
            **(self._integrity(changes) if self.version == 2 else {}),
        )
        return replace(command, **changes)

    def _integrity(self, changes):
        signed = {
            "session_cnt": changes.get("session_cnt", 0),
            "descriptor": changes.get("descriptor", bytes(4)),
        }
        mic = data_block_mic(key=INT_KEY, frag_index=self.frag_index, data=self.data, **signed)
        return {**signed, "mic": mic}

    def ask(self, *commands, mc_group=None):
        """Send commands in one message; what the device answers, parsed."""
        payload = b"".join(command if isinstance(command, bytes) else command.to_bytes() for command in commands)
        return self.parsed(self.device.receive(payload, mc_group=mc_group))

    def parsed(self, answers):
        return [
            command
            for answer in answers
            for command in parse_uplink(answer.payload, version=self.version).require_whole()
        ]

    def set_up(self, **changes):
        """Open the session; the peer itself, so that a test reads as one line."""
        (answer,) = self.ask(self.setup(**changes))
        assert answer.accepted
        return self

    def hear(self, numbers, mc_group=None):
        """Fragments by their numbers, as frames; the answers of the device."""
        return [a for n in numbers for a in self.device.receive(self.fragments[n - 1], mc_group=mc_group)]

    def status(self):
        """The status answer, which everybody is asked for."""
        (answer,) = self.ask(FragSessionStatusReq(frag_index=self.frag_index, participants=True))
        return answer

    @property
    def block(self):
        return self.device.block(self.frag_index)


@pytest.fixture(scope="session")
def peer():
    """Makes a device and its server: `peer(version, nb_frag=..., coded=..., ...)`."""
    return Peer
