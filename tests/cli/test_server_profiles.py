"""Servers by name, and where their keys are."""

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
def seen(http_server):
    """What arrived, as (key, path), and the URL of the server."""
    calls = []

    def reply(method, path, headers, body):
        calls.append((headers["authorization"], path))
        return 200, {"jobId": JOB, "state": "Running", "pctDone": 5, "mcAddr": "BBBBBB01"}

    return calls, http_server(reply)


@pytest.fixture
def config(tmp_path, monkeypatch):
    """Writes config.toml."""

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
    """Puts a keyring of our own in place of the user's."""
    before = keyring.get_keyring()
    yield lambda *args, **kwargs: keyring.set_keyring(Vault(*args, **kwargs))
    keyring.set_keyring(before)


def table(url, *more, name="senra"):
    return "\n".join([f"[servers.{name}]", f'url = "{url}"', *more, ""])


# --- by name


def test_a_profile_says_how_its_server_spells_names(fuota, seen, config, monkeypatch):
    calls, url = seen
    config(table(url, 'other_spellings = "jobID, devEui"'))
    monkeypatch.setenv("FUOTA_API_KEY", KEY)
    assert fuota("transfer", "status", "--job-id", JOB, "--server", "senra").code == 0
    assert calls[0][1].endswith(f"mcastStatus?jobID={JOB}")
    config(table(url, 'other_spellings = "jobId"'))
    wrong = fuota("transfer", "status", "--job-id", JOB, "--server", "senra")
    assert (wrong.code, "one of jobID, devEui, eui, fwVersion" in wrong.complaint) == (2, True)


@pytest.mark.parametrize("by", ["option", "environment"])
def test_a_server_is_named_by_its_profile(fuota, seen, config, monkeypatch, by):
    calls, url = seen
    config(table(url) + table("https://api.invalid", name="other"))
    monkeypatch.setenv("FUOTA_API_KEY", KEY)
    if by == "environment":
        monkeypatch.setenv("FUOTA_SERVER", "senra")
    assert fuota(*STATUS, *(["--server", "senra"] if by == "option" else [])).code == 0
    assert [key for key, _ in calls] == [KEY]


def test_the_application_of_the_profile_is_meant_where_none_is_named(fuota, seen, config):
    calls, url = seen
    config(table(url, f'app_eui = "{APP}"'))
    where = ("--server", "senra")
    assert fuota("transfer", "status", *where).code == 0
    assert fuota("group", "status", "BBBBBB01", *where).code == 0
    assert fuota("transfer", "status", "--app-eui", "AAAAAAAAAAAAAA02", *where).code == 0
    assert fuota("transfer", "status", "--job-id", JOB, *where).code == 0
    paths = [path for _, path in calls]
    assert [APP in path for path in paths] == [True, True, False, True]
    assert "appEui" not in paths[3]


def test_an_application_and_a_job_both_given_are_refused_as_ever(fuota, seen, config):
    config(table(seen[1], f'app_eui = "{APP}"'))
    assert fuota(*STATUS, "--job-id", JOB, "--server", "senra").code == 2


@pytest.mark.parametrize(("name", "told"), [("senr", "servers there: senra"), ("api.senraco.io", "neither a URL")])
def test_a_name_that_is_no_profile_is_told_with_those_that_are(fuota, config, name, told):
    path = config(table("https://api.invalid"))
    result = fuota(*STATUS, "--server", name)
    assert (result.code, told in result.complaint, str(path) in result.complaint) == (2, True, True)


def test_a_key_given_for_a_server_is_not_quoted(fuota):
    result = fuota(*STATUS, "--server", KEY)
    assert (result.code, KEY[4:] in result.err) == (2, False)


def test_without_a_server_it_is_the_sandbox_still(fuota, config, seen):
    calls, url = seen
    config(table(url, f'app_eui = "{APP}"'))
    fuota(*STATUS)
    assert calls == []


# --- its key


def printing(text):
    return shlex.join([sys.executable, "-c", f"print({text!r})"])


