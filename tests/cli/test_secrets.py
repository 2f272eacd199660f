"""Where the API key may come from, and that it goes nowhere but into its header."""

from __future__ import annotations

import shlex
import sys

import pytest

KEY = "AK2:zyxwvutsrqponmlkjihgfedcba9876543210ZYXW"
PLAIN_KEY = "no-prefix-that-a-pattern-would-know"
APP = "AAAAAAAAAAAAAA01"
JOB = f"MCastXferJobReq:{APP}"
STATUS = ("transfer", "status", "--app-eui", APP)


@pytest.fixture
def seen(http_server):
    """The keys that arrived, and the URL of the server, which answers with all that it was told."""
    keys = []

    def reply(method, path, headers, body):
        keys.append(headers["authorization"])
        told = f"you said {headers['authorization']} and {path}"
        return 200, {"jobId": JOB, "state": "Running", "pctDone": 5, "result": told}

    return keys, http_server(reply)


@pytest.fixture
def echoing(http_server):
    """Makes a server that repeats the key in an answer of this status."""

    def echoes(status: int) -> str:
        return http_server(
            lambda _m, _p, headers, _b: (status, {"responseMsg": f"bad key: {headers['authorization']}"})
        )

    return echoes


@pytest.fixture
def key_file(tmp_path):
    path = tmp_path / "key"
    path.write_text(f"{KEY}\n")
    path.chmod(0o600)
    return path


def printing(text: str) -> str:
    return shlex.join([sys.executable, "-c", f"print({text!r})"])


# --- where it comes from


def test_from_a_file_that_is_the_owners_alone(fuota, seen, key_file):
    keys, url = seen
    assert fuota(*STATUS, "--server", url, "--api-key-file", key_file).code == 0
    assert keys == [KEY]


def test_from_a_command(fuota, seen):
    keys, url = seen
    assert fuota(*STATUS, "--server", url, "--api-key-command", printing(KEY)).code == 0
    assert keys == [KEY]


def test_from_the_environment(fuota, seen, monkeypatch):
    keys, url = seen
    monkeypatch.setenv("FUOTA_API_KEY", f" {KEY}\n")
    assert fuota(*STATUS, "--server", url).code == 0
    assert keys == [KEY]


def test_what_is_named_on_the_command_line_goes_before_the_environment(fuota, seen, monkeypatch, key_file):
    keys, url = seen
    monkeypatch.setenv("FUOTA_API_KEY", "AK2:another")
    assert fuota(*STATUS, "--server", url, "--api-key-file", key_file).code == 0
    assert fuota(*STATUS, "--server", url, "--api-key-command", printing(KEY)).code == 0
    assert keys == [KEY, KEY]


def test_the_server_may_come_from_the_environment_too(fuota, seen, monkeypatch):
    keys, url = seen
    monkeypatch.setenv("FUOTA_SERVER", url)
    monkeypatch.setenv("FUOTA_API_KEY", KEY)
    assert fuota(*STATUS).code == 0
    assert keys == [KEY]


def test_no_command_takes_the_key_as_an_argument(fuota):
    result = fuota(*STATUS, "--api-key", KEY)
    assert result.code == 2
    assert KEY not in result.out + result.err


# --- where it does not


@pytest.mark.parametrize("mode", [0o644, 0o640, 0o604, 0o660, 0o601])
def test_a_key_file_that_others_can_touch_is_refused_and_not_used(fuota, seen, key_file, mode):
    keys, url = seen
    key_file.chmod(mode)
    result = fuota(*STATUS, "--server", url, "--api-key-file", key_file, "--json")
    assert (result.code, result.event("error")["code"]) == (2, 2)
    assert f"got {mode:04o}" in result.complaint
    assert f"chmod 600 {key_file}" in result.complaint
    assert keys == []
    assert KEY not in result.out + result.err


def test_a_key_file_that_is_not_there(fuota, tmp_path):
    result = fuota(*STATUS, "--api-key-file", tmp_path / "none")
    assert result.code == 2
    assert f"the key file {tmp_path / 'none'} cannot be read: No such file or directory" in result.complaint


@pytest.mark.parametrize("content", [b"", b"\n", b"two words\n", b"\xff\xfe\x00", f"{KEY}\n{KEY}\n".encode()])
def test_a_key_file_that_holds_no_key_is_not_quoted(fuota, key_file, content):
    key_file.write_bytes(content)
    result = fuota(*STATUS, "--api-key-file", key_file)
    assert result.code == 2
    assert result.complaint
    assert KEY not in result.err
    assert "two words" not in result.err


@pytest.mark.parametrize(
    "command",
    [
        shlex.join([sys.executable, "-c", f"print({KEY!r}); raise SystemExit({KEY!r})"]),
        "/no/such/command",
        "",
        "unbalanced 'quote",
        shlex.join([sys.executable, "-c", "import sys; sys.stdout.buffer.write(b'\\xff')"]),
        shlex.join([sys.executable, "-c", "pass"]),
    ],
    ids=["fails", "is not there", "empty", "quote", "no text", "says nothing"],
)
def test_a_key_command_that_fails(fuota, command):
    result = fuota(*STATUS, "--server", "http://127.0.0.1:1", "--api-key-command", command)
    assert result.code == 2
    assert "key" in result.complaint
    assert KEY not in result.out + result.err


# --- where it goes


@pytest.mark.parametrize("key", [KEY, PLAIN_KEY])
@pytest.mark.parametrize(("status", "code"), [(200, 5), (400, 3), (401, 4), (403, 4), (404, 5), (500, 5)])
@pytest.mark.parametrize("as_json", [[], ["--json"]])
def test_a_key_that_a_server_repeats_is_not_repeated(  # noqa: PLR0917 - fixtures
    fuota, echoing, monkeypatch, key, status, code, as_json
):
    monkeypatch.setenv("FUOTA_API_KEY", key)
    url = echoing(status)
    for command in (STATUS, ("transfer", "cancel", "--job-id", JOB)):
        result = fuota(*command, "--server", url, *as_json)
        assert result.code == code
        assert key not in result.out + result.err
        assert key.removeprefix("AK2:") not in result.out + result.err
        assert result.complaint


def test_a_key_in_a_good_answer_is_taken_out_as_well(fuota, seen, monkeypatch):
    _, url = seen
    monkeypatch.setenv("FUOTA_API_KEY", KEY)
    for as_json in ([], ["--json"]):
        result = fuota(*STATUS, "--server", url, *as_json)
        assert result.code == 0
        assert "you said" in result.out
        assert KEY[4:] not in result.out


def test_neither_a_launch_that_fails_nor_its_journal_shows_the_key(fuota, http_server, monkeypatch, tmp_path):
    monkeypatch.setenv("FUOTA_API_KEY", KEY)

    def reply(method, path, headers, body):
        return 404 if method == "GET" else 400, {"responseMsg": f"refused {headers['authorization']}"}

    where = ("--app-eui", APP, "--tag", "north", "--region", "EU868", "--server", http_server(reply))
    result = fuota("launch", "-", *where, "--json", stdin=b"image")
    assert result.code == 3
    assert "refused" in result.complaint
    assert KEY[4:] not in result.out + result.err
    written = b"".join(path.read_bytes() for path in (tmp_path / "state").iterdir())
    assert b"refused" in written
    assert KEY[4:].encode() not in written


def test_a_key_in_the_wrong_place_is_not_quoted(fuota, monkeypatch):
    monkeypatch.setenv("FUOTA_API_KEY", KEY)
    result = fuota(*STATUS, "--server", f"https://{KEY}@api.invalid")
    assert result.code == 2
    assert KEY[4:] not in result.out + result.err
