"""Known faults of other device stacks that ours could have too, one test for each fault.

The number of a test is the number in docs/field-bugs.md, which names the stack.
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
    ("sender", "profile"), [(LITERAL, {}), ({"version": 1}, {}), ({"version": 2}, {"variant": "literal"})]
)
def test_bug_01_swl2001_106_mixed_variants_end_in_a_mic_error(make_pair, sender, profile):
    pair = make_pair(2, nb_frag=32, coded=60, sender=sender, **profile).open_session(ack_reception=True)
    answers = pair.feed([*range(1, 21), *range(33, 93)])
    (report,) = pair.parsed(answers)
    assert report.mic_error
    assert (pair.block, pair.status().mic_error, pair.status().missing_frag) == (None, True, 0)


@both_versions
def test_bug_02_loramac_node_too_many_losses_are_no_success(make_pair, version):
    pair = make_pair(version, nb_frag=32, coded=10).open_session()
    pair.feed([*range(1, 21), *range(33, 43)])
    assert pair.block is None
    assert pair.status().missing_frag >= 2


@both_versions
def test_bug_03_loramac_node_lost_tail_and_coded_only(make_pair, version):
    tail = make_pair(version, nb_frag=30, coded=60).open_session()
    tail.feed([*range(1, 11), *range(31, 91)])
    assert tail.block == tail.data
    coded_only = make_pair(version, nb_frag=30, coded=60).open_session()
    coded_only.feed(range(31, 91))
    assert coded_only.block == coded_only.data


@both_versions
def test_bug_04_loramac_node_1614_fragment_number_0_is_dropped(make_pair, version):
    pair = make_pair(version).open_session()
    assert pair.send(b"\x08\x00\x00" + bytes(8)) == []
    assert (pair.device.missing(), pair.status().nb_frag_received) == (10, 0)


@both_versions
def test_bug_05_loramac_node_1614_the_largest_number_with_a_small_session(make_pair, version):
    pair = make_pair(version, coded=16383 - 10).open_session()
    pair.feed([*range(2, 11), *range(16300, 16384)])
    assert pair.block == pair.data


@both_versions
@pytest.mark.parametrize("nb_frag", [256, 257, 300])
def test_bug_06_loramac_node_785_more_than_255_fragments(make_pair, version, nb_frag):
    pair = make_pair(version, nb_frag=nb_frag, coded=20).open_session()
    pair.feed([*range(1, 250), *range(256, nb_frag + 21)])
    assert pair.block == pair.data


@both_versions
def test_bug_08_lora_basics_modem_101_nothing_is_missing_after_a_lossless_reception(make_pair, version):
    pair = make_pair(version).open_session()
    pair.feed(range(1, 11))
    assert (pair.status().missing_frag, pair.status().nb_frag_received) == (0, 10)


@both_versions
def test_bug_09_loramac_node_missing_frag_shrinks_while_coded_fragments_repair(make_pair, version):
    pair = make_pair(version, nb_frag=32).open_session()
    pair.feed(range(1, 31))
    missing = []
    for n in range(33, 63):
        missing.append(pair.status().missing_frag)
        pair.feed([n])
    assert missing == sorted(missing, reverse=True)
    assert set(missing) == {2, 1, 0}


@both_versions
def test_bug_10_loramac_node_nb_frag_received_is_a_count_not_the_last_number(make_pair, version):
    pair = make_pair(version, nb_frag=32).open_session()
    pair.feed([5, 30, 2, 40])
    assert pair.status().nb_frag_received == 4


@both_versions
def test_bug_11_loramac_node_1629_a_second_session_starts_clean(make_pair, version):
    pair = make_pair(version).open_session(**({"mic": bytes(4)} if version == 2 else {}))
    pair.feed([2, 2, *range(11, 40)])
    second = make_pair(version, nb_frag=12, device=pair.device).open_session(
        **({"session_cnt": 1} if version == 2 else {})
    )
    status = second.status()
    assert (status.nb_frag_received, status.missing_frag, status.mic_error) == (0, 12, False)
    second.feed([*range(2, 13), *range(13, 43)])
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
def test_bug_12_loramac_node_878_a_setup_that_cannot_be_held_is_answered_with_bit_1(make_pair, version, changes):
    pair = make_pair(version, slot_bytes=1000)
    (answer,) = pair.send(pair.setup(**changes))
    assert answer == FragSessionSetupAns(version=version, frag_index=0, not_enough_memory=True)
    assert pair.device.missing() is None


def test_bug_12_largest_session_that_fits_is_accepted(make_pair):
    make_pair(slot_bytes=1000).open_session(nb_frag=125, padding=0).open_session(nb_frag=143, padding=1, frag_size=7)
    make_pair().open_session(nb_frag=16383, frag_size=1, padding=0)


@both_versions
def test_bug_13_loramac_node_a_fragment_of_a_foreign_group_is_dropped(make_pair, version):
    pair = make_pair(version).open_session(mc_group_bit_mask=0b0010)
    for group in (0, 2, 3):
        assert pair.feed(range(1, 41), mc_group=group) == []
    assert (pair.block, pair.device.missing(), pair.status().nb_frag_received) == (None, 10, 0)
    pair.feed(range(1, 11), mc_group=1)
    assert pair.block == pair.data


@both_versions
def test_bug_13_loramac_node_reserved_bits_of_a_status_request_are_ignored(make_pair, version):
    pair = make_pair(version, frag_index=3).open_session()
    (answer,) = pair.send(b"\x01\xff")
    assert (answer.frag_index, answer.missing_frag) == (3, 10)


@both_versions
@pytest.mark.parametrize("late", [1, 5, 10])
def test_bug_14_zephyr_a_late_uncoded_fragment_after_coded_ones(make_pair, version, late):
    pair = make_pair(version).open_session()
    pair.feed(n for n in range(1, 13) if n != late)
    pair.feed([late])
    assert pair.block == pair.data


@both_versions
def test_bug_15_zephyr_repeats_and_other_sessions_do_not_change_missing_frag(make_pair, version):
    pair = make_pair(version).open_session()
    other = make_pair(version, frag_index=1, device=pair.device).open_session()
    pair.feed([1, 2, 2, 2, 11, 11])
    other.feed([5, 6])
    status = pair.status()
    assert (status.nb_frag_received, status.missing_frag) == (6, 7)
    (answer,) = pair.send(FragSessionStatusReq(frag_index=0, participants=False))
    assert answer == status


@both_versions
def test_bug_16_zephyr_113354_nothing_of_a_truncated_command_is_executed(make_pair, version):
    pair = make_pair(version).open_session()
    pair.feed([1])
    delete = FragSessionDeleteReq(frag_index=0).to_bytes()
    for length in range(1, len(delete)):
        assert pair.send(delete[:length]) == []
    for message in (b"\x08\x03", b"\x08\x03\x00", b"\x08" + delete):
        assert pair.send(message) == []
    setup = pair.setup(**({"session_cnt": 0x0303} if version == 2 else {}), padding=3, descriptor=delete * 2).to_bytes()
    for length in range(1, len(setup)):
        assert pair.send(setup[:length]) == []
    assert (pair.device.missing(), pair.status().nb_frag_received) == (9, 1)


@both_versions
def test_bug_16_commands_before_the_truncated_command_are_executed(make_pair, version):
    pair = make_pair(version).open_session()
    (answer,) = pair.send(PackageVersionReq(), pair.setup().to_bytes()[:-1])
    assert answer.package_version == version


@both_versions
@pytest.mark.parametrize("coded", [9, 15, 17])
def test_bug_17_mbed_two_sessions_in_one_process_with_any_redundancy(make_pair, version, coded):
    first = make_pair(version, nb_frag=20, coded=coded).open_session()
    first.feed(range(15, 21 + coded))
    second = make_pair(version, nb_frag=20, coded=coded, device=first.device)
    second.open_session(**({"session_cnt": 1} if version == 2 else {}))
    second.feed(range(5, 21 + coded))
    assert second.block == second.data


@both_versions
def test_bug_18_loramac_node_two_sessions_at_once_do_not_touch(make_pair, version):
    pair = make_pair(version).open_session()
    other = make_pair(version, nb_frag=14, padding=0, frag_index=1, device=pair.device).open_session()
    for n in range(3, 44):
        pair.feed([n] if n <= 40 else [])
        other.feed([n])
    assert (pair.block, other.block) == (pair.data, other.data)
    assert pair.data != other.data


def test_bug_30_lora_basics_modem_19_many_commands_in_one_message(make_pair):
    pair = make_pair()
    assert len(pair.send(*[PackageVersionReq()] * 80)) == 80
