"""The only module that sends HTTP requests to other hosts.

Rules for every call: TLS is always verified. Redirects are never followed. A GET is repeated with pauses, a POST never. The API key
travels in the `authorization` header and nowhere else. Every failure becomes one exception of `fuota.errors`. The length of an
answer and the time of each attempt are limited, see `fuota.network.bounds`. Each call has its own session, so threads may share one
client, and no old kept-alive connection can make it unclear whether a POST was received.
"""

from __future__ import annotations

import contextlib
import ssl
from collections.abc import Callable, Iterable, Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, TypeVar
from urllib.parse import quote, urlencode, urlsplit

from fuota import rules
from fuota.calls import checked_init
from fuota.errors import MalformedAnswerError, NetworkError, UnreachableError
from fuota.network.answers import advice_before_resending, checked_object, failure_in_place_of_csv, quoted
from fuota.network.connection import checked_base_url, checked_ca_file, checked_timeout, is_loopback
from fuota.network.credentials import NO_SECRETS, Secrets, check_key, without_secrets
from fuota.network.outgoing import (
    Files,
    OutgoingRequest,
    RequestHook,
    redacted_body,
    redacted_headers,
    redacted_query,
)
from fuota.network.redaction import HIDDEN, redact

if TYPE_CHECKING:
    import requests
    from urllib3.util import Retry

    from fuota.network.bounds import Answer, Deadline

T = TypeVar("T")

DEFAULT_TIMEOUT_S = (20, 60)
"""Seconds to connect and to read. The first also limits the sending of the body, because urllib3 keeps it until it waits for the
answer: an image of 1 MB needs 400 kbit/s."""
_RETRIED_STATUS = (500, 502, 503, 504)
# Comma and colon are not encoded, as in the reference's own URLs; a list of EUIs then needs 17 bytes per EUI, not 19.
_PLAIN_IN_QUERY = ",:"
_LONGEST_REASON = 200


@dataclass(frozen=True, slots=True, kw_only=True)
class Probe:
    """Result of a GET, whatever its status.

    status: of HTTP. date: the server's clock in its own format. words: the answer, shortened.
    """

    status: int
    date: str | None
    words: str


@dataclass(frozen=True, slots=True, kw_only=True, repr=False)
class _Call:
    """Request of a client.

    path: below the base URL. query: parameters. files, json: the body.
    """

    method: str
    path: str
    query: Mapping[str, str]
    files: Files | None = None
    json: object = None
    secrets: Secrets = NO_SECRETS

    def __str__(self) -> str:
        return f"{self.method} {self.path}"


