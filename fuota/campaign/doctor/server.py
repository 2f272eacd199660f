"""Checks of a server. Only GET requests are sent to it, so nothing changes there."""

from __future__ import annotations

import time
from collections.abc import Iterator
from dataclasses import dataclass
from email.utils import parsedate_to_datetime
from pathlib import Path
from typing import TYPE_CHECKING, Protocol
from urllib.parse import urlsplit

from fuota.campaign.doctor.check import Area, Check, fail, ok, warn
from fuota.errors import (
    AuthenticationError,
    FuotaError,
    MalformedAnswerError,
    NetworkError,
    NotFoundError,
    UnreachableError,
)

if TYPE_CHECKING:
    from fuota.network import HttpClient, SenraClient
    from fuota.network.http import Probe
    from fuota.network.keys import KeySource

_UNUSED_EUI = "0" * 16
_CERTIFICATE_WARNING_DAYS = 21
_CLOCK_WARNING_S = 5
_CLOCK_LIMIT_S = 300
_REFUSED = (401, 403)


class ServerAccess(Protocol):
    """Access to a server: its URL, key and certificate authorities."""

    @property
    def target(self) -> str:
        """URL of the server."""
        ...

    def key_for(self, url: str) -> str:
        """Return the API key for a server. Raises AuthenticationError if there is none."""
        ...

    def key_source(self, url: str) -> KeySource | None:
        """Return where the key for a server is stored; None for the key of the sandbox."""
        ...

    def ca_file_for(self, url: str) -> Path | None:
        """Return the file of the authorities to trust; None for the usual authorities."""
        ...

    def client(self) -> SenraClient:
        """Return a client for the server."""
        ...


@dataclass(frozen=True, slots=True, kw_only=True)
class _ReadingCall:
    """A call that only reads: name of its check, path, query, and whether a campaign needs it."""

    name: str
    path: str
    query: dict[str, str]
    needed: bool


def _reading_calls(app_eui: str | None) -> tuple[_ReadingCall, ...]:
    """Return one call for each role of API keys in the operator's guide, and mcastStatus and mcast/*, which have no role there."""
    application = {"appEui": app_eui or _UNUSED_EUI}
    group = {**application, "mcAddr": "00000000", "type": "APP"}
    devices = {**({"appEui": app_eui} if app_eui else {}), "devEuis": _UNUSED_EUI, "fields": "devEui"}
    return (
        _ReadingCall(name="key: mcastStatus", path="mcastStatus", query=application, needed=True),
        _ReadingCall(name="key: mcast/status", path="mcast/status", query=group, needed=False),
        _ReadingCall(name="key: device/status", path="device/status", query={"reqId": "fuota-doctor"}, needed=False),
        _ReadingCall(name="key: device/csvExport", path="device/csvExport", query=devices, needed=False),
    )


def server_checks(server: ServerAccess, app_eui: str | None) -> Iterator[Check]:
    """Yield the checks of a server; if the server cannot be reached, that check is the last.

    app_eui: application whose job is looked up; None skips that.
    """
    from fuota.network import HttpClient
    from fuota.network.senra.calls import PATH

    url = server.target.rstrip("/").removesuffix(PATH)
    try:
        key, ca_file = server.key_for(server.target), server.ca_file_for(server.target)
        client = HttpClient(url, api_key=key, ca_file=ca_file, timeout_s=15, retries=0)
    except FuotaError as error:
        area = Area.KEY if isinstance(error, AuthenticationError) else Area.MACHINE
        yield fail("API key", str(error), area=area)
        return
    yield ok("API key", f"from {server.key_source(server.target) or 'the sandbox itself'}")
    try:
        probes = [(call, _timed(client, f"{PATH}/{call.path}", call.query)) for call in _reading_calls(app_eui)]
    except UnreachableError as error:
        yield fail("server", str(error), area=Area.NETWORK)
        return
    yield ok("server", f"{url} answers in {probes[0][1].took_s * 1000:.0f} ms")
    yield _tls(url, server)
    yield _clock(probes[0][1])
    refused = [call.path for call, timed in probes if timed.probe.status in _REFUSED]
    if len(refused) == len(probes):
        # Keys of two roles allow no call that only reads. The calls that they allow change something, so they are not tried.
        finding = f"refused ({probes[0][1].probe.status}) by every call that only reads"
        advice = (
            "the key is wrong or deleted, or its role is Device or FUOTA only: a campaign needs mcastStatus too"
            " ('Full Access')"
        )
        yield fail("key", finding, advice, Area.KEY)
        return
    yield from (_permission(call, timed.probe) for call, timed in probes)
    if "mcastStatus" not in refused:
        yield _application(app_eui, server)


@dataclass(frozen=True, slots=True, kw_only=True)
class _Timed:
    """Answer to a call, with the wall clock in s when it was sent and the time in s until the answer."""

    probe: Probe
    asked_s: float
    took_s: float


