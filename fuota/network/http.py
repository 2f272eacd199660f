"""The one place that speaks HTTP outward.

Rules held here for every call: TLS is always verified; redirects are never followed; a GET is repeated with back-off, a
POST never; the API key travels in the `authorization` header and nowhere else; every failure becomes one exception of
`fuota.errors`. One session serves one call, so threads may use one client, and no stale kept-alive connection can
leave it open whether a POST was received.
"""

from __future__ import annotations

import contextlib
import ipaddress
import re
import ssl
from collections.abc import Callable, Iterable, Iterator, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, TypeVar
from urllib.parse import quote, urlencode, urlsplit

import requests
import requests.adapters
import urllib3
from requests.auth import AuthBase
from urllib3.util import Retry

from fuota.errors import ParameterError, UnreachableError
from fuota.network.answers import before_again, checked_object, quoted, refusal_in_place_of
from fuota.network.outgoing import OutgoingRequest, RequestHook, shown_body, shown_headers, shown_query
from fuota.network.redaction import HIDDEN, redact

T = TypeVar("T")
Files = Mapping[str, tuple[str, bytes, str]]  # part name -> (file name, content, media type)

# The connect time also bounds the sending of the body (urllib3 keeps it until the answer is awaited): an image of
# 1 MB passes at 400 kbit/s.
DEFAULT_TIMEOUT_S = (20, 60)
_RETRIED_STATUS = (500, 502, 503, 504)
# Comma and colon stay themselves, as in the reference's own URLs; a list of EUIs is then 17 bytes per EUI, not 19.
_PLAIN_IN_QUERY = ",:"
_BLOCK_BYTES = 64 * 1024


@dataclass(frozen=True, slots=True, kw_only=True)
class Secrets:
    """What one call carries beside the API key and no message may show.

    headers: sent with this call only, such as a second API key; their values are hidden.
    texts: sent elsewhere in the call, such as a token in its query; hidden.

    Raises ParameterError, without quoting it, for a header that cannot be sent.
    """

    headers: Mapping[str, str] = field(default_factory=dict, repr=False)
    texts: tuple[str, ...] = field(default=(), repr=False)

    def __post_init__(self) -> None:
        for value in self.headers.values():
            _check_key(value)

    @property
    def hidden(self) -> tuple[str, ...]:
        """Every text to keep out of messages."""
        return (*self.headers.values(), *self.texts)


NO_SECRETS = Secrets()


@dataclass(frozen=True, slots=True, kw_only=True)
class Probe:
    """What a GET came to, whatever its status. `date`: the server's clock, as it says; `words`: the answer, shortened."""

    status: int
    date: str | None
    words: str


