"""Every parser of every package, in every version and direction, fed anything: no exception, and every octet accounted for."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from fuota.errors import MessageError
from fuota.lorawan.codec import encode
from fuota.lorawan.multi_package import MultiPackBufferFrag, buffer_of, parse_answers
from fuota.lorawan.packages import PACKAGES

# Random octets seldom begin with a CID: half of the input is made of likely first octets with anything after each.
LIKELY = st.lists(
    st.tuples(
        st.sampled_from([*range(9), *range(0x80, 0x86)]).map(lambda octet: bytes((octet,))), st.binary(max_size=32)
    ),
    max_size=4,
).map(lambda pairs: b"".join(first + more for first, more in pairs))
ANYTHING = st.binary(max_size=80) | LIKELY


@pytest.mark.parametrize("version", [1, 2])
@pytest.mark.parametrize("uplink", [True, False])
@pytest.mark.parametrize("name", PACKAGES)
@given(octets=ANYTHING)
def test_a_message_is_commands_and_a_rest(name: str, uplink: bool, version: int, octets: bytes) -> None:
    message = PACKAGES[name].parse(octets, uplink=uplink, version=version)
    assert (message.problem is None) == (message.rest == b"") or octets == b""
    assert octets.endswith(message.rest)
    understood = encode(message.commands)
    taken = len(octets) - len(message.rest)
    # Bits and octets for future use are not kept, so what was understood is as long, or (a status answer of LoRa Basics Modem
    # with three octets too many, a frequency in other steps) shorter, and never longer: nothing was read past the end.
    assert len(understood) <= taken


@pytest.mark.parametrize("version", [1, 2])
@given(octets=ANYTHING)
def test_an_answer_buffer_is_commands_and_a_rest(version: int, octets: bytes) -> None:
    message = parse_answers(octets, version=version)
    assert octets.endswith(message.rest)
    assert len(encode(message.commands)) <= len(octets) - len(message.rest)


@given(st.lists(st.tuples(st.integers(0, 127), st.binary(max_size=1)), max_size=6))
def test_fragments_of_a_buffer_are_joined_or_refused(pieces: list[tuple[int, bytes]]) -> None:
    try:
        joined = buffer_of(MultiPackBufferFrag(base_byte=base, payload=payload) for base, payload in pieces)
    except MessageError:
        return
    assert len(joined) == len({base for base, payload in pieces if payload})