@checked_init
class HttpClient:
    """JSON over HTTP(S) with one server.

    base_url: scheme, host, optional port and path; http only for a loopback host, because a key must not travel unencrypted.
    api_key: sent unchanged in the `authorization` header; None sends no such header.
    ca_file: PEM file of the authorities to trust instead of the usual authorities. Nothing turns verification off.
    timeout_s: whole seconds, (connect, read), or one number for both.
    retries, backoff_ms: number of times that a GET is repeated after no connection, no answer, or 500, 502, 503, 504; the pauses
        are 0, 2, 4, 8 ... times backoff_ms.
    before_request: called with each request before it is sent; if it raises an exception, the request is not sent.

    Raises ParameterError.
    """

    def __init__(  # noqa: PLR0913 - address and key, then settings that are seldom changed
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
        self._base_url = checked_base_url(base_url)
        self._key_header = _KeyHeader(api_key)
        self._verify = checked_ca_file(ca_file)
        self._timeout_s = checked_timeout(timeout_s)
        self._retries = rules.integer("retries", retries, 0)
        self._backoff_ms = rules.integer("backoff_ms", backoff_ms, 0)

    def __repr__(self) -> str:
        return f"HttpClient({self._base_url!r})"

    @property
    def host(self) -> str:
        """Host of base_url, in lower case."""
        return urlsplit(self._base_url).hostname or ""

    def url(self, path: str, query: Mapping[str, str]) -> str:
        """Return the whole URL of a call, as it is sent. path: below base_url. query: parameters."""
        text = urlencode(query, safe=_PLAIN_IN_QUERY, quote_via=quote)
        return f"{self._base_url}{path}?{text}" if text else f"{self._base_url}{path}"

    def get_json(self, path: str, query: Mapping[str, str]) -> dict[str, object]:
        """Return the JSON object that answers a GET.

        path: below base_url. query: parameters. Raises a NetworkError (see `fuota.errors`).
        """
        return self._object(_Call(method="GET", path=path, query=query))

    @contextlib.contextmanager
    def get_stream(self, path: str, query: Mapping[str, str]) -> Iterator[Iterator[bytes]]:
        """Yield the body that answers a GET, in blocks. It is received as the blocks are read, so its length is not limited.

        path: below base_url. query: parameters.
        Raises a NetworkError, also while the blocks are read: UnreachableError if the answer is cut off. A JSON object instead of
        other text is the failure that it describes.
        """
        call = _Call(method="GET", path=path, query=query)
        self._announce(call)
        with self._response(call) as (response, deadline):
            if response.status_code != 200:
                checked_object(str(call), self._read(call, response, deadline), self._scrubber(call))
            yield self._blocks(call, response, deadline)

    def _blocks(self, call: _Call, response: requests.Response, deadline: Deadline) -> Iterator[bytes]:
        """Yield the body in blocks; each block has the time of a whole answer."""
        from fuota.network.bounds import blocks_of

        blocks = blocks_of(response)
        block = self._guarded(call, deadline, lambda: next(blocks, b""))
        if block.lstrip()[:1] == b"{":
            raise failure_in_place_of_csv(str(call), block, self._scrubber(call))
        while block:
            yield block
            deadline.renew()
            block = self._guarded(call, deadline, lambda: next(blocks, b""))

    def post_json(
        self,
        path: str,
        query: Mapping[str, str],
        *,
        files: Files | None = None,
        json: object = None,
        secrets: Secrets = NO_SECRETS,
    ) -> dict[str, object]:
        """Return the JSON object that answers a POST, which is sent exactly once.

        path: below base_url. query: parameters. files: parts of a multipart form. json: JSON body.
        secrets: secrets of the call besides the API key.

        Raises a NetworkError. `maybe_received` of an UnreachableError is True if the server may have carried out the request. The
        server may have carried it out as well after a ServerFault or a MalformedAnswerError.
        """
        return self._object(_Call(method="POST", path=path, query=query, files=files, json=json, secrets=secrets))

    def probe(self, path: str, query: Mapping[str, str]) -> Probe:
        """Return the result of a GET, whatever its status.

        path: below base_url. query: parameters. Raises UnreachableError if there is no answer.
        """
        call = _Call(method="GET", path=path, query=query)
        answer = self._exchange(call)
        words = quoted(answer, self._scrubber(call))
        return Probe(status=answer.status, date=answer.headers.get("Date"), words=words)

    def _object(self, call: _Call) -> dict[str, object]:
        self._announce(call)
        return checked_object(str(call), self._exchange(call), self._scrubber(call))

    def _announce(self, call: _Call) -> None:
        """Call the hook with the request, its secrets hidden."""
        if self._before_request is not None:
            outgoing = OutgoingRequest(
                method=call.method,
                url=self.url(call.path, redacted_query(call.query)).replace(quote(HIDDEN), HIDDEN),
                headers=redacted_headers(call.secrets.headers, call.json, call.files),
                body=redacted_body(call.json, call.files),
            )
            self._before_request(outgoing)

    def _exchange(self, call: _Call) -> Answer:
        with self._response(call) as (response, deadline):
            return self._read(call, response, deadline)

    @contextlib.contextmanager
    def _response(self, call: _Call) -> Iterator[tuple[requests.Response, Deadline]]:
        """Send the request, and yield the answer, whose body has not been read."""
        from fuota.network.bounds import Deadline

        connect_s, read_s = self._timeout_s
        deadline = Deadline(2 * connect_s + read_s)
        with self._session(call, deadline) as session, contextlib.ExitStack() as stack:
            stack.callback(deadline.stop)
            response = self._guarded(call, deadline, lambda: self._send(session, call))
            stack.callback(response.close)
            yield response, deadline

    def _read(self, call: _Call, response: requests.Response, deadline: Deadline) -> Answer:
        from fuota.network.bounds import answer_of

        return self._guarded(call, deadline, lambda: answer_of(response))

    def _send(self, session: requests.Session, call: _Call) -> requests.Response:
        return session.request(
            call.method,
            self.url(call.path, call.query),
            headers=dict(call.secrets.headers),
            files=call.files,
            json=call.json,
            stream=True,
            timeout=self._timeout_s,
            verify=self._verify,
            allow_redirects=False,
        )

    def _guarded(self, call: _Call, deadline: Deadline, act: Callable[[], T]) -> T:
        """Return the result of `act`.

        Raises UnreachableError if the libraries below fail, MalformedAnswerError for an answer that is too long or badly packed.
        """
        import requests
        import urllib3

        from fuota.network.bounds import AnswerTooLongError

        problem: NetworkError
        try:
            result = act()
            deadline.check()
            return result
        except AnswerTooLongError as exc:
            problem = MalformedAnswerError(f"{call}: {exc}. {self._advice_after(call)}")
            if deadline.cause is not None:
                problem = self._unreachable(call, deadline.cause)
        except (requests.RequestException, urllib3.exceptions.HTTPError, OSError, ValueError) as exc:
            problem = self._unreachable(call, deadline.cause or exc)
        # Not raised in the handler: an exception of requests carries the request, and with it the key and the URL.
        raise problem

    def _session(self, call: _Call, deadline: Deadline) -> requests.Session:
        import requests

        from fuota.network.bounds import BoundedAdapter

        session = requests.Session()
        session.auth = self._key_header  # set even without a key: it keeps .netrc from being used
        session.trust_env = not is_loopback(self._base_url)  # no proxy for this machine
        session.headers["User-Agent"] = "fuota"
        session.headers["Accept-Encoding"] = "gzip"
        adapter = BoundedAdapter(deadline, max_retries=self._get_retry() if call.method == "GET" else 0)
        session.mount("https://", adapter)
        session.mount("http://", adapter)
        return session

    def _get_retry(self) -> Retry:
        from fuota.network.bounds import BoundedRetry

        return BoundedRetry(
            total=self._retries,
            other=0,  # such as a certificate that is not trusted: it does not change within a second
            redirect=0,
            allowed_methods=("GET",),
            status_forcelist=_RETRIED_STATUS,
            backoff_factor=self._backoff_ms / 1000,
            raise_on_status=False,
            respect_retry_after_header=False,  # a server must not make the client sleep for hours
        )

    def _unreachable(self, call: _Call, exc: Exception) -> UnreachableError:
        causes, before_the_request = list(_causes(exc)), _errors_before_the_request()
        never_sent = any(isinstance(cause, before_the_request) for cause in causes)
        if any(isinstance(cause, ssl.SSLCertVerificationError) for cause in causes):
            advice = "Its certificate is not trusted: give the authority's PEM file as ca_file."
        elif never_sent:
            advice = "The request never reached it: check the address, the network and the proxy settings."
        else:
            advice = self._advice_after(call)
        scrub = self._scrubber(call)
        reason = " ".join(scrub(str(causes[-1]) or type(causes[-1]).__name__).split())[:_LONGEST_REASON]
        text = f"{call}: no answer from {self._base_url} ({reason}). {advice}"
        return UnreachableError(text, maybe_received=not never_sent)

    def _advice_after(self, call: _Call) -> str:
        """Return what to do after a request that may have been carried out."""
        if call.method == "GET":
            return "Try again later."
        return f"The request may have reached it: {advice_before_resending(str(call))}"

    def _scrubber(self, call: _Call) -> Callable[[str], str]:
        """Return the function that removes the secrets of a call from a text."""
        return lambda text: redact(self._key_header.removed_from(text, call.secrets.hidden))


def _errors_before_the_request() -> tuple[type[Exception], ...]:
    """Return the errors that only occur before the first byte of the request is sent.

    They are a connection that is refused or times out, a name that does not resolve (NewConnectionError is a
    ConnectTimeoutError), a proxy that gives no connection, and a certificate that is refused.
    """
    import requests
    from urllib3.exceptions import ConnectTimeoutError, ProxyError

    return ConnectTimeoutError, ProxyError, ssl.SSLCertVerificationError, requests.exceptions.InvalidURL


def _causes(exc: BaseException) -> Iterator[BaseException]:
    """Yield `exc` and the exceptions that it was made from, outermost first.

    urllib3 and requests pass the cause on as `reason` or as first argument. `__context__` is not followed: it also holds the
    exception that the caller was handling, such as the refused connection of the call before.
    """
    yield exc
    for inner in (getattr(exc, "reason", None), exc.__cause__, *exc.args[:1]):
        if isinstance(inner, BaseException):
            yield from _causes(inner)
            return


class _KeyHeader:
    """Authentication that puts the key into the `authorization` header.

    It is the only object that has the key, and it does not show the key.
    """

    def __init__(self, key: str | None) -> None:
        if key is not None:
            check_key(key)
        self._key = key

    def __repr__(self) -> str:
        return f"authorization: {HIDDEN if self._key else None}"

    def __call__(self, request: requests.PreparedRequest) -> requests.PreparedRequest:
        if self._key is not None:
            request.headers["authorization"] = self._key
        return request

    def removed_from(self, text: str, secrets: Iterable[str]) -> str:
        """Return `text` without the key and without `secrets`."""
        return without_secrets(text, [self._key or "", *secrets])
