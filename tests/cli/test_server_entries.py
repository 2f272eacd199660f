"""Server entries of config.toml, and the sources of their keys."""

from __future__ import annotations

import shlex
import sys

import keyring
import pytest
from keyring.backend import KeyringBackend
from keyring.errors import KeyringLocked

KEY = "AK2:zyxwvutsrqponmlkjihgfedcba9876543210ZYXW"
APP = "AAAAAAAAAAAAAA01"
JOB = f"MCastXferJobReq:{APP}"
STATUS = ("transfer", "status", "--app-eui", APP)


@pytest.fixture
def requests(http_server):
    """Requests that arrived, as (key, path), and the URL of the server."""
    calls = []

    def reply(method, path, headers, body):
        calls.append((headers["authorization"], path))
        return 200, {"jobId": JOB, "state": "Running", "pctDone": 5, "mcAddr": "BBBBBB01"}

    return calls, http_server(reply)


@pytest.fixture
def config(tmp_path, monkeypatch):
    """Function that writes config.toml."""

    def write(text):
        path = tmp_path / "config.toml"
        path.write_text(text)
        monkeypatch.setenv("FUOTA_CONFIG", str(path))
        return path

    return write


class Vault(KeyringBackend):
    priority = 1

    def __init__(self, entries=(), *, locked=False):
        super().__init__()
        self.entries, self.locked = dict(entries), locked

    def get_password(self, service, username):
        if self.locked:
            raise KeyringLocked(KEY)
        return self.entries.get((service, username))

    def set_password(self, service, username, password):
        raise NotImplementedError


@pytest.fixture
def vault():
    """Function that replaces the user's keyring."""
    before = keyring.get_keyring()
    yield lambda *args, **kwargs: keyring.set_keyring(Vault(*args, **kwargs))
    keyring.set_keyring(before)


def table(url, *more, name="senra"):
    return "\n".join([f"[servers.{name}]", f'url = "{url}"', *more, ""])


# --- the server by its name


def test_entry_chooses_the_spellings_of_its_server(fuota, requests, config, monkeypatch):
    calls, url = requests
    config(table(url, 'other_spellings = "jobID, devEui"'))
    monkeypatch.setenv("FUOTA_API_KEY", KEY)
    assert fuota("transfer", "status", "--job-id", JOB, "--server", "senra").code == 0
    assert calls[0][1].endswith(f"mcastStatus?jobID={JOB}")
    config(table(url, 'other_spellings = "jobId"'))
    wrong = fuota("transfer", "status", "--job-id", JOB, "--server", "senra")
    assert (wrong.code, "one of jobID, devEui, eui, fwVersion" in wrong.complaint) == (2, True)


@pytest.mark.parametrize("by", ["option", "environment"])
def test_server_is_named_by_its_entry(fuota, requests, config, monkeypatch, by):
    calls, url = requests
    config(table(url) + table("https://api.invalid", name="other"))
    monkeypatch.setenv("FUOTA_API_KEY", KEY)
    if by == "environment":
        monkeypatch.setenv("FUOTA_SERVER", "senra")
    assert fuota(*STATUS, *(["--server", "senra"] if by == "option" else [])).code == 0
    assert [key for key, _ in calls] == [KEY]


def test_application_of_the_entry_is_the_default(fuota, requests, config):
    calls, url = requests
    config(table(url, f'app_eui = "{APP}"'))
    where = ("--server", "senra")
    assert fuota("transfer", "status", *where).code == 0
    assert fuota("group", "status", "BBBBBB01", *where).code == 0
    assert fuota("transfer", "status", "--app-eui", "AAAAAAAAAAAAAA02", *where).code == 0
    assert fuota("transfer", "status", "--job-id", JOB, *where).code == 0
    paths = [path for _, path in calls]
    assert [APP in path for path in paths] == [True, True, False, True]
    assert "appEui" not in paths[3]


def test_application_and_job_together_are_refused(fuota, requests, config):
    config(table(requests[1], f'app_eui = "{APP}"'))
    assert fuota(*STATUS, "--job-id", JOB, "--server", "senra").code == 2


@pytest.mark.parametrize(("name", "words"), [("senr", "servers there: senra"), ("api.senraco.io", "neither a URL")])
def test_unknown_name_is_refused_with_the_names_of_the_entries(fuota, config, name, words):
    path = config(table("https://api.invalid"))
    result = fuota(*STATUS, "--server", name)
    assert (result.code, words in result.complaint, str(path) in result.complaint) == (2, True, True)


def test_key_instead_of_a_server_is_not_shown(fuota):
    result = fuota(*STATUS, "--server", KEY)
    assert (result.code, KEY[4:] in result.err) == (2, False)


def test_default_server_is_the_sandbox(fuota, config, requests):
    calls, url = requests
    config(table(url, f'app_eui = "{APP}"'))
    fuota(*STATUS)
    assert calls == []


# --- its key


def printing(text):
    return shlex.join([sys.executable, "-c", f"print({text!r})"])


