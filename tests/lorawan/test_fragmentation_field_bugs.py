"""Bugs of stacks in the field that concern the TS004 codec. The numbers come from the list in docs/field-bugs.md."""

from __future__ import annotations

import pytest

from fuota.errors import MessageError
from fuota.lorawan.codec import encode
from fuota.lorawan.fragmentation import (
    DataFragment,
    FragDataBlockReceivedReq,
    FragSessionDeleteAns,
    FragSessionDeleteReq,
    FragSessionSetupAns,
    FragSessionSetupReq,
    FragSessionStatusAns,
    FragSessionStatusReq,
    PackageVersionAns,
    PackageVersionReq,
    parse_downlink,
    parse_uplink,
)
from fuota.lorawan.keys import data_block_int_key, data_block_mic

NO_SESSION = FragSessionStatusAns(version=2, session_does_not_exist=True)
FOLLOWING = FragSessionSetupAns(version=2, frag_index=1)


def setup(nb_frag: int, frag_size: int = 50) -> FragSessionSetupReq:
    return FragSessionSetupReq(
        version=1,
        frag_index=0,
        mc_group_bit_mask=0,
        nb_frag=nb_frag,
        frag_size=frag_size,
        block_ack_delay=0,
        padding=0,
    )


def test_bug_04_loramac_node_1614_fragment_number_0_is_refused() -> None:
    message = parse_downlink(bytes.fromhex("080000 01020304"), version=1)
    assert message.commands == ()
    assert "n must be 1 to 16383" in str(message.problem)
    with pytest.raises(MessageError, match="must be 1 to 16383"):
        DataFragment(frag_index=0, n=0, payload=b"a")


def test_bug_05_loramac_node_1614_largest_fragment_number_is_read() -> None:
    assert parse_downlink(bytes.fromhex("08ff3faa"), version=1).require_whole() == (
        DataFragment(frag_index=0, n=16383, payload=b"\xaa"),
    )


@pytest.mark.parametrize("count", [255, 256, 257, 300, 1000])
def test_bug_06_loramac_node_785_counts_above_255(count: int) -> None:
    answer = FragSessionStatusAns(version=1, frag_index=0, nb_frag_received=count, missing_frag=0)
    low, high = count & 0xFF, count >> 8
    assert setup(count).to_bytes()[2:4] == bytes((low, high))
    assert parse_downlink(setup(count).to_bytes(), version=1).require_whole() == (setup(count),)
    assert parse_uplink(bytes((0x01, low, high, 0, 0)), version=1).require_whole() == (answer,)


def test_bug_12_loramac_node_878_bytes_of_received_and_index() -> None:
    answer = FragSessionStatusAns(version=1, frag_index=2, nb_frag_received=0x0123, missing_frag=4)
    assert answer.to_bytes() == bytes.fromhex("01 2381 04 00")
    answer_v2 = FragSessionStatusAns(version=2, frag_index=2, nb_frag_received=0x0123, missing_frag=4)
    assert answer_v2.to_bytes() == bytes.fromhex("01 00 2381 04")


@pytest.mark.parametrize(("nb_frag", "frag_size"), [(0, 50), (16384, 50), (65535, 50), (10, 0)])
def test_bug_12_loramac_node_878_impossible_setup_is_read_so_that_the_device_can_refuse_it(
    nb_frag: int, frag_size: int
) -> None:
    impossible = setup(nb_frag, frag_size)
    assert parse_downlink(impossible.to_bytes(), version=1).require_whole() == (impossible,)


@pytest.mark.parametrize(
    ("wire", "command"),
    [
        ("01ff", FragSessionStatusReq(frag_index=3, participants=True)),
        ("01f8", FragSessionStatusReq(frag_index=0, participants=False)),
        ("03fd", FragSessionDeleteReq(frag_index=1)),
        ("02c0010032800000000000", setup(1)),
        ("02c0010032c00000000000", setup(1)),
    ],
)
def test_bug_13_loramac_node_reserved_bits_of_downlinks_are_ignored(wire: str, command: object) -> None:
    assert parse_downlink(bytes.fromhex(wire), version=1).require_whole() == (command,)


@pytest.mark.parametrize(
    ("wire", "version", "command"),
    [
        ("0270", 1, FragSessionSetupAns(version=1, frag_index=1)),
        ("0260", 2, FragSessionSetupAns(version=2, frag_index=1)),
        ("03fa", 1, FragSessionDeleteAns(frag_index=2)),
        ("04fa", 2, FragDataBlockReceivedReq(frag_index=2)),
        ("01000000fe", 1, FragSessionStatusAns(version=1, frag_index=0, nb_frag_received=0, missing_frag=0)),
        ("01f8000000", 2, FragSessionStatusAns(version=2, frag_index=0, nb_frag_received=0, missing_frag=0)),
    ],
)
def test_bug_13_loramac_node_reserved_bits_of_uplinks_are_ignored(wire: str, version: int, command: object) -> None:
    assert parse_uplink(bytes.fromhex(wire), version=version).require_whole() == (command,)


def test_bug_13_loramac_node_reserved_bits_are_sent_as_0() -> None:
    received = encode(parse_downlink(bytes.fromhex("01ff 03ff 02c0010032800000000000"), version=1).require_whole())
    assert received == bytes.fromhex("0107 0303 0200010032000000000000")


