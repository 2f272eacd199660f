"""Alternatives in a refusal if the coded fragments that the server takes are not enough: they are named, and they work."""

from __future__ import annotations

import re
from functools import cache

import pytest

import fuota
from fuota.errors import PlanError
from fuota.planning import APPLICATION_MANAGED, Fleet, FleetMember, LinkModel

IMAGE = bytes(5000)
MODEL = LinkModel.for_region(fuota.region("EU868"))
LINKS = Fleet(members=tuple(FleetMember(name=str(i), cn0_dbhz=45 + i) for i in range(10)), model=MODEL)


@cache
def refusal(**choices):
    """Return the message of the refusal."""
    with pytest.raises(PlanError) as refused:
        fuota.plan(IMAGE, region="EU868", data_rate=5, **choices)
    return str(refused.value)


def test_success_with_the_most_coded_fragments_is_named():
    message = refusal(loss=0.4, fleet=100, frag_size=239)
    assert message.startswith("the 21 coded fragments that SenRa allows with 21 uncoded fragments complete 0.")
    assert "of the fleet at DR5 of EU868, and the goal is 0.99 with 0.95 confidence. These reach it: " in message
    share_complete = float(re.search(r"complete ([\d.]+) of", message)[1])
    most = fuota.plan(IMAGE, region="EU868", data_rate=5, loss=0.4, fleet=100, frag_size=239, nb_coded=21)
    assert share_complete == pytest.approx(most.success_probability, abs=0.02)


@pytest.mark.slow
def test_slower_data_rate_is_named_for_a_fleet_with_link_figures():
    message = refusal(fleet=LINKS)
    data_rate, nb_coded, hours = re.search(r"DR(\d) with (\d+) coded fragments \(([\d.]+) h\)", message).groups()
    slower = fuota.plan(IMAGE, region="EU868", data_rate=int(data_rate), fleet=LINKS)
    assert slower.nb_coded <= int(nb_coded) + 1
    assert slower.duration_ms / 3.6e6 == pytest.approx(float(hours), abs=0.06)
    for between in range(int(data_rate) + 1, 5):  # no faster data rate works
        with pytest.raises(PlanError):
            fuota.plan(IMAGE, region="EU868", data_rate=between, fleet=LINKS)


def test_no_slower_data_rate_is_named_if_all_devices_have_the_same_loss():
    assert not re.search(r"DR\d with \d+ coded fragments", refusal(loss=0.4, fleet=100))


def test_the_number_of_passes_is_enough():
    message = refusal(loss=0.4, fleet=1000)
    passes = int(re.search(r"(\d+) passes, each a new campaign", message)[1])
    share_complete = 1 - float(re.search(r"complete ([\d.]+) of", message)[1])
    assert (
        share_complete**passes < 0.01 <= share_complete ** (passes - 2)
    )  # of 1000 devices: the share and a little more


def test_application_managed_campaign_is_named_with_its_redundancy():
    message = refusal(loss=0.4, fleet=100)
    nb_coded, share = re.search(
        r"application-managed campaign .* with (\d+) coded fragments, a redundancy of ([\d.]+)", message
    ).groups()
    own = fuota.plan(IMAGE, region="EU868", data_rate=5, loss=0.4, fleet=100, server=APPLICATION_MANAGED, frag_size=239)
    assert own.nb_coded == pytest.approx(int(nb_coded), abs=1)
    assert own.nb_coded > own.nb_frag
    assert float(share) == pytest.approx(int(nb_coded) / own.nb_frag, abs=0.006)


def test_refusal_says_that_nothing_helps():
    message = refusal(loss=1.0, fleet=100)
    assert message.endswith(
        "No data rate, number of passes or redundancy reaches it: some devices receive too little; plan without them"
    )
    assert "passes, each" not in message


def test_redundancy_does_not_help_a_decoder_that_cannot_hold_the_losses():
    message = refusal(loss=0.3, fleet=100, profile=fuota.DeviceProfile(max_lost=3))
    assert "application-managed" not in message
