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
def test_url_is_split_into_base_path_and_query(url, parts):
    assert split_url(url) == parts


def test_invalid_url_is_refused_and_not_quoted():
    with pytest.raises(ParameterError, match=r"such as https://example\.com/uplinks") as caught:
        split_url("http://[secret")
    assert "secret" not in str(caught.value)
