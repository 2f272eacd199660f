"""What `fuota doctor` looks at on a server. Only GETs are sent to it: nothing there changes."""

from __future__ import annotations

import os
import time
from collections.abc import Iterator
from dataclasses import dataclass
from email.utils import parsedate_to_datetime
from typing import TYPE_CHECKING
from urllib.parse import urlsplit

from fuota.cli.doctor_checks import Check, fail, ok, warn
from fuota.cli.exits import AUTHENTICATION, NETWORK, USAGE
from fuota.cli.listening import TOKEN_VARIABLE
from fuota.errors import (
    AuthenticationError,
    FuotaError,
    MalformedAnswerError,
    NetworkError,
    NotFoundError,
    UnreachableError,
)

if TYPE_CHECKING:
    from fuota.cli.options.server import ServerOptions
    from fuota.network import HttpClient
    from fuota.network.http import Probe

_NOBODY = "0" * 16
_CERTIFICATE_WARNING_DAYS = 21
_CLOCK_WARNING_S = 5
_CLOCK_LIMIT_S = 300
_REFUSED = (401, 403)


@dataclass(frozen=True, slots=True, kw_only=True)
class Role:
    """A call that only reads, what it stands for, and whether a campaign needs it."""

    name: str
    path: str
    query: dict[str, str]
    needed: bool


def _roles(app_eui: str | None) -> tuple[Role, ...]:
    """Calls as the operator's guide of API keys groups them; mcastStatus and mcast/* are in none of its groups."""
    application = {"appEui": app_eui or _NOBODY}
    group = {**application, "mcAddr": "00000000", "type": "APP"}
    devices = {**({"appEui": app_eui} if app_eui else {}), "devEuis": _NOBODY, "fields": "devEui"}
    return (
        Role(name="key: mcastStatus", path="mcastStatus", query=application, needed=True),
        Role(name="key: mcast/status", path="mcast/status", query=group, needed=False),
        Role(name="key: device/status", path="device/status", query={"reqId": "fuota-doctor"}, needed=False),
        Role(name="key: device/csvExport", path="device/csvExport", query=devices, needed=False),
    )


def server_checks(server: ServerOptions, app_eui: str | None) -> Iterator[Check]:
    """The server of --server, one check after the other; none further once it cannot be reached."""
    from fuota.network import HttpClient
    from fuota.network.senra.calls import PATH

    url = server.target.rstrip("/").removesuffix(PATH)
    try:
        key, ca_file = server.key_for(server.target), server.ca_file_for(server.target)
        client = HttpClient(url, api_key=key, ca_file=ca_file, timeout_s=15, retries=0)
    except FuotaError as error:
        code = AUTHENTICATION if isinstance(error, AuthenticationError) else USAGE
        yield fail("API key", str(error), code=code)
        return
    yield ok("API key", f"from {server.key_source(server.target) or 'the sandbox itself'}")
    try:
        probes = [(role, _timed(client, f"{PATH}/{role.path}", role.query)) for role in _roles(app_eui)]
    except UnreachableError as error:
        yield fail("server", str(error), code=NETWORK)
        return
    yield ok("server", f"{url} answers in {probes[0][1].took_s * 1000:.0f} ms")
    yield _tls(url, server)
    yield _clock(probes[0][1])
    refused = [role.path for role, timed in probes if timed.probe.status in _REFUSED]
    if len(refused) == len(probes):
        # Keys of two roles open nothing that only reads, and what they open changes something: it is not tried.
        found = f"refused ({probes[0][1].probe.status}) by every call that only reads"
        advice = "it is wrong or deleted, or its role is Device or FUOTA only: a campaign needs mcastStatus too ('Full Access')"
        yield fail("key", found, advice, AUTHENTICATION)
        return
    yield from (_role(role, timed.probe) for role, timed in probes)
    if "mcastStatus" not in refused:  # else whether a job is under way is not known, and why has been said
        yield _application(app_eui, server)


@dataclass(frozen=True, slots=True, kw_only=True)
class _Timed:
    probe: Probe
    asked_s: float
    took_s: float


def _timed(client: HttpClient, path: str, query: dict[str, str]) -> _Timed:
    asked_s, began_s = time.time(), time.monotonic()
    probe = client.probe(path, query)
    return _Timed(probe=probe, asked_s=asked_s, took_s=time.monotonic() - began_s)


