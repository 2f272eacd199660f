from __future__ import annotations

import threading
import time

import pytest

from fuota.errors import ParameterError
from fuota.sandbox.air.clock import VirtualClock


@pytest.fixture
def clock(request):
    made = VirtualClock(speed=request.param, start_us=0)
    made.start()
    yield made
    made.stop()


@pytest.mark.parametrize("clock", [None], indirect=True)
def test_without_waiting_the_clock_jumps_and_order_is_kept(clock):
    log, done = [], threading.Event()
    with clock.lock:
        clock.at(3_600_000_000, lambda: log.append(("hour", clock.now_us())))
        clock.at(5, lambda: log.append(("first", clock.now_us())))
        clock.at(5, lambda: log.append(("second", clock.now_us())))
        clock.at(3_600_000_001, done.set)
    assert done.wait(5)
    assert log == [("first", 5), ("second", 5), ("hour", 3_600_000_000)]


@pytest.mark.parametrize("clock", [1000], indirect=True)
def test_the_clock_goes_speed_times_as_fast(clock):
    done = threading.Event()
    began = time.monotonic()
    clock.at(100_000_000, done.set)
    assert done.wait(5)
    assert 0.05 < time.monotonic() - began < 3


@pytest.mark.parametrize("clock", [1000], indirect=True)
def test_a_late_action_acts_at_its_own_time(clock):
    acted, done = [], threading.Event()
    with clock.lock:
        clock.at(10, lambda: (time.sleep(0.02), acted.append(clock.now_us())))
        clock.at(20, lambda: (acted.append(clock.now_us()), done.set()))
    assert done.wait(5)
    assert acted == [10, 20]


@pytest.mark.parametrize("clock", [None], indirect=True)
def test_actions_may_plan_further_actions(clock):
    done = threading.Event()
    clock.at(1, lambda: clock.at(2, done.set))
    assert done.wait(5)


def test_stop_ends_a_wait_at_once():
    clock = VirtualClock(speed=1)
    clock.start()
    clock.at(clock.now_us() + 3_600_000_000, lambda: None)
    began = time.monotonic()
    clock.stop()
    assert time.monotonic() - began < 2


@pytest.mark.parametrize("speed", [0, -1, float("nan")])
def test_time_does_not_stand_or_go_backwards(speed):
    with pytest.raises(ParameterError, match="greater than 0"):
        VirtualClock(speed=speed)
