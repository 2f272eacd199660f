"""Sources of the API key, and that it is sent in its header and appears nowhere else."""

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
def received(http_server):
    """Keys that arrived, and the URL of the server, which repeats key and path in its answer."""
    keys = []

    def reply(method, path, headers, body):
        keys.append(headers["authorization"])
        echo = f"you said {headers['authorization']} and {path}"
        return 200, {"jobId": JOB, "state": "Running", "pctDone": 5, "result": echo}

    return keys, http_server(reply)


@pytest.fixture
def echoing(http_server):
    """Function that starts a server, which repeats the key in an answer with a given status."""

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


# --- sources of the key


def test_key_is_read_from_a_file_of_its_owner(fuota, received, key_file):
    keys, url = received
    assert fuota(*STATUS, "--server", url, "--api-key-file", key_file).code == 0
    assert keys == [KEY]


def test_key_is_read_from_a_command(fuota, received):
    keys, url = received
    assert fuota(*STATUS, "--server", url, "--api-key-command", printing(KEY)).code == 0
    assert keys == [KEY]


def test_key_is_read_from_the_environment(fuota, received, monkeypatch):
    keys, url = received
    monkeypatch.setenv("FUOTA_API_KEY", f" {KEY}\n")
    assert fuota(*STATUS, "--server", url).code == 0
    assert keys == [KEY]


def test_source_on_the_command_line_takes_precedence_over_the_environment(fuota, received, monkeypatch, key_file):
    keys, url = received
    monkeypatch.setenv("FUOTA_API_KEY", "AK2:another")
    assert fuota(*STATUS, "--server", url, "--api-key-file", key_file).code == 0
    assert fuota(*STATUS, "--server", url, "--api-key-command", printing(KEY)).code == 0
    assert keys == [KEY, KEY]


def test_server_is_read_from_the_environment(fuota, received, monkeypatch):
    keys, url = received
    monkeypatch.setenv("FUOTA_SERVER", url)
    monkeypatch.setenv("FUOTA_API_KEY", KEY)
    assert fuota(*STATUS).code == 0
    assert keys == [KEY]


def test_no_command_takes_the_key_as_an_argument(fuota):
    result = fuota(*STATUS, "--api-key", KEY)
    assert result.code == 2
    assert KEY not in result.out + result.err


# --- sources that are refused


@pytest.mark.parametrize("mode", [0o644, 0o640, 0o604, 0o660, 0o601])
def test_key_file_that_others_can_access_is_refused(fuota, received, key_file, mode):
    keys, url = received
    key_file.chmod(mode)
    result = fuota(*STATUS, "--server", url, "--api-key-file", key_file, "--json")
    assert (result.code, result.event("error")["code"]) == (2, 2)
    assert f"got {mode:04o}" in result.complaint
    assert f"chmod 600 {key_file}" in result.complaint
    assert keys == []
    assert KEY not in result.out + result.err


def test_missing_key_file_is_reported(fuota, tmp_path):
    result = fuota(*STATUS, "--api-key-file", tmp_path / "none")
    assert result.code == 2
    assert f"the key file {tmp_path / 'none'} cannot be read: No such file or directory" in result.complaint


@pytest.mark.parametrize("content", [b"", b"\n", b"two words\n", b"\xff\xfe\x00", f"{KEY}\n{KEY}\n".encode()])
def test_content_of_an_invalid_key_file_is_not_shown(fuota, key_file, content):
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
def test_failing_key_command_is_reported_without_the_key(fuota, command):
    result = fuota(*STATUS, "--server", "http://127.0.0.1:1", "--api-key-command", command)
    assert result.code == 2
    assert "key" in result.complaint
    assert KEY not in result.out + result.err


# --- the key in answers and files


@pytest.mark.parametrize("key", [KEY, PLAIN_KEY])
@pytest.mark.parametrize(("status", "code"), [(200, 5), (400, 3), (401, 4), (403, 4), (404, 5), (500, 5)])
@pytest.mark.parametrize("as_json", [[], ["--json"]])
def test_key_that_a_server_repeats_is_not_shown(  # noqa: PLR0917 - fixtures
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


def test_key_in_a_successful_answer_is_removed(fuota, received, monkeypatch):
    _, url = received
    monkeypatch.setenv("FUOTA_API_KEY", KEY)
    for as_json in ([], ["--json"]):
        result = fuota(*STATUS, "--server", url, *as_json)
        assert result.code == 0
        assert "you said" in result.out
        assert KEY[4:] not in result.out


def test_failed_launch_and_its_journal_do_not_contain_the_key(fuota, http_server, monkeypatch, tmp_path):
    monkeypatch.setenv("FUOTA_API_KEY", KEY)

    def reply(method, path, headers, body):
        return 404 if method == "GET" else 400, {"responseMsg": f"refused {headers['authorization']}"}

    where = ("--app-eui", APP, "--tag", "north", "--region", "EU868", "--server", http_server(reply))
    result = fuota("launch", "-", *where, "-s", 6, "-r", 0.5, "--json", stdin=b"image\0" * 20)
    assert result.code == 3
    assert "refused" in result.complaint
    assert KEY[4:] not in result.out + result.err
    written = b"".join(path.read_bytes() for path in (tmp_path / "state").iterdir())
    assert b"refused" in written
    assert KEY[4:].encode() not in written


def test_key_in_the_url_is_not_shown(fuota, monkeypatch):
    monkeypatch.setenv("FUOTA_API_KEY", KEY)
    result = fuota(*STATUS, "--server", f"https://{KEY}@api.invalid")
    assert result.code == 2
    assert KEY[4:] not in result.out + result.err
