"""Every parser of every package, version and direction with any input: no exception, and every byte is accounted for."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from fuota.errors import MessageError
from fuota.lorawan.codec import encode
from fuota.lorawan.multi_package import MultiPackBufferFrag, answer_buffer, parse_answers
from fuota.lorawan.packages import PACKAGES

# Random bytes seldom start with a CID, so half of the input consists of likely first bytes, each with random bytes after it.
LIKELY = st.lists(
    st.tuples(
        st.sampled_from([*range(9), *range(0x80, 0x86)]).map(lambda byte: bytes((byte,))), st.binary(max_size=32)
    ),
    max_size=4,
).map(lambda pairs: b"".join(first + more for first, more in pairs))
ANYTHING = st.binary(max_size=80) | LIKELY


@pytest.mark.parametrize("version", [1, 2])
@pytest.mark.parametrize("uplink", [True, False])
@pytest.mark.parametrize("name", PACKAGES)
@given(wire=ANYTHING)
def test_message_is_commands_and_unparsed_bytes(name: str, uplink: bool, version: int, wire: bytes) -> None:
    message = PACKAGES[name].parse(wire, uplink=uplink, version=version)
    assert (message.problem is None) == (message.unparsed == b"") or wire == b""
    assert wire.endswith(message.unparsed)
    understood = encode(message.commands)
    consumed = len(wire) - len(message.unparsed)
    # Reserved bits and bytes are not kept. The encoded commands are therefore as long as the bytes that were read, or shorter
    # (a status answer of LoRa Basics Modem with three extra bytes, a frequency in other steps). They are never longer, so
    # nothing was read past the end.
    assert len(understood) <= consumed


@pytest.mark.parametrize("version", [1, 2])
@given(wire=ANYTHING)
def test_answer_buffer_is_commands_and_unparsed_bytes(version: int, wire: bytes) -> None:
    message = parse_answers(wire, version=version)
    assert wire.endswith(message.unparsed)
    assert len(encode(message.commands)) <= len(wire) - len(message.unparsed)


@given(st.lists(st.tuples(st.integers(0, 127), st.binary(max_size=1)), max_size=6))
def test_fragments_of_a_buffer_are_joined_or_refused(pieces: list[tuple[int, bytes]]) -> None:
    try:
        joined = answer_buffer(MultiPackBufferFrag(base_byte=base, payload=payload) for base, payload in pieces)
    except MessageError:
        return
    assert len(joined) == len({base for base, payload in pieces if payload})
