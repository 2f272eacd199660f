"""Fixtures: a device and the server's side of a session, which exchange bytes."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest

from fuota.device import DeviceProfile, FragmentationPackage
from fuota.fragmentation import FragmentationSession
from fuota.lorawan.fragmentation import FragSessionSetupReq, FragSessionStatusReq, parse_uplink
from fuota.lorawan.keys import data_block_mic

INT_KEY = bytes(range(16))


class Pair:
    """A device and the server's side of a session.

    session: fragments that the server sends. device: package that receives them. Further arguments are fields of DeviceProfile.
    """

    def __init__(
        self, version=1, *, nb_frag=10, padding=3, coded=30, frag_index=0, device=None, sender=None, **profile
    ):
        self.version, self.frag_index = version, frag_index
        self.data = np.random.default_rng(nb_frag + frag_index).bytes(nb_frag * 8 - padding)
        self.session = FragmentationSession.fit(
            self.data, frag_size=8, redundancy=coded, **(sender or {"version": version})
        )
        self.device = device or FragmentationPackage(DeviceProfile(version=version, **profile), int_key=INT_KEY)
        self.fragments = [fragment.to_bytes(frag_index) for fragment in self.session.fragments()]

    def setup(self, **changes):
        """Return the setup command. Only changes of session_cnt and descriptor are covered by the MIC."""
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

    def send(self, *commands, mc_group=None):
        """Send commands in one message and return the parsed answers of the device."""
        payload = b"".join(command if isinstance(command, bytes) else command.to_bytes() for command in commands)
        return self.parsed(self.device.receive(payload, mc_group=mc_group))

    def parsed(self, answers):
        return [
            command
            for answer in answers
            for command in parse_uplink(answer.payload, version=self.version).require_whole()
        ]

    def open_session(self, **changes):
        """Open the session and return the pair, so that a test needs only one line."""
        (answer,) = self.send(self.setup(**changes))
        assert answer.accepted
        return self

    def feed(self, numbers, mc_group=None):
        """Send the fragments with these numbers as frames and return the answers of the device."""
        return [answer for n in numbers for answer in self.device.receive(self.fragments[n - 1], mc_group=mc_group)]

    def status(self):
        """Return the status answer, requested from all devices."""
        (answer,) = self.send(FragSessionStatusReq(frag_index=self.frag_index, participants=True))
        return answer

    @property
    def block(self):
        return self.device.block(self.frag_index)


@pytest.fixture(scope="session")
def make_pair():
    """Return the class of pairs: `make_pair(version, nb_frag=..., coded=..., ...)`."""
    return Pair
