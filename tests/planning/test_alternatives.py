"""What the refusal proposes where the coded fragments that the server takes are not enough, and that it is true."""

from __future__ import annotations

import re

import pytest

import fuota
from fuota.errors import PlanError
from fuota.planning import APPLICATION_MANAGED, Fleet, FleetMember, LinkModel

IMAGE = bytes(5000)
MODEL = LinkModel.for_region(fuota.region("EU868"))
LINKS = Fleet(members=tuple(FleetMember(name=str(i), cn0_dbhz=45 + i) for i in range(10)), model=MODEL)


def refusal(**choices):
    with pytest.raises(PlanError) as refused:
        fuota.plan(IMAGE, region="EU868", data_rate=5, **choices)
    return str(refused.value)


def test_what_the_most_give_is_said():
    told = refusal(loss=0.4, fleet=100, frag_size=239)
    assert told.startswith("the 21 coded fragments that SenRa allows with 21 uncoded fragments complete 0.")
    assert "of the fleet at DR5 of EU868, and the goal is 0.99 with 0.95 confidence. These reach it: " in told
    given = float(re.search(r"complete ([\d.]+) of", told)[1])
    most = fuota.plan(IMAGE, region="EU868", data_rate=5, loss=0.4, fleet=100, frag_size=239, nb_coded=21)
    assert given == pytest.approx(most.success_probability, abs=0.02)


def test_a_slower_data_rate_for_a_fleet_with_link_figures():
    told = refusal(fleet=LINKS)
    data_rate, nb_coded, hours = re.search(r"DR(\d) with (\d+) coded fragments \(([\d.]+) h\)", told).groups()
    slower = fuota.plan(IMAGE, region="EU868", data_rate=int(data_rate), fleet=LINKS)
    assert slower.nb_coded <= int(nb_coded) + 1
    assert slower.duration_ms / 3.6e6 == pytest.approx(float(hours), abs=0.06)
    for between in range(int(data_rate) + 1, 5):  # and none that is faster
        with pytest.raises(PlanError):
            fuota.plan(IMAGE, region="EU868", data_rate=between, fleet=LINKS)


def test_no_slower_data_rate_where_all_lose_alike():
    assert not re.search(r"DR\d with \d+ coded fragments", refusal(loss=0.4, fleet=100))


def test_passes_are_as_many_as_it_takes():
    told = refusal(loss=0.4, fleet=1000)
    passes = int(re.search(r"(\d+) passes, each a new campaign", told)[1])
    given = 1 - float(re.search(r"complete ([\d.]+) of", told)[1])
    assert given**passes < 0.01 <= given ** (passes - 2)  # of 1000 devices: the share and a little more


def test_an_application_managed_campaign_with_its_redundancy():
    told = refusal(loss=0.4, fleet=100)
    nb_coded, share = re.search(
        r"application-managed campaign .* with (\d+) coded fragments, a redundancy of ([\d.]+)", told
    ).groups()
    own = fuota.plan(IMAGE, region="EU868", data_rate=5, loss=0.4, fleet=100, server=APPLICATION_MANAGED, frag_size=239)
    assert own.nb_coded == pytest.approx(int(nb_coded), abs=1)
    assert own.nb_coded > own.nb_frag
    assert float(share) == pytest.approx(int(nb_coded) / own.nb_frag, abs=0.006)


def test_where_nothing_helps_it_says_so():
    told = refusal(loss=1.0, fleet=100)
    assert told.endswith(
        "No data rate, number of passes or redundancy reaches it: some devices receive too little; plan without them"
    )
    assert "passes, each" not in told


def test_a_decoder_that_cannot_hold_the_losses_is_not_helped_by_redundancy():
    told = refusal(loss=0.3, fleet=100, profile=fuota.DeviceProfile(max_lost=3))
    assert "application-managed" not in told
