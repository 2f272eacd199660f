"""A whole URL, such as a receiver's, in the parts by which `HttpClient` takes it."""

from __future__ import annotations

from urllib.parse import parse_qsl, urlsplit

from fuota.errors import ParameterError


def split_url(url: str) -> tuple[str, str, dict[str, str]]:
    """(base_url, path, query) of a URL; the path is / where it has none. Raises ParameterError, which does not quote it."""
    try:
        parts = urlsplit(url)
    except ValueError:
        raise ParameterError("the URL is none: give one such as https://example.com/uplinks") from None
    return f"{parts.scheme}://{parts.netloc}", parts.path or "/", dict(parse_qsl(parts.query, keep_blank_values=True))