class HttpClient:
    """JSON over HTTP(S) against one server.

    base_url: scheme, host, optional port and path; http only for a loopback host, since a key must not travel in clear.
    api_key: sent as it is in the `authorization` header; None sends no such header.
    ca_file: PEM file of the authorities to trust in place of the usual ones. Nothing turns verification off.
    timeout_s: whole seconds, (connect, read) or one number for both.
    retries, backoff_ms: how often a GET is repeated after no connection, no answer, or 500, 502, 503, 504; the pauses
        are 0, 2, 4, 8 ... times backoff_ms.
    before_request: called with each request before it is sent; what it raises keeps it from being sent.

    Raises ParameterError for an argument outside these rules.
    """

    def __init__(  # noqa: PLR0913 - where and who, then knobs that nearly nobody turns
        self,
        base_url: str,
        *,
        api_key: str | None = None,
        ca_file: str | Path | None = None,
        timeout_s: int | tuple[int, int] = DEFAULT_TIMEOUT_S,
        retries: int = 3,
        backoff_ms: int = 500,
        before_request: RequestHook | None = None,
    ) -> None:
        self._before_request = before_request
        self._base_url = _checked_base_url(base_url)
        self._key_header = _KeyHeader(api_key)
        self._verify = _checked_ca_file(ca_file)
        self._timeout_s = _checked_timeout(timeout_s)
        if retries < 0 or backoff_ms < 0:
            raise ParameterError(f"retries is {retries} and backoff_ms is {backoff_ms}: neither may be below 0")
        self._get_retry = Retry(
            total=retries,
            other=0,  # such as a certificate that is not trusted: no better a second later
            redirect=0,
            allowed_methods=("GET",),
            status_forcelist=_RETRIED_STATUS,
            backoff_factor=backoff_ms / 1000,
            raise_on_status=False,
            respect_retry_after_header=False,  # a server must not put us to sleep for hours
        )

    def __repr__(self) -> str:
        return f"HttpClient({self._base_url!r})"

    @property
    def host(self) -> str:
        """The host of base_url, in lower case."""
        return urlsplit(self._base_url).hostname or ""

    def url(self, path: str, params: Mapping[str, str]) -> str:
        """The whole URL of a call, as it goes over the wire."""
        query = urlencode(params, safe=_PLAIN_IN_QUERY, quote_via=quote)
        return f"{self._base_url}{path}?{query}" if query else f"{self._base_url}{path}"

    def get_json(self, path: str, params: Mapping[str, str]) -> dict[str, Any]:
        """The JSON object answered to a GET. Raises a NetworkError (see `fuota.errors`)."""
        return self._object("GET", path, params, {}, NO_SECRETS)

    @contextlib.contextmanager
    def get_stream(self, path: str, params: Mapping[str, str]) -> Iterator[Iterator[bytes]]:
        """The body answered to a GET, block by block, whatever its length; it is read as far as the blocks are.

        Raises a NetworkError, also while the blocks are read: an answer that is cut off is an UnreachableError, and a JSON
        object in place of other text is the failure that it tells of.
        """
        what = f"GET {path}"
        self._announce("GET", path, params, {}, NO_SECRETS)
        with self._session("GET") as session, contextlib.ExitStack() as stack:
            options = {"stream": True, "headers": {}}
            response = self._guarded(what, (), lambda: self._sent(session, "GET", self.url(path, params), options))
            stack.callback(response.close)
            if response.status_code != 200:
                self._guarded(what, (), lambda: response.content)
                checked_object(what, response, lambda text: self._scrub(text, ()))
            yield self._blocks(what, response)

    def _blocks(self, what: str, response: requests.Response) -> Iterator[bytes]:
        blocks = response.iter_content(_BLOCK_BYTES)
        first = self._guarded(what, (), lambda: next(blocks, b""))
        if first.lstrip()[:1] == b"{":
            raise refusal_in_place_of(what, first, lambda text: self._scrub(text, ()))
        while first:
            yield first
            first = self._guarded(what, (), lambda: next(blocks, b""))

    def post_json(
        self,
        path: str,
        params: Mapping[str, str],
        *,
        files: Files | None = None,
        json: object = None,
        secrets: Secrets = NO_SECRETS,
    ) -> dict[str, Any]:
        """The JSON object answered to a POST, sent exactly once, with multipart `files` or a JSON body.

        Raises a NetworkError. After an UnreachableError, `maybe_received` tells whether the server may have acted on it;
        after a ServerFault or a MalformedAnswerError it may have as well.
        """
        return self._object("POST", path, params, {"files": files, "json": json}, secrets)

    def probe(self, path: str, params: Mapping[str, str]) -> Probe:
        """What a GET comes to. Raises UnreachableError where it comes to no answer."""
        response = self._exchange(f"GET {path}", "GET", self.url(path, params), {}, NO_SECRETS)
        words = quoted(response, lambda text: self._scrub(text, ()))
        return Probe(status=response.status_code, date=response.headers.get("Date"), words=words)

    def _object(
        self, method: str, path: str, params: Mapping[str, str], body: dict[str, Any], secrets: Secrets
    ) -> dict[str, Any]:
        what = f"{method} {path}"
        self._announce(method, path, params, body, secrets)
        response = self._exchange(what, method, self.url(path, params), body, secrets)
        return checked_object(what, response, lambda text: self._scrub(text, secrets.hidden))

    def _announce(
        self, method: str, path: str, params: Mapping[str, str], body: dict[str, Any], secrets: Secrets
    ) -> None:
        if self._before_request is not None:
            json, files = body.get("json"), body.get("files")
            outgoing = OutgoingRequest(
                method=method,
                url=self.url(path, shown_query(params)).replace(quote(HIDDEN), HIDDEN),
                headers=shown_headers(secrets.headers, json, files),
                body=shown_body(json, files),
            )
            self._before_request(outgoing)

    def _exchange(self, what: str, method: str, url: str, body: dict[str, Any], secrets: Secrets) -> requests.Response:
        options = body | {"headers": dict(secrets.headers)}
        with self._session(method) as session:
            return self._guarded(what, secrets.hidden, lambda: self._sent(session, method, url, options))

    def _sent(self, session: requests.Session, method: str, url: str, options: dict[str, Any]) -> requests.Response:
        return session.request(
            method, url, timeout=self._timeout_s, verify=self._verify, allow_redirects=False, **options
        )

    def _guarded(self, what: str, hidden: Iterable[str], act: Callable[[], T]) -> T:
        """What `act` gives; UnreachableError where the libraries below fail."""
        try:
            return act()
        except (requests.RequestException, urllib3.exceptions.HTTPError, OSError, ValueError) as exc:
            lost = self._unreachable(what, exc, hidden)
        # Raised here and not above: an exception of requests carries the request, and with it the key and the URL.
        raise lost

    def _session(self, method: str) -> requests.Session:
        session = requests.Session()
        session.auth = self._key_header  # set even without a key: it keeps .netrc out
        session.trust_env = not _is_loopback(self._base_url)  # no proxy stands between us and ourselves
        session.headers["User-Agent"] = "fuota"
        adapter = requests.adapters.HTTPAdapter(max_retries=self._get_retry if method == "GET" else 0)
        session.mount("https://", adapter)
        session.mount("http://", adapter)
        return session

    def _unreachable(self, what: str, exc: Exception, hidden: Iterable[str]) -> UnreachableError:
        causes = list(_causes(exc))
        never_sent = any(isinstance(cause, _BEFORE_THE_REQUEST) for cause in causes)
        if any(isinstance(cause, ssl.SSLCertVerificationError) for cause in causes):
            advice = "Its certificate is not trusted: name the authority's PEM file as ca_file."
        elif never_sent:
            advice = "The request never reached it: check the address, the network and the proxy settings."
        elif what.startswith("GET"):
            advice = "Try again later."
        else:
            advice = f"The request may have reached it: {before_again(what)}"
        reason = " ".join(self._scrub(str(causes[-1]) or type(causes[-1]).__name__, hidden).split())[:200]
        text = f"{what}: no answer from {self._base_url} ({reason}). {advice}"
        return UnreachableError(text, maybe_received=not never_sent)

    def _scrub(self, text: str, hidden: Iterable[str]) -> str:
        return redact(self._key_header.out_of(text, hidden))


