from __future__ import annotations

import pytest

from fuota.errors import ParameterError
from fuota.network.urls import split_url


@pytest.mark.parametrize(
    ("url", "parts"),
    [
        ("https://example.com", ("https://example.com", "/", {})),
        ("http://127.0.0.1:8381/uplinks", ("http://127.0.0.1:8381", "/uplinks", {})),
        ("https://a.b/c/d?e=f&g=%20&h=", ("https://a.b", "/c/d", {"e": "f", "g": " ", "h": ""})),
    ],
)
def test_a_url_is_taken_apart(url, parts):
    assert split_url(url) == parts


def test_what_is_no_url_is_refused_without_being_quoted():
    with pytest.raises(ParameterError, match=r"such as https://example\.com/uplinks") as caught:
        split_url("http://[secret")
    assert "secret" not in str(caught.value)
