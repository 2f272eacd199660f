"""One test for each known fault of other device stacks that could befall ours, through the octets of the package.

The number is that of the list of field bugs in docs/field-bugs.md, which says whose fault it was.
"""

from __future__ import annotations

import pytest

from fuota.lorawan.fragmentation import (
    FragSessionDeleteReq,
    FragSessionSetupAns,
    FragSessionStatusReq,
    PackageVersionReq,
)

both_versions = pytest.mark.parametrize("version", [1, 2])
LITERAL = {"version": 2, "variant": "literal"}


@pytest.mark.parametrize(
    ("sends", "profile"), [(LITERAL, {}), ({"version": 1}, {}), ({"version": 2}, {"variant": "literal"})]
)
def test_bug_01_swl2001_106_mixed_variants_end_in_a_mic_error(peer, sends, profile):
    talk = peer(2, nb_frag=32, coded=60, sends=sends, **profile).set_up(ack_reception=True)
    answers = talk.hear([*range(1, 21), *range(33, 93)])
    (report,) = talk.parsed(answers)
    assert report.mic_error
    assert (talk.block, talk.status().mic_error, talk.status().missing_frag) == (None, True, 0)


@both_versions
def test_bug_02_loramac_node_too_many_losses_are_no_success(peer, version):
    talk = peer(version, nb_frag=32, coded=10).set_up()
    talk.hear([*range(1, 21), *range(33, 43)])
    assert talk.block is None
    assert talk.status().missing_frag >= 2


@both_versions
def test_bug_03_loramac_node_lost_tail_and_coded_only(peer, version):
    tail = peer(version, nb_frag=30, coded=60).set_up()
    tail.hear([*range(1, 11), *range(31, 91)])
    assert tail.block == tail.data
    coded_only = peer(version, nb_frag=30, coded=60).set_up()
    coded_only.hear(range(31, 91))
    assert coded_only.block == coded_only.data


@both_versions
def test_bug_04_loramac_node_1614_fragment_number_0_is_dropped(peer, version):
    talk = peer(version).set_up()
    assert talk.ask(b"\x08\x00\x00" + bytes(8)) == []
    assert (talk.device.missing(), talk.status().nb_frag_received) == (10, 0)


@both_versions
def test_bug_05_loramac_node_1614_the_largest_number_with_a_small_session(peer, version):
    talk = peer(version, coded=16383 - 10).set_up()
    talk.hear([*range(2, 11), *range(16300, 16384)])
    assert talk.block == talk.data


@both_versions
@pytest.mark.parametrize("nb_frag", [256, 257, 300])
def test_bug_06_loramac_node_785_more_than_255_fragments(peer, version, nb_frag):
    talk = peer(version, nb_frag=nb_frag, coded=20).set_up()
    talk.hear([*range(1, 250), *range(256, nb_frag + 21)])
    assert talk.block == talk.data


@both_versions
def test_bug_08_lora_basics_modem_101_nothing_is_missing_after_a_lossless_reception(peer, version):
    talk = peer(version).set_up()
    talk.hear(range(1, 11))
    assert (talk.status().missing_frag, talk.status().nb_frag_received) == (0, 10)


@both_versions
def test_bug_09_loramac_node_missing_frag_shrinks_while_coded_fragments_repair(peer, version):
    talk = peer(version, nb_frag=32).set_up()
    talk.hear(range(1, 31))
    told = []
    for n in range(33, 63):
        told.append(talk.status().missing_frag)
        talk.hear([n])
    assert told == sorted(told, reverse=True)
    assert set(told) == {2, 1, 0}


@both_versions
def test_bug_10_loramac_node_nb_frag_received_is_a_count_not_the_last_number(peer, version):
    talk = peer(version, nb_frag=32).set_up()
    talk.hear([5, 30, 2, 40])
    assert talk.status().nb_frag_received == 4


@both_versions
def test_bug_11_loramac_node_1629_a_second_session_starts_clean(peer, version):
    talk = peer(version).set_up(**({"mic": bytes(4)} if version == 2 else {}))
    talk.hear([2, 2, *range(11, 40)])
    second = peer(version, nb_frag=12, device=talk.device).set_up(**({"session_cnt": 1} if version == 2 else {}))
    status = second.status()
    assert (status.nb_frag_received, status.missing_frag, status.mic_error) == (0, 12, False)
    second.hear([*range(2, 13), *range(13, 43)])
    assert second.block == second.data


