from __future__ import annotations

import re
from pathlib import Path

import pytest

import fuota
from fuota.findings import Severity
from fuota.planning import Fleet, FleetMember, advice

LINKS = Fleet(members=(FleetMember(name="a", cn0_dbhz=80.0),))
KNOWN = fuota.DeviceProfile(name="known", uplink_period_s=60)
CLEAN = {
    "image": bytes(5000),
    "region": "EU868",
    "data_rate": 5,
    "frag_size": 100,
    "loss": 0.02,
    "nb_coded": 30,
    "profile": KNOWN,
}
SOME = {
    "loss-assumed": {"loss": None},
    "profile-unknown": {"profile": None},
    "loss-at-every-rate": {"optimise": "time", "nb_coded": None, "frag_size": None, "data_rate": None},
    "overridden": {"duty_cycle": 0.5},
    "data-rate-chosen": {"data_rate": None},
    "sub-band": {"region": "KR920"},
    "region-status": {"region": "CN779", "duty_cycle": 1},
    "class-b-slots": {"device_class": "B"},
    "uncovered": {"nb_coded": 6},
    "no-redundancy": {"nb_coded": 0},
    "few-fragments": {"image": bytes(1000), "nb_coded": 10},
    "goal-missed": {"nb_coded": 2},
    "not-all": {"fleet": 10_000, "target": 0.9, "loss": 0.1, "nb_coded": 16},
    "session-short": {"image": bytes(51_000), "data_rate": 0, "frag_size": 48, "nb_coded": 60},
    "session-nearly-full": {"image": bytes(44_000), "data_rate": 0, "frag_size": 48, "nb_coded": 60},
    "start-delay": {"profile": fuota.DeviceProfile()},
}


def codes(**choices):
    return [finding.code for finding in fuota.plan(**choices).findings]


def test_a_clean_plan_has_no_findings():
    assert codes(**CLEAN) == []


@pytest.mark.parametrize("code", SOME)
def test_each_finding_appears_in_its_case(code):
    plan = fuota.plan(**{**CLEAN, **SOME[code]})
    matching = [finding for finding in plan.findings if finding.code == code]
    assert len(matching) == 1
    assert matching[0].severity in {Severity.NOTE, Severity.WARNING}
    assert len(matching[0].message) > 30


def test_excluded_devices_are_reported(tmp_path):
    path = tmp_path / "fleet.csv"
    path.write_text("dev_eui,loss\n0102030405060708,0.02\n0102030405060709,0.02\nnot an EUI,0.02\n")
    plan = fuota.plan(**{**CLEAN, "loss": None, "fleet": path})
    assert [finding.code for finding in plan.findings if finding.code != "not-all"] == ["excluded"]
    assert "1 device cannot take part" in next(f.message for f in plan.findings if f.code == "excluded")
    assert len(plan.excluded) == 1
    assert plan.success.devices == 2


def test_all_codes_are_tested():
    source = Path(advice.__file__).read_text()
    known = set(re.findall(r'(?:note|warning)\(\s*"([a-z-]+)"', source))
    assert known == {*SOME, "excluded"}


@pytest.mark.slow
def test_known_values_are_not_reported_as_assumed():
    assert "loss-assumed" not in codes(**{**CLEAN, "loss": None, "fleet": LINKS})
    assert "loss-assumed" in codes(**{**CLEAN, "loss": None, "fleet": 7})
    assert "loss-at-every-rate" not in codes(
        image=bytes(5000), region="EU868", optimise="time", fleet=LINKS, profile=KNOWN
    )
    assert "start-delay" not in codes(**{**CLEAN, "profile": fuota.DeviceProfile(), "start_delay_s": 60})


def test_overridden_limits_are_reported_with_old_and_new_value():
    plan = fuota.plan(**{**CLEAN, "duty_cycle": 1, "max_eirp_dbm": 20})
    assert len(plan.overridden) == 2
    messages = [finding.message for finding in plan.findings if finding.code == "overridden"]
    assert "duty cycle in sub-band P of EU868 overridden from 10 % to 100 %" in messages[0]
    assert "to 20 dBm" in messages[1]
    assert fuota.plan(**{**CLEAN, "duty_cycle": 0.1}).overridden == ()


def test_missed_goal_names_the_number_that_is_enough():
    """Small codes are enumerated: the named number reaches the goal, and one fewer does not."""
    choices = {**CLEAN, "image": bytes(1000), "loss": 0.1, "target": 0.9}
    missed = fuota.plan(**{**choices, "nb_coded": 1})
    (message,) = (finding.message for finding in missed.findings if finding.code == "goal-missed")
    enough = int(re.search(r"(\d+) coded fragments would be enough", message)[1])
    assert enough > 1
    assert f"with a probability of {missed.success_probability:.4g}, not 0.9" in message
    assert "goal-missed" not in codes(**{**choices, "nb_coded": enough})
    assert "goal-missed" in codes(**{**choices, "nb_coded": enough - 1})
    most = fuota.plan(**{**choices, "loss": 0.5, "nb_coded": 10})
    (message,) = (finding.message for finding in most.findings if finding.code == "goal-missed")
    assert "even 10, the largest number, are not enough" in message


@pytest.mark.parametrize(
    "choices",
    [
        pytest.param({"optimise": "time", "loss": 0.1, "fleet": 100}, marks=pytest.mark.slow),
        {"data_rate": 5, "nb_coded": 23, "loss": 0.1, "fleet": 500},
        *(
            pytest.param(
                {"data_rate": 4, "nb_coded": coded, "loss": 0.1, "fleet": 100},
                marks=() if coded in {20, 22} else pytest.mark.slow,
            )
            for coded in range(19, 25)
        ),
    ],
    ids=lambda choices: " ".join(map(str, choices.values())),
)
def test_number_that_is_enough_is_larger_than_the_number_sent(choices):
    """The same loss patterns decide whether the goal is missed and which number is enough."""
    plan = fuota.plan(bytes(20_000), region="EU868", **choices)
    for finding in plan.findings:
        if finding.code == "goal-missed":
            enough = re.search(r"(\d+) coded fragments would be enough", finding.message)
            assert enough is None or int(enough[1]) > plan.nb_coded, finding.message


def test_uncovered_fragments_are_named():
    plan = fuota.plan(**{**CLEAN, "nb_coded": 10})  # planning case E-ts004-unprot-50-10
    (message,) = (finding.message for finding in plan.findings if finding.code == "uncovered")
    assert "contains fragment 18, 42:" in message


@pytest.mark.slow
def test_the_session_is_measured_by_the_longer_reading():
    choices = {**CLEAN, **SOME["session-short"]}
    plan = fuota.plan(**choices)
    assert plan.duration_ms < 32_768_000 < plan.longest_ms
    server = fuota.ServerProfile(name="S", interval_is_gap=False)
    found_codes = codes(**{**choices, "server": server})
    assert "session-short" not in found_codes
    assert "session-nearly-full" in found_codes