# What can only happen before the first octet of the request has left: a refused or timed-out connection and a name that
# does not resolve (NewConnectionError is a ConnectTimeoutError), a proxy that gave no connection, a certificate refused.
_BEFORE_THE_REQUEST = (
    urllib3.exceptions.ConnectTimeoutError,
    urllib3.exceptions.ProxyError,
    ssl.SSLCertVerificationError,
    requests.exceptions.InvalidURL,
)


def _causes(exc: BaseException) -> Iterator[BaseException]:
    """`exc` and what it was made from, outermost first.

    urllib3 and requests hand the cause on as `reason` or first argument. `__context__` is left alone: it also holds
    whatever the caller was handling, such as the refused connection of the call before.
    """
    yield exc
    for inner in (getattr(exc, "reason", None), exc.__cause__, *exc.args[:1]):
        if isinstance(inner, BaseException):
            yield from _causes(inner)
            return


class _KeyHeader(AuthBase):
    """Puts the key into the `authorization` header; the only holder of the key, and it does not show it."""

    def __init__(self, key: str | None) -> None:
        if key is not None:
            _check_key(key)
        self._key = key

    def __repr__(self) -> str:
        return f"authorization: {HIDDEN if self._key else None}"

    def __call__(self, request: requests.PreparedRequest) -> requests.PreparedRequest:
        if self._key is not None:
            request.headers["authorization"] = self._key
        return request

    def out_of(self, text: str, others: Iterable[str]) -> str:
        # The longest first: one secret may begin like another.
        for secret in sorted({self._key or "", *others} - {""}, key=len, reverse=True):
            text = text.replace(secret, HIDDEN)
        return text


def _check_key(key: str) -> None:
    # Visible ASCII, as a header may carry it: the libraries below would quote a bad one in their message.
    if not isinstance(key, str) or not re.fullmatch(r"[!-~]+", key):
        raise ParameterError(
            "the API key is empty, or holds a space, a line break or a character outside ASCII: "
            "give it exactly as issued, such as AK2:..., without white space around it"
        )


def _checked_base_url(base_url: str) -> str:
    """`base_url` without a slash at the end. A refusal does not quote it: a key or password may stand in it."""
    rule = "such as https://api.senraco.io"
    try:
        parts = urlsplit(base_url)
        valid = parts.port is None or parts.port > 0
    except (ValueError, AttributeError):
        raise ParameterError(f"base_url is no URL; give scheme, host and, if need be, port and path, {rule}") from None
    if parts.username is not None or parts.query or parts.fragment:
        raise ParameterError(
            f"base_url holds more than scheme, host, port and path; the key has its own argument, {rule}"
        )
    if not valid or not re.fullmatch(r"[\w.:\-]+", parts.hostname or "") or re.search(r"\s|\\", base_url):
        raise ParameterError(f"base_url names no valid host or port; give scheme, host and port, {rule}")
    if parts.scheme != "https" and not (parts.scheme == "http" and _is_loopback(base_url)):
        raise ParameterError(
            f"base_url of {parts.hostname} has the scheme {parts.scheme!r}: it must be https, since the API key must not "
            "travel in clear (http is allowed for a loopback host such as 127.0.0.1)"
        )
    return base_url.rstrip("/")


def _is_loopback(url: str) -> bool:
    host = urlsplit(url).hostname or ""
    try:
        return ipaddress.ip_address(host).is_loopback
    except ValueError:
        return host == "localhost"


def _checked_ca_file(ca_file: str | Path | None) -> str | bool:
    if ca_file is None:
        return True
    try:
        ssl.create_default_context(cafile=ca_file)
    except OSError as exc:  # also ssl.SSLError
        raise ParameterError(f"ca_file {str(ca_file)!r} is no readable PEM file of certificates: {exc}") from None
    return str(ca_file)


def _checked_timeout(timeout_s: int | tuple[int, int]) -> tuple[int, int]:
    connect_s, read_s = timeout_s if isinstance(timeout_s, tuple) else (timeout_s, timeout_s)
    if connect_s <= 0 or read_s <= 0:
        raise ParameterError(
            f"timeout_s is {timeout_s!r}: seconds to connect and to read must be positive; nearest is 1"
        )
    return connect_s, read_s
