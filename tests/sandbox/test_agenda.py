from __future__ import annotations

import threading
import time

import pytest

from fuota.errors import ParameterError
from fuota.sandbox.air.clock import Agenda


@pytest.fixture
def agenda(request):
    made = Agenda(speed=request.param, start_us=0)
    made.start()
    yield made
    made.stop()


@pytest.mark.parametrize("agenda", [None], indirect=True)
def test_without_waiting_the_clock_jumps_and_order_is_kept(agenda):
    log, done = [], threading.Event()
    with agenda.lock:
        agenda.at(3_600_000_000, lambda: log.append(("hour", agenda.now_us())))
        agenda.at(5, lambda: log.append(("first", agenda.now_us())))
        agenda.at(5, lambda: log.append(("second", agenda.now_us())))
        agenda.at(3_600_000_001, done.set)
    assert done.wait(5)
    assert log == [("first", 5), ("second", 5), ("hour", 3_600_000_000)]


@pytest.mark.parametrize("agenda", [1000], indirect=True)
def test_the_clock_goes_speed_times_as_fast(agenda):
    done = threading.Event()
    began = time.monotonic()
    agenda.at(100_000_000, done.set)
    assert done.wait(5)
    assert 0.05 < time.monotonic() - began < 3


@pytest.mark.parametrize("agenda", [1000], indirect=True)
def test_a_late_action_acts_at_its_own_time(agenda):
    acted, done = [], threading.Event()
    with agenda.lock:
        agenda.at(10, lambda: (time.sleep(0.02), acted.append(agenda.now_us())))
        agenda.at(20, lambda: (acted.append(agenda.now_us()), done.set()))
    assert done.wait(5)
    assert acted == [10, 20]


@pytest.mark.parametrize("agenda", [None], indirect=True)
def test_actions_may_plan_further_actions(agenda):
    done = threading.Event()
    agenda.at(1, lambda: agenda.at(2, done.set))
    assert done.wait(5)


def test_stop_ends_a_wait_at_once():
    agenda = Agenda(speed=1)
    agenda.start()
    agenda.at(agenda.now_us() + 3_600_000_000, lambda: None)
    began = time.monotonic()
    agenda.stop()
    assert time.monotonic() - began < 2


@pytest.mark.parametrize("speed", [0, -1, float("nan")])
def test_time_does_not_stand_or_go_backwards(speed):
    with pytest.raises(ParameterError, match="greater than 0"):
        Agenda(speed=speed)
