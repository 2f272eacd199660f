from __future__ import annotations

import contextlib
import json
import signal
import urllib.error
import urllib.request
from concurrent.futures import ThreadPoolExecutor

import pytest

from fuota.errors import AuthenticationError, BadRequestError
from fuota.network import HttpClient, parse_uplinks
from fuota.network.credentials import Secrets

STATUS = {
    "devEui": "02000000F007A001",
    "port": 201,
    "pdu": "0100C48001",
    "seqno": 1,
    "txtime": "2026-11-23T12:00:00.000Z",
}
OTHER = {"devEui": "02000000F007A002", "port": 1, "pdu": "0102", "color": "blue"}


@pytest.fixture
def listen(start):
    """Starts `fuota uplinks listen --json`; the process, its first event and a client."""

    def begin(*arguments):
        process = start("uplinks", "listen", "--listen", "127.0.0.1:0", *arguments, "--json")
        event = json.loads(process.stdout.readline())
        return process, event, HttpClient(event["url"].removesuffix("/uplinks"), retries=0)

    return begin


def end(process):
    """The events after Ctrl-C; the process ends with code 0."""
    process.send_signal(signal.SIGINT)
    out, err = process.communicate(timeout=20)
    assert process.returncode == 0, err
    assert "Traceback" not in err
    return [json.loads(line) for line in out.splitlines()]


@pytest.mark.slow
def test_uplinks_are_decoded_and_stored_in_the_file(listen, tmp_path):
    path = tmp_path / "uplinks.jsonl"
    process, event, client = listen("--out", path)
    assert event["path"] == str(path)
    client.post_json("/uplinks", {}, json=[STATUS, OTHER])
    assert [json.loads(line) for line in path.read_text().splitlines()] == [STATUS, OTHER]
    client.post_json("/uplinks", {}, json=STATUS)
    first, second, third, closed = end(process)
    assert (first["commands"][0]["command"], second["commands"], third["seqno"]) == ("FragSessionStatusAns", [], 1)
    assert second["color"] == "blue"
    assert (closed["event"], closed["uplinks"]) == ("closed", 3)


@pytest.mark.slow
def test_uplinks_are_stored_in_the_journal_by_default(listen, tmp_path):
    process, event, client = listen("--state-dir", tmp_path / "here")
    client.post_json("/uplinks", {}, json=[STATUS, OTHER])
    end(process)
    assert event["path"] == str(tmp_path / "here" / "journal.sqlite")
    assert b"02000000F007A002" in (tmp_path / "here" / "journal.sqlite").read_bytes()


@pytest.mark.slow
def test_the_output_for_people_has_a_line_per_command(start):
    process = start("uplinks", "listen", "--listen", "127.0.0.1:0")
    url = process.stderr.readline().split()[3].rstrip(",")
    HttpClient(url.removesuffix("/uplinks")).post_json("/uplinks", {}, json=[STATUS, OTHER])
    process.send_signal(signal.SIGINT)
    out, err = process.communicate(timeout=20)
    assert [line.split("  ")[1:3] for line in out.splitlines()] == [
        ["02000000F007A001", "port 201"],
        ["02000000F007A002", "port 1"],
    ]
    assert "FragSessionStatusAns" in out
    assert "2 uplinks received, saved in" in err


@pytest.mark.slow
def test_the_token_is_required_and_not_shown(listen, monkeypatch):
    monkeypatch.setenv("FUOTA_LISTEN_TOKEN", "open-sesame")
    process, _, client = listen()
    for secrets in (Secrets(), Secrets(headers={"x-fuota-token": "wrong"})):
        with pytest.raises(AuthenticationError) as refused:
            client.post_json("/uplinks", {}, json=STATUS, secrets=secrets)
        assert refused.value.status == 403
    client.post_json("/uplinks", {}, json=STATUS, secrets=Secrets(headers={"x-fuota-token": "open-sesame"}))
    events = end(process)
    assert [event["event"] for event in events] == ["uplink", "closed"]
    assert "sesame" not in json.dumps(events)


@pytest.mark.slow
def test_every_acknowledged_uplink_is_on_disk_when_the_process_is_killed(listen, tmp_path):
    """More of them than the pipe takes that nobody reads from."""
    path = tmp_path / "uplinks.jsonl"
    process, _, client = listen("--out", path)
    with ThreadPoolExecutor(8) as posting:
        list(posting.map(lambda n: client.post_json("/uplinks", {}, json=STATUS | {"seqno": n}), range(400)))
    process.kill()
    process.communicate(timeout=20)
    assert sorted(json.loads(line)["seqno"] for line in path.read_text().splitlines()) == list(range(400))