@pytest.mark.parametrize("kind", ["env", "file", "command", "keyring"])
def test_source_of_the_entry_takes_precedence_over_the_environment(  # noqa: PLR0917 - fixtures
    fuota, requests, config, monkeypatch, tmp_path, vault, kind
):
    calls, url = requests
    (tmp_path / "key").write_text(f"{KEY}\n")
    (tmp_path / "key").chmod(0o600)
    monkeypatch.setenv("OUR_KEY", KEY)
    monkeypatch.setenv("FUOTA_API_KEY", "AK2:another")
    vault({("fuota", "me"): KEY})
    places = {"env": "OUR_KEY", "file": "key", "command": printing(KEY), "keyring": "me"}
    config(table(url, f"api_key_{kind} = '''{places[kind]}'''"))
    result = fuota(*STATUS, "--server", "senra", "--json")
    assert result.code == 0
    assert [key for key, _ in calls] == [KEY]
    assert KEY not in result.out + result.err


def test_source_on_the_command_line_takes_precedence_over_the_entry(fuota, requests, config):
    calls, url = requests
    config(table(url, 'api_key_env = "NOT_SET"'))
    assert fuota(*STATUS, "--server", "senra", "--api-key-command", printing(KEY)).code == 0
    assert [key for key, _ in calls] == [KEY]


def test_url_of_a_single_entry_uses_its_key(fuota, requests, config, monkeypatch):
    calls, url = requests
    monkeypatch.setenv("OUR_KEY", KEY)
    entry = table(url, 'api_key_env = "OUR_KEY"')
    config(entry)
    assert fuota(*STATUS, "--server", f"{url}/").code == 0
    config(entry + table(url, 'api_key_env = "OTHER"', name="again"))
    assert fuota(*STATUS, "--server", url).code == 0
    assert [key == KEY for key, _ in calls] == [True, False]


@pytest.mark.parametrize(
    ("place", "code", "words"),
    [
        ('api_key_env = "NOT_SET"', 4, "environment variable NOT_SET is not set"),
        ('api_key_file = "none"', 2, "cannot be read: No such file"),
        ('api_key_file = "open"', 2, "must have mode 0600"),
        ('api_key_command = "/no/such/command"', 2, "the key command failed"),
        ('api_key_keyring = "you"', 4, "run `keyring set fuota you`"),
    ],
)
def test_missing_key_is_reported_with_its_source(  # noqa: PLR0917 - fixtures
    fuota, requests, config, tmp_path, vault, place, code, words
):
    (tmp_path / "open").write_text(KEY)
    (tmp_path / "open").chmod(0o644)
    vault({("fuota", "me"): KEY})
    config(table(requests[1], place))
    result = fuota(*STATUS, "--server", "senra")
    assert (result.code, words in result.complaint) == (code, True)
    assert KEY not in result.err
    assert requests[0] == []


def test_locked_keyring_is_reported_without_its_message(fuota, requests, config, vault):
    vault(locked=True)
    config(table(requests[1], 'api_key_keyring = "me"'))
    result = fuota(*STATUS, "--server", "senra")
    assert (result.code, "KeyringLocked" in result.complaint, KEY in result.err) == (2, True, False)


def test_missing_keyring_package_is_reported_with_the_install_command(fuota, requests, config, monkeypatch):
    monkeypatch.setitem(sys.modules, "keyring", None)
    config(table(requests[1], 'api_key_keyring = "me"'))
    assert "pip install 'fuota[keyring]'" in fuota(*STATUS, "--server", "senra").complaint


# --- the file


@pytest.mark.parametrize(
    ("text", "words"),
    [
        ("servers = 1", "must be a table: write [servers.NAME]"),
        ("[server.x]\nurl='https://a.b'", "has 'server'"),
        ("[servers]\nsenra = 'https://a.b'", "[servers.senra]"),
        ("[servers.senra]", "has no url"),
        ("[servers.senra]\nurl = 7", "url of [servers.senra]"),
        ("[servers.senra]\nurl = ''", "must be a text that is not empty"),
        ("[servers.senra]\nurl = 'https://a.b'\napp_ui = 'x'", "has an unknown key 'app_ui'"),
        (f"[servers.senra]\nurl = 'https://a.b'\napi_key = '{KEY}'", "the file must not contain keys"),
        ("[servers.senra]\nurl = 'https://a.b'\napi_key_env='A'\napi_key_file='B'", "give one source of the key"),
        ("[servers.senra", "is not valid TOML"),
    ],
)
def test_invalid_file_is_reported_without_keys(fuota, config, text, words):
    config(text)
    result = fuota(*STATUS, "--server", "senra")
    assert (result.code, words in result.complaint) == (2, True), result.complaint
    assert KEY not in result.err


def test_file_of_the_variable_must_exist_and_the_default_file_need_not(fuota, monkeypatch, tmp_path, requests):
    monkeypatch.setenv("FUOTA_CONFIG", str(tmp_path / "none.toml"))
    assert "none.toml cannot be read" in fuota(*STATUS, "--server", "senra").complaint
    monkeypatch.delenv("FUOTA_CONFIG")
    monkeypatch.setenv("XDG_CONFIG_HOME", str(tmp_path))
    assert fuota(*STATUS, "--server", requests[1]).code == 0
    (tmp_path / "fuota").mkdir()
    (tmp_path / "fuota" / "config.toml").write_text(table(requests[1]))
    assert fuota(*STATUS, "--server", "senra").code == 0