@pytest.mark.parametrize("kind", ["env", "file", "command", "keyring"])
def test_the_key_comes_from_where_the_profile_says_and_before_the_environment(  # noqa: PLR0917 - fixtures
    fuota, seen, config, monkeypatch, tmp_path, vault, kind
):
    calls, url = seen
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


def test_what_is_named_on_the_command_line_goes_before_the_profile(fuota, seen, config):
    calls, url = seen
    config(table(url, 'api_key_env = "NOT_SET"'))
    assert fuota(*STATUS, "--server", "senra", "--api-key-command", printing(KEY)).code == 0
    assert [key for key, _ in calls] == [KEY]


def test_a_url_that_only_one_profile_has_brings_its_key(fuota, seen, config, monkeypatch):
    calls, url = seen
    monkeypatch.setenv("OUR_KEY", KEY)
    one = table(url, 'api_key_env = "OUR_KEY"')
    config(one)
    assert fuota(*STATUS, "--server", f"{url}/").code == 0
    config(one + table(url, 'api_key_env = "OTHER"', name="again"))
    assert fuota(*STATUS, "--server", url).code == 0
    assert [key == KEY for key, _ in calls] == [True, False]


@pytest.mark.parametrize(
    ("place", "code", "told"),
    [
        ('api_key_env = "NOT_SET"', 4, "environment variable NOT_SET is not set"),
        ('api_key_file = "none"', 2, "cannot be read: No such file"),
        ('api_key_file = "open"', 2, "must have mode 0600"),
        ('api_key_command = "/no/such/command"', 2, "the key command failed"),
        ('api_key_keyring = "you"', 4, "run `keyring set fuota you`"),
    ],
)
def test_a_key_that_is_not_there_is_told(  # noqa: PLR0917 - fixtures
    fuota, seen, config, tmp_path, vault, place, code, told
):
    (tmp_path / "open").write_text(KEY)
    (tmp_path / "open").chmod(0o644)
    vault({("fuota", "me"): KEY})
    config(table(seen[1], place))
    result = fuota(*STATUS, "--server", "senra")
    assert (result.code, told in result.complaint) == (code, True)
    assert KEY not in result.err
    assert seen[0] == []


def test_a_keyring_that_is_locked_is_told_without_its_words(fuota, seen, config, vault):
    vault(locked=True)
    config(table(seen[1], 'api_key_keyring = "me"'))
    result = fuota(*STATUS, "--server", "senra")
    assert (result.code, "KeyringLocked" in result.complaint, KEY in result.err) == (2, True, False)


def test_without_the_package_it_is_told_how_to_get_it(fuota, seen, config, monkeypatch):
    monkeypatch.setitem(sys.modules, "keyring", None)
    config(table(seen[1], 'api_key_keyring = "me"'))
    assert "pip install 'fuota[keyring]'" in fuota(*STATUS, "--server", "senra").complaint


# --- the file


@pytest.mark.parametrize(
    ("text", "told"),
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
def test_a_file_that_cannot_be_meant_is_told(fuota, config, text, told):
    config(text)
    result = fuota(*STATUS, "--server", "senra")
    assert (result.code, told in result.complaint) == (2, True), result.complaint
    assert KEY not in result.err


def test_a_file_that_is_named_must_be_there_and_the_users_own_need_not(fuota, monkeypatch, tmp_path, seen):
    monkeypatch.setenv("FUOTA_CONFIG", str(tmp_path / "none.toml"))
    assert "none.toml cannot be read" in fuota(*STATUS, "--server", "senra").complaint
    monkeypatch.delenv("FUOTA_CONFIG")
    monkeypatch.setenv("XDG_CONFIG_HOME", str(tmp_path))
    assert fuota(*STATUS, "--server", seen[1]).code == 0
    (tmp_path / "fuota").mkdir()
    (tmp_path / "fuota" / "config.toml").write_text(table(seen[1]))
    assert fuota(*STATUS, "--server", "senra").code == 0