def _timed(client: HttpClient, path: str, query: dict[str, str]) -> _Timed:
    asked_s, began_s = time.time(), time.monotonic()
    probe = client.probe(path, query)
    return _Timed(probe=probe, asked_s=asked_s, took_s=time.monotonic() - began_s)


def _tls(url: str, server: ServerAccess) -> Check:
    from fuota.network.tls import tls_facts

    parts = urlsplit(url)
    if parts.scheme != "https":
        return ok("TLS", "none: the server is on this machine")
    try:
        facts = tls_facts(parts.hostname or "", parts.port or 443, ca_file=server.ca_file_for(server.target))
    except UnreachableError as error:
        return warn(
            "TLS", f"verified, but its details are not known: {error}", "nothing to do if a proxy stands between"
        )
    finding = f"{facts.version}, certificate verified, {facts.days_left} days left"
    if facts.days_left < _CERTIFICATE_WARNING_DAYS:
        return warn("TLS", finding, "ask the operator to renew it before the campaign")
    return ok("TLS", finding)


def _clock(timed: _Timed) -> Check:
    try:
        server_s = parsedate_to_datetime(timed.probe.date or "").timestamp()
    except (ValueError, OverflowError):
        return warn("clock", "the server does not report its time", "make sure that the clock of this machine is right")
    # The header is cut to the second, so its mean is half a second later; the call took as long there as back.
    ahead_s = timed.asked_s + timed.took_s / 2 - (server_s + 0.5)
    finding = f"{abs(ahead_s):.0f} s {'ahead of' if ahead_s > 0 else 'behind'} the clock of the server"
    if abs(ahead_s) < _CLOCK_WARNING_S:
        return ok("clock", f"within {_CLOCK_WARNING_S} s of the clock of the server")
    if abs(ahead_s) < _CLOCK_LIMIT_S:
        return warn("clock", finding, "set the clock (NTP): sessions start at a time of day")
    return fail("clock", finding, "set the clock (NTP): sessions start at a time of day")


def _permission(call: _ReadingCall, probe: Probe) -> Check:
    if probe.status in _REFUSED:
        finding = f"refused ({probe.status})"
        if call.needed:
            return fail(call.name, finding, "use a key that allows it, such as 'Full Access'", Area.KEY)
        return warn(call.name, finding, "the role of this key does not allow it")
    if probe.status == 405 or 300 <= probe.status < 400:
        return fail(call.name, f"answered {probe.status}: {probe.words}", "correct the URL of the server", Area.NETWORK)
    if probe.status >= 500 and call.needed:
        return fail(call.name, f"answered {probe.status}: {probe.words}", "try again later", Area.NETWORK)
    if probe.status >= 500:
        return warn(call.name, f"answered {probe.status}: {probe.words}", "try again later")
    return ok(call.name, f"allowed (answered {probe.status})")  # 400 and 404: nothing of that name exists


def _application(app_eui: str | None, server: ServerAccess) -> Check:
    name = "application"
    if app_eui is None:
        return warn(
            name,
            "no application is named",
            "name it with --app-eui, or app_eui in the server entry, to see whether a job runs",
        )
    try:
        status = server.client().transfers.status(app_eui=app_eui)
    except NotFoundError:
        return ok(name, f"{app_eui}: the server shows no job")
    except FuotaError as error:
        return warn(name, str(error), "whether a job is running could not be found out")
    finding = f"{app_eui}: job {status.state}, {status.pct_done} %"
    if not status.finished:
        return warn(name, finding, "a server runs one job per application: wait for its end, or cancel it")
    return ok(name, finding)


def stream_check(url: str | None, token: str | None, *, token_variable: str) -> Check:
    """Return whether a receiver of the data stream accepts an empty batch, which holds no uplink.

    url: None warns that the receiver was not checked. token: sent in the header x-fuota-token if it is not None.
    token_variable: name of the environment variable that holds the token, for the advice.
    """
    name = "data stream"
    if url is None:
        return warn(
            name, "not checked", "without it no device reports: launch with --listen, and give its URL as --webhook"
        )
    from fuota.network import HttpClient
    from fuota.network.credentials import Secrets
    from fuota.network.urls import split_url

    try:
        base_url, path, query = split_url(url)
        secrets = Secrets(headers={"x-fuota-token": token} if token else {})
        client = HttpClient(base_url, timeout_s=10, retries=0)
        client.post_json(path, query, json=[], secrets=secrets)
    except MalformedAnswerError:
        pass  # The batch was accepted, and the server looks at nothing else.
    except AuthenticationError as error:
        return fail(
            name, str(error), f"set {token_variable} to the token of the receiver, here and at the server", Area.KEY
        )
    except NetworkError as error:
        return fail(
            name, str(error), "start `fuota uplinks listen` or `fuota launch --listen`, open the port", Area.NETWORK
        )
    except FuotaError as error:
        return fail(name, str(error), "give the URL that the server posts to, such as https://your.host/uplinks")
    return ok(name, f"{client.host} accepts notifications, as seen from this machine")