def _tls(url: str, server: ServerOptions) -> Check:
    from fuota.network.tls import tls_facts

    parts = urlsplit(url)
    if parts.scheme != "https":
        return ok("TLS", "none: the server is on this machine")
    try:
        facts = tls_facts(parts.hostname or "", parts.port or 443, ca_file=server.ca_file_for(server.target))
    except UnreachableError as error:
        return warn("TLS", f"verified, but not looked at: {error}", "none needed where a proxy stands between")
    found = f"{facts.version}, certificate verified, {facts.days_left} days left"
    if facts.days_left < _CERTIFICATE_WARNING_DAYS:
        return warn("TLS", found, "ask the operator to renew it before the campaign")
    return ok("TLS", found)


def _clock(timed: _Timed) -> Check:
    try:
        said_s = parsedate_to_datetime(timed.probe.date or "").timestamp()
    except (ValueError, OverflowError):
        return warn("clock", "the server does not tell its time", "see that the clock of this machine is right")
    # The header is cut to the second; half of it and of the way there and back is our best guess.
    ahead_s = timed.asked_s + timed.took_s / 2 - (said_s + 0.5)
    found = f"{abs(ahead_s):.0f} s {'ahead of' if ahead_s > 0 else 'behind'} the server's"
    if abs(ahead_s) < _CLOCK_WARNING_S:
        return ok("clock", f"within {_CLOCK_WARNING_S} s of the server's")
    if abs(ahead_s) < _CLOCK_LIMIT_S:
        return warn("clock", found, "set the clock (NTP): starts of sessions are times")
    return fail("clock", found, "set the clock (NTP): starts of sessions are times")


def _role(role: Role, probe: Probe) -> Check:
    if probe.status in _REFUSED:
        found = f"refused ({probe.status})"
        if role.needed:
            return fail(role.name, found, "take a key that covers it: 'Full Access' is the widest", AUTHENTICATION)
        return warn(role.name, found, "this key's role does not cover it")
    if probe.status == 405 or 300 <= probe.status < 400:
        return fail(role.name, f"answered {probe.status}: {probe.words}", "correct the URL of the server", NETWORK)
    if probe.status >= 500 and role.needed:
        return fail(role.name, f"answered {probe.status}: {probe.words}", "try again later", NETWORK)
    if probe.status >= 500:
        return warn(role.name, f"answered {probe.status}: {probe.words}", "try again later")
    return ok(role.name, f"allowed (answered {probe.status})")  # 400 and 404 tell that nobody of that name is there


def _application(app_eui: str | None, server: ServerOptions) -> Check:
    name = "application"
    if app_eui is None:
        return warn(name, "none named", "name it with --app-eui, or app_eui in the profile, to see whether a job runs")
    try:
        status = server.client().transfers.status(app_eui=app_eui)
    except NotFoundError:
        return ok(name, f"{app_eui}: no job that the server tells of")
    except FuotaError as error:
        return warn(name, str(error), "whether a job is under way is not known")
    found = f"{app_eui}: job {status.state}, {status.pct_done} %"
    if not status.finished:
        return warn(name, found, "one job runs for an application: wait for its end, or cancel it")
    return ok(name, found)


def stream_check(url: str | None) -> Check:
    """Whether a receiver of the data stream takes an empty batch, which is no uplink."""
    name = "data stream"
    if url is None:
        return warn(
            name, "not looked at", "without it no device reports: launch with --listen, and give its URL as --webhook"
        )
    from fuota.network import HttpClient
    from fuota.network.credentials import Secrets
    from fuota.network.urls import split_url

    try:
        base_url, path, query = split_url(url)
        token = os.environ.get(TOKEN_VARIABLE)
        secrets = Secrets(headers={"x-fuota-token": token} if token else {})
        client = HttpClient(base_url, timeout_s=10, retries=0)
        client.post_json(path, query, json=[], secrets=secrets)
    except MalformedAnswerError:
        pass  # taken, which is all that the server looks at
    except AuthenticationError as error:
        return fail(name, str(error), f"set {TOKEN_VARIABLE} to the receiver's, here and at the server", AUTHENTICATION)
    except NetworkError as error:
        return fail(name, str(error), "start `fuota uplinks listen` or `fuota launch --listen`, open the port", NETWORK)
    except FuotaError as error:
        return fail(name, str(error), "give its URL as the server posts to it, such as https://your.host/uplinks")
    return ok(name, f"{client.host} takes notifications, as seen from here")
