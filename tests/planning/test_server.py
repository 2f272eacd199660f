from __future__ import annotations

import dataclasses
import math

import pytest

from fuota.errors import ParameterError
from fuota.planning.server import APPLICATION_MANAGED, SENRA, ServerProfile


def test_limits_of_senra_agree_with_its_reference():
    # Application API reference, mcastTransfer: redundancy, maxFragSize, millisBetweenPkts; durationSecs in its examples
    assert (SENRA.max_redundancy, SENRA.max_frag_size, SENRA.default_interval_ms) == (1.0, 253, 5000)
    assert SENRA.max_session_s == 32_768
    assert not SENRA.takes_frequency
    assert SENRA.interval_is_gap


def test_application_managed_campaigns_have_no_limit_of_redundancy():
    assert math.isinf(APPLICATION_MANAGED.max_redundancy)
    assert APPLICATION_MANAGED.max_session_s == SENRA.max_session_s


def test_a_server_profile_is_a_value():
    assert ServerProfile(name="a") == ServerProfile(name="a")
    with pytest.raises(dataclasses.FrozenInstanceError):
        SENRA.name = "b"  # type: ignore[misc]


@pytest.mark.parametrize(
    ("limits", "nearest"),
    [
        ({"max_redundancy": -0.1}, 0),
        ({"max_redundancy": math.nan}, 0),
        ({"max_session_s": 0}, 1),
        ({"max_frag_size": 0}, 1),
        ({"max_frag_size": 256}, 255),
        ({"min_interval_ms": -1}, 0),
        ({"default_interval_ms": 0}, 1),
        ({"turnaround_ms": -1}, 0),
    ],
)
def test_limits_out_of_range_are_refused_with_the_nearest(limits, nearest):
    ((name, value),) = limits.items()
    with pytest.raises(ParameterError, match=rf"^{name} must be .*, got {value}( .nearest: {nearest}.)?$"):
        ServerProfile(name="x", **limits)