@pytest.mark.parametrize("wire", ["08", "0801", "080100"])
def test_bug_16_zephyr_113354_fragment_truncated_in_its_header_is_not_a_command(wire: str) -> None:
    message = parse_downlink(bytes.fromhex(wire), version=1)
    assert message.commands == ()
    assert message.unparsed == bytes.fromhex(wire)
    assert "truncated DataFragment: its payload needs 3 bytes" in str(message.problem)


def test_bug_16_zephyr_113354_no_byte_of_a_short_fragment_is_a_command() -> None:
    delete = FragSessionDeleteReq(frag_index=0).to_bytes()
    message = parse_downlink(bytes.fromhex("080100") + delete, version=1)
    assert message.require_whole() == (DataFragment(frag_index=0, n=1, payload=delete),)


def test_bug_16_zephyr_113354_no_byte_of_a_short_setup_is_a_command() -> None:
    wire = bytes.fromhex("00 02 03000300030003")
    message = parse_downlink(wire, version=1)
    assert message.commands == (PackageVersionReq(),)
    assert message.unparsed == wire[1:]
    assert "needs 10 bytes but 7 are left" in str(message.problem)
    assert "needs 16 bytes but 7 are left" in str(parse_downlink(wire, version=2).problem)


def test_bug_19_st_5_status_in_the_layout_of_version_1() -> None:
    answer = FragSessionStatusAns(version=1, frag_index=3, nb_frag_received=1024, missing_frag=128, memory_error=True)
    wire = bytes.fromhex("0100c48001 0240")
    assert parse_uplink(wire, version=2, status_layout=1).require_whole() == (answer, FOLLOWING)
    assert parse_uplink(wire, version=2).commands[0] != answer


@pytest.mark.parametrize("status", ["0104", "0104000000"])
@pytest.mark.parametrize("following", [(), (FOLLOWING,), (FOLLOWING, NO_SESSION), (NO_SESSION, FOLLOWING)])
def test_bug_22_lora_basics_modem_zeros_after_a_missing_session(
    status: str, following: tuple[FragSessionStatusAns | FragSessionSetupAns, ...]
) -> None:
    message = parse_uplink(bytes.fromhex(status) + encode(following), version=2)
    assert message.require_whole() == (NO_SESSION, *following)


@pytest.mark.parametrize("status", ["0104", "0104000000"])
def test_bug_22_package_version_ans_is_not_read_as_the_zeros(status: str) -> None:
    message = parse_uplink(bytes.fromhex(status + "000302"), version=2)
    assert message.require_whole() == (NO_SESSION, PackageVersionAns(package_identifier=3, package_version=2))


@pytest.mark.parametrize("leftover", ["024001", "000100", "0a0000"])
def test_bug_22_counts_left_by_a_deleted_session_are_not_commands(leftover: str) -> None:
    assert parse_uplink(bytes.fromhex("0104" + leftover), version=2).require_whole() == (NO_SESSION,)


def test_bug_22_two_zeros_are_not_three() -> None:
    message = parse_uplink(bytes.fromhex("0104 0000"), version=2)
    assert message.commands == (NO_SESSION,)
    assert "truncated PackageVersionAns" in str(message.problem)


def test_bug_22_missing_session_reports_no_numbers() -> None:
    assert (NO_SESSION.frag_index, NO_SESSION.nb_frag_received, NO_SESSION.missing_frag) == (None, None, None)
    assert NO_SESSION.to_bytes() == b"\x01\x04"


def test_bug_23_chirpstack_910_descriptor_changes_the_mic() -> None:
    key = data_block_int_key(bytes(range(16)))
    mics = {
        descriptor: data_block_mic(
            key=key, session_cnt=1, frag_index=0, descriptor=bytes.fromhex(descriptor), data=bytes(range(4))
        )
        for descriptor in ("01020304", "04030201", "00000000")
    }
    assert mics["01020304"] == bytes.fromhex("7a36faf8")
    assert len(set(mics.values())) == 3


def test_bug_23_chirpstack_2c66e9bd_delay_and_descriptor_have_separate_bytes() -> None:
    wire = bytes.fromhex("02 10 0a00 32 05 00 01020304")
    (command,) = parse_downlink(wire, version=1).require_whole()
    assert isinstance(command, FragSessionSetupReq)
    assert (command.block_ack_delay, command.frag_algo, command.descriptor) == (5, 0, b"\x01\x02\x03\x04")
    assert command.to_bytes() == wire


def test_bug_24_chirpstack_two_commands_in_one_uplink() -> None:
    assert parse_uplink(bytes.fromhex("0240 0101002300"), version=1).require_whole() == (
        FragSessionSetupAns(version=1, frag_index=1),
        FragSessionStatusAns(version=1, frag_index=0, nb_frag_received=1, missing_frag=0x23),
    )


def test_bug_30_lora_basics_modem_19_many_commands_in_one_message() -> None:
    commands = tuple(FragSessionStatusReq(frag_index=number % 4, participants=True) for number in range(121))
    assert len(encode(commands)) == 242
    assert parse_downlink(encode(commands), version=1).require_whole() == commands


@pytest.mark.parametrize("version", [1, 2])
def test_bug_34_multitech_crc_exchange_is_recognised_and_refused(version: int) -> None:
    wire = bytes.fromhex("8001020304")
    for message in (parse_uplink(wire, version=version), parse_downlink(wire, version=version)):
        assert (message.commands, message.unparsed) == ((), wire)
        assert "MultiTech" in str(message.problem)
    assert "0x80" not in str(parse_uplink(b"\x55", version=version).problem)