@both_versions
@pytest.mark.parametrize(
    "changes",
    [
        {"nb_frag": 0},
        {"nb_frag": 16384},
        {"nb_frag": 0xFFFF, "frag_size": 255},
        {"frag_size": 0, "padding": 0},
        {"frag_size": 0},
        {"padding": 8},
        {"padding": 255},
        {"nb_frag": 126, "padding": 7},
    ],
)
def test_bug_12_loramac_node_878_a_setup_that_cannot_be_held_is_answered_with_bit_1(peer, version, changes):
    talk = peer(version, slot_bytes=1000)
    (answer,) = talk.ask(talk.setup(**changes))
    assert answer == FragSessionSetupAns(version=version, frag_index=0, not_enough_memory=True)
    assert talk.device.missing() is None


def test_bug_12_what_just_fits_is_accepted(peer):
    peer(slot_bytes=1000).set_up(nb_frag=125, padding=0).set_up(nb_frag=143, padding=1, frag_size=7)
    peer().set_up(nb_frag=16383, frag_size=1, padding=0)


@both_versions
def test_bug_13_loramac_node_a_fragment_of_a_foreign_group_is_dropped(peer, version):
    talk = peer(version).set_up(mc_group_bit_mask=0b0010)
    for group in (0, 2, 3):
        assert talk.hear(range(1, 41), mc_group=group) == []
    assert (talk.block, talk.device.missing(), talk.status().nb_frag_received) == (None, 10, 0)
    talk.hear(range(1, 11), mc_group=1)
    assert talk.block == talk.data


@both_versions
def test_bug_13_loramac_node_reserved_bits_of_a_status_request_are_ignored(peer, version):
    talk = peer(version, frag_index=3).set_up()
    (answer,) = talk.ask(b"\x01\xff")
    assert (answer.frag_index, answer.missing_frag) == (3, 10)


@both_versions
@pytest.mark.parametrize("late", [1, 5, 10])
def test_bug_14_zephyr_a_late_uncoded_fragment_after_coded_ones(peer, version, late):
    talk = peer(version).set_up()
    talk.hear(n for n in range(1, 13) if n != late)
    talk.hear([late])
    assert talk.block == talk.data


@both_versions
def test_bug_15_zephyr_repeats_and_other_sessions_do_not_change_missing_frag(peer, version):
    talk = peer(version).set_up()
    other = peer(version, frag_index=1, device=talk.device).set_up()
    talk.hear([1, 2, 2, 2, 11, 11])
    other.hear([5, 6])
    status = talk.status()
    assert (status.nb_frag_received, status.missing_frag) == (6, 7)
    (asked,) = talk.ask(FragSessionStatusReq(frag_index=0, participants=False))
    assert asked == status


@both_versions
def test_bug_16_zephyr_113354_nothing_of_a_truncated_command_is_executed(peer, version):
    talk = peer(version).set_up()
    talk.hear([1])
    delete = FragSessionDeleteReq(frag_index=0).to_bytes()
    for length in range(1, len(delete)):
        assert talk.ask(delete[:length]) == []
    for octets in (b"\x08\x03", b"\x08\x03\x00", b"\x08" + delete):
        assert talk.ask(octets) == []
    setup = talk.setup(**({"session_cnt": 0x0303} if version == 2 else {}), padding=3, descriptor=delete * 2).to_bytes()
    for length in range(1, len(setup)):
        assert talk.ask(setup[:length]) == []
    assert (talk.device.missing(), talk.status().nb_frag_received) == (9, 1)


@both_versions
def test_bug_16_what_stands_before_the_truncated_command_is_executed(peer, version):
    talk = peer(version).set_up()
    (answer,) = talk.ask(PackageVersionReq(), talk.setup().to_bytes()[:-1])
    assert answer.package_version == version


@both_versions
@pytest.mark.parametrize("coded", [9, 15, 17])
def test_bug_17_mbed_two_sessions_in_one_process_with_any_redundancy(peer, version, coded):
    first = peer(version, nb_frag=20, coded=coded).set_up()
    first.hear(range(15, 21 + coded))
    second = peer(version, nb_frag=20, coded=coded, device=first.device)
    second.set_up(**({"session_cnt": 1} if version == 2 else {}))
    second.hear(range(5, 21 + coded))
    assert second.block == second.data


@both_versions
def test_bug_18_loramac_node_two_sessions_at_once_do_not_touch(peer, version):
    talk = peer(version).set_up()
    other = peer(version, nb_frag=14, padding=0, frag_index=1, device=talk.device).set_up()
    for n in range(3, 44):
        talk.hear([n] if n <= 40 else [])
        other.hear([n])
    assert (talk.block, other.block) == (talk.data, other.data)
    assert talk.data != other.data


def test_bug_30_lora_basics_modem_19_many_commands_in_one_message(peer):
    talk = peer()
    assert len(talk.ask(*[PackageVersionReq()] * 80)) == 80
