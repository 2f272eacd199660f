"""Frames between a modem and the board: whole frames arrive, damaged frames do not."""

from __future__ import annotations

import binascii

import pytest
from hypothesis import given
from hypothesis import strategies as st

from fuota.errors import MessageError
from fuota.sandbox.devices.firmware.line import Frame, FrameKind, FrameReader

frames = st.builds(lambda kind, body: Frame(kind=kind, body=body), st.sampled_from(FrameKind), st.binary(max_size=244))


def test_a_frame_has_the_expected_bytes() -> None:
    content = b"\x01\xff\xc9\x7e\x7d\x20"
    crc = binascii.crc_hqx(content, 0).to_bytes(2, "little")
    assert (
        Frame(kind=FrameKind.DOWNLINK, body=content[1:]).to_bytes()
        == b"\x7e\x01\xff\xc9\x7d\x5e\x7d\x5d\x20" + crc + b"\x7e"
    )
    assert Frame(kind=FrameKind.DONE).to_bytes() == b"\x7e\x82\xca\xb1\x7e"


@given(st.lists(frames, max_size=5), st.data())
def test_frames_are_read_from_any_portions(frames_sent: list[Frame], data: st.DataObject) -> None:
    data_bytes = b"".join(frame.to_bytes() for frame in frames_sent)
    cuts = sorted(data.draw(st.lists(st.integers(0, len(data_bytes)), max_size=8)))
    reader = FrameReader()
    received = [
        frame
        for a, b in zip([0, *cuts], [*cuts, len(data_bytes)], strict=True)
        for frame in reader.feed(data_bytes[a:b])
    ]
    assert received == frames_sent


@given(frames, frames, st.data())
def test_a_damaged_byte_loses_that_frame_only(lost: Frame, kept: Frame, data: st.DataObject) -> None:
    data_bytes = bytearray(lost.to_bytes())
    index = data.draw(st.integers(1, len(data_bytes) - 2))
    data_bytes[index] ^= data.draw(
        st.integers(1, 255).filter(lambda flip: data_bytes[index] ^ flip not in (0x7D, 0x7E))
    )
    if 0x7D in (data_bytes[index - 1], lost.to_bytes()[index]):
        return  # it changed an escape, which affects more than one byte of the content
    assert FrameReader().feed(bytes(data_bytes) + kept.to_bytes()) == [kept]


@given(st.binary(max_size=600))
def test_noise_does_not_disturb_the_next_frame(noise: bytes) -> None:
    reader = FrameReader()
    reader.feed(noise + b"\x7e")
    assert reader.feed(Frame(kind=FrameKind.STARTED).to_bytes()) == [Frame(kind=FrameKind.STARTED)]


@given(frames, st.integers(1, 200))
def test_an_unfinished_frame_is_dropped_by_reset(cut: Frame, length: int) -> None:
    reader = FrameReader()
    reader.feed(cut.to_bytes()[:length][:-1])
    reader.reset()
    assert reader.feed(Frame(kind=FrameKind.STARTED).to_bytes()) == [Frame(kind=FrameKind.STARTED)]


def test_unknown_kinds_are_dropped() -> None:
    content = b"\x55hello"
    content += binascii.crc_hqx(content, 0).to_bytes(2, "little")
    assert FrameReader().feed(b"\x7e" + content + b"\x7e") == []


def test_a_payload_that_is_too_long_is_refused() -> None:
    Frame(kind=FrameKind.DOWNLINK, body=bytes(244))
    with pytest.raises(MessageError, match=r"FRMPayload must have 242 bytes or fewer .*, got 243"):
        Frame(kind=FrameKind.DOWNLINK, body=bytes(245))
