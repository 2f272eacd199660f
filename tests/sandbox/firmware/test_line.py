"""The frames between a modem and the part: what is sent arrives, what is damaged does not."""

from __future__ import annotations

import binascii

import pytest
from hypothesis import given
from hypothesis import strategies as st

from fuota.errors import MessageError
from fuota.sandbox.devices.firmware.line import Frame, FrameKind, FrameReader

frames = st.builds(lambda kind, body: Frame(kind=kind, body=body), st.sampled_from(FrameKind), st.binary(max_size=244))


def test_a_frame_octet_by_octet() -> None:
    content = b"\x01\xff\xc9\x7e\x7d\x20"
    crc = binascii.crc_hqx(content, 0).to_bytes(2, "little")
    assert (
        Frame(kind=FrameKind.DOWNLINK, body=content[1:]).to_bytes()
        == b"\x7e\x01\xff\xc9\x7d\x5e\x7d\x5d\x20" + crc + b"\x7e"
    )
    assert Frame(kind=FrameKind.DONE).to_bytes() == b"\x7e\x82\xca\xb1\x7e"


@given(st.lists(frames, max_size=5), st.data())
def test_frames_come_out_whatever_the_portions(sent: list[Frame], data: st.DataObject) -> None:
    octets = b"".join(frame.to_bytes() for frame in sent)
    cuts = sorted(data.draw(st.lists(st.integers(0, len(octets)), max_size=8)))
    reader = FrameReader()
    got = [frame for a, b in zip([0, *cuts], [*cuts, len(octets)], strict=True) for frame in reader.feed(octets[a:b])]
    assert got == sent


@given(frames, frames, st.data())
def test_one_damaged_octet_loses_that_frame_and_no_other(lost: Frame, kept: Frame, data: st.DataObject) -> None:
    octets = bytearray(lost.to_bytes())
    at = data.draw(st.integers(1, len(octets) - 2))
    octets[at] ^= data.draw(st.integers(1, 255).filter(lambda flip: octets[at] ^ flip not in (0x7D, 0x7E)))
    if 0x7D in (octets[at - 1], lost.to_bytes()[at]):
        return  # it changed an escape, which is more than one octet of the content
    assert FrameReader().feed(bytes(octets) + kept.to_bytes()) == [kept]


@given(st.binary(max_size=600))
def test_noise_is_no_frame_and_does_no_harm(noise: bytes) -> None:
    reader = FrameReader()
    reader.feed(noise + b"\x7e")
    assert reader.feed(Frame(kind=FrameKind.STARTED).to_bytes()) == [Frame(kind=FrameKind.STARTED)]


@given(frames, st.integers(1, 200))
def test_a_frame_cut_off_by_a_loss_of_power_is_forgotten(cut: Frame, length: int) -> None:
    reader = FrameReader()
    reader.feed(cut.to_bytes()[:length][:-1])
    reader.reset()
    assert reader.feed(Frame(kind=FrameKind.STARTED).to_bytes()) == [Frame(kind=FrameKind.STARTED)]


def test_unknown_kinds_are_dropped() -> None:
    content = b"\x55hello"
    content += binascii.crc_hqx(content, 0).to_bytes(2, "little")
    assert FrameReader().feed(b"\x7e" + content + b"\x7e") == []


def test_more_than_a_payload_is_refused() -> None:
    Frame(kind=FrameKind.DOWNLINK, body=bytes(244))
    with pytest.raises(MessageError, match=r"FRMPayload must have 242 bytes or fewer .*, got 243"):
        Frame(kind=FrameKind.DOWNLINK, body=bytes(245))