@pytest.mark.slow
def test_malformed_notifications_are_refused_and_listening_goes_on(listen, tmp_path):
    process, _, client = listen("--out", tmp_path / "uplinks.jsonl")
    for garbage in ({}, [1], [[STATUS]], STATUS | {"port": 999}, "x" * 1_100_000):
        with pytest.raises(BadRequestError):
            client.post_json("/uplinks", {}, json=garbage)
    client.post_json("/uplinks", {}, json=STATUS | {"metadata": "\ud800 \x1b[2J"})
    assert [event["event"] for event in end(process)] == ["refused"] * 3 + ["uplink", "closed"], "once for each kind"


@pytest.mark.slow
def test_a_line_cut_off_by_a_crash_does_not_damage_the_next(listen, tmp_path):
    path = tmp_path / "uplinks.jsonl"
    path.write_text('{"devEui": "02000000F007A001"}\n{"devEu')
    process, _, client = listen("--out", path)
    client.post_json("/uplinks", {}, json=OTHER)
    end(process)
    assert path.read_text().splitlines()[1:] == ['{"devEu', json.dumps(parse_uplinks(OTHER)[0].to_json())]


@pytest.mark.slow
def test_a_closed_stdout_ends_listening_without_an_error_and_keeps_uplinks(listen, tmp_path):
    path = tmp_path / "uplinks.jsonl"
    process, _, client = listen("--out", path)
    process.stdout.close()
    client.post_json("/uplinks", {}, json=STATUS)
    assert process.wait(timeout=20) == 0
    assert "fuota:" not in process.stderr.read()
    assert len(path.read_text().splitlines()) == 1


@pytest.mark.parametrize(
    ("arguments", "code", "words"),
    [
        (["--listen", "8381"], 2, "--listen must be HOST:PORT"),
        (["--listen", "0.0.0.0:0"], 2, "set FUOTA_LISTEN_TOKEN"),
        (["--listen", "127.0.0.1:99999"], 2, "port must be 0 to 65535, got 99999"),
        (["--out", "/no/such/folder/file"], 2, "/no/such/folder/file cannot be written: No such file"),
    ],
)
def test_a_wrong_address_or_file_is_an_error(fuota, arguments, code, words):
    result = fuota("uplinks", "listen", *arguments)
    assert (result.code, words in result.complaint) == (code, True)


def test_a_port_in_use_is_exit_code_5(fuota, listen):
    process, event, _ = listen()
    result = fuota("uplinks", "listen", "--listen", event["url"].removeprefix("http://").removesuffix("/uplinks"))
    assert (result.code, "is in use" in result.complaint) == (5, True)
    end(process)


def test_refused_notifications_are_kept_and_told_once(start, tmp_path):
    good = {"devEui": "0000000000000001", "port": 201, "pdu": "0100", "seqno": 1}
    for output, refused in (("--state-dir", "refused.jsonl"), ("--out", "uplinks.jsonl.refused")):
        folder = tmp_path / output.strip("-")
        folder.mkdir()
        where = folder if output == "--state-dir" else folder / "uplinks.jsonl"
        process = start("uplinks", "listen", "--listen", "127.0.0.1:0", output, where, "--json")
        url = json.loads(process.stdout.readline())["url"]
        for batch in ([good, {**good, "port": 999}], [{**good, "port": 888}, {**good, "estLat": ""}], 7):
            request = urllib.request.Request(url, json.dumps(batch).encode(), {"Content-Type": "application/json"})
            with contextlib.suppress(urllib.error.HTTPError):
                urllib.request.urlopen(request, timeout=10).close()
        process.send_signal(signal.SIGINT)
        out, err = process.communicate(timeout=20)
        events = [json.loads(line) for line in out.splitlines()]
        assert [event["event"] for event in events].count("refused") == 2, "a wrong port, and what is not an object"
        assert next(event for event in events if event["event"] == "closed")["refused"] == 3
        assert sum(event["event"] == "uplink" for event in events) == 2
        assert "refused" in err
        lines = [json.loads(line) for line in (folder / refused).read_text().splitlines()]
        assert [json.loads(line["body"]) for line in lines][2] == 7
        assert "port must be an FPort" in lines[0]["reasons"][0]
        assert (folder / refused).stat().st_mode & 0o777 == 0o600
