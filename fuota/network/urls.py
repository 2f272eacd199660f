"""Splitting a whole URL, such as the URL of a receiver, into the parts that `HttpClient` takes."""

from __future__ import annotations

from urllib.parse import parse_qsl, urlsplit

from fuota.errors import ParameterError


def split_url(url: str) -> tuple[str, str, dict[str, str]]:
    """Return the base URL, the path (/ if the URL has none) and the query parameters of `url`.

    Raises ParameterError, which does not quote the URL, if it is not valid.
    """
    try:
        parts = urlsplit(url)
    except ValueError:
        raise ParameterError("the URL is not valid: give a URL such as https://example.com/uplinks") from None
    return f"{parts.scheme}://{parts.netloc}", parts.path or "/", dict(parse_qsl(parts.query, keep_blank_values=True))
