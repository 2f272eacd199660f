from __future__ import annotations

import pytest

from fuota.image.versions import is_newer


@pytest.mark.parametrize(
    ("version", "running", "newer"),
    [
        ("1.2.3", "1.2.2", True),
        ("1.2.3", "1.10.0", False),
        ("1.2", "1.2.0", None),
        ("v2.0.0", "1.9", True),
        ("1.0.0+2", "1.0.0+10", False),
        ("1.0.0-rc1", "1.0.0", None),
        ("1.0.1-rc1", "1.0.0", True),
        ("1700000000", "1600000000", True),
        ("7f3c9a1", "1.0.0", None),
        ("unknown", "1.0.0", None),
        ("1.0.0", "1.0.0", None),
    ],
)
def test_is_newer_compares_numbers_only(version, running, newer):
    assert is_newer(version, running) is newer
