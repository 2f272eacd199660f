from __future__ import annotations

import threading
import time

import pytest

from fuota.errors import ParameterError
from fuota.sandbox.air.clock import VirtualClock


@pytest.fixture
def clock(request):
    clock = VirtualClock(speed=request.param, start_us=0)
    clock.start()
    yield clock
    clock.stop()


@pytest.mark.parametrize("clock", [None], indirect=True)
def test_a_clock_without_waiting_jumps_and_keeps_the_order(clock):
    log, done = [], threading.Event()
    with clock.lock:
        clock.at(3_600_000_000, lambda: log.append(("hour", clock.now_us())))
        clock.at(5, lambda: log.append(("first", clock.now_us())))
        clock.at(5, lambda: log.append(("second", clock.now_us())))
        clock.at(3_600_000_001, done.set)
    assert done.wait(5)
    assert log == [("first", 5), ("second", 5), ("hour", 3_600_000_000)]


@pytest.mark.parametrize("clock", [1000], indirect=True)
def test_the_clock_runs_at_its_speed(clock):
    done = threading.Event()
    begun_s = time.monotonic()
    clock.at(100_000_000, done.set)
    assert done.wait(5)
    assert 0.05 < time.monotonic() - begun_s < 3


@pytest.mark.parametrize("clock", [1000], indirect=True)
def test_a_late_action_sees_its_planned_time(clock):
    acted, done = [], threading.Event()
    with clock.lock:
        clock.at(10, lambda: (time.sleep(0.02), acted.append(clock.now_us())))
        clock.at(20, lambda: (acted.append(clock.now_us()), done.set()))
    assert done.wait(5)
    assert acted == [10, 20]


@pytest.mark.parametrize("clock", [None], indirect=True)
def test_an_action_can_plan_further_actions(clock):
    done = threading.Event()
    clock.at(1, lambda: clock.at(2, done.set))
    assert done.wait(5)


def test_stop_ends_a_wait_at_once():
    clock = VirtualClock(speed=1)
    clock.start()
    clock.at(clock.now_us() + 3_600_000_000, lambda: None)
    begun_s = time.monotonic()
    clock.stop()
    assert time.monotonic() - begun_s < 2


@pytest.mark.parametrize("speed", [0, -1, float("nan")])
def test_a_speed_that_is_not_positive_is_refused(speed):
    with pytest.raises(ParameterError, match="greater than 0"):
        VirtualClock(speed=speed)
