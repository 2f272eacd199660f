"""Requests as a client shows them before they are sent: complete, without their secrets."""

from __future__ import annotations

import hashlib
import json

import pytest

from fuota.network import SenraClient
from fuota.network.senra import Callback

KEY, NEW_KEY = "AK2:0123456789abcdefghijABCDEFGHIJ0123456789", "another-key"
EUI, APP, AES = "123000000000ABC0", "AAAAAAAAAAAAAA01", "123AAAAAAAAAAAAAAAA000000000ABC0"


class NotSentError(Exception):
    pass


@pytest.fixture
def shown(server):
    requests = []

    def keep(outgoing):
        requests.append(outgoing)
        raise NotSentError

    def show(call):
        with pytest.raises(NotSentError):
            call(SenraClient(server.url, KEY, before_request=keep))
        assert server.received == []
        return requests.pop()

    return show


def test_registration_is_shown_without_secrets(shown, server):
    callback = Callback(url="https://example.com/secret-path", headers={"X-API-Key": "k"})
    row = {"dev_eui": EUI, "app_key": AES, "tags": ["a"]}
    outgoing = shown(lambda client: client.devices.register([row], token="012345", app_eui=APP, callback=callback))
    assert outgoing.method == "POST"
    assert outgoing.url == f"{server.url}/rest/integration/device/register?token=[redacted]&appEui={APP}&actType=OTAA"
    assert outgoing.headers == {"authorization": "[redacted]", "content-type": "application/json"}
    assert outgoing.body == {
        "data": [{"devEui": EUI, "appKey": "[redacted]", "tags": "a"}],
        "callback": {"url": "[redacted]", "headers": {"X-API-Key": "[redacted]"}},
    }
    assert not [secret for secret in (KEY, AES, "012345", "secret-path") if secret in repr(outgoing)]


def test_keys_of_abp_are_hidden(shown):
    row = {"dev_eui": EUI, "dev_addr": "00000001", "nwk_s_key": "A" * 32, "app_s_key": "B" * 32}
    body = shown(lambda client: client.devices.register([row], token="012345")).body
    assert body["data"] == [{"devEui": EUI, "devAddr": "00000001", "nwkSKey": "[redacted]", "appSKey": "[redacted]"}]


def test_transfer_of_devices_shows_two_hidden_keys(shown):
    arguments = {"from_app_eui": APP, "to_app_eui": "B" * 16, "contract_id": 1, "to_api_key": NEW_KEY}
    outgoing = shown(lambda client: client.devices.transfer([EUI], **arguments))
    assert dict.fromkeys(["authorization", "authorization2"], "[redacted]").items() <= outgoing.headers.items()
    assert NEW_KEY not in repr(outgoing)
    assert json.dumps(outgoing.body) == json.dumps({"data": [{"devEui": EUI}]})


def test_image_is_shown_by_name_size_and_hash(shown):
    image = b"firmware"
    start = {"app_eui": APP, "dev_tags": ["a"], "start_delay_s": 1, "redundancy": 0.5, "file_name": "app.bin"}
    outgoing = shown(lambda client: client.transfers.start(image, **start))
    assert outgoing.headers["content-type"] == "multipart/form-data"
    assert outgoing.body == {"file": f"app.bin, 8 bytes, SHA-256 {hashlib.sha256(image).hexdigest()}"}


def test_call_without_a_body(shown):
    outgoing = shown(lambda client: list(client.devices.export(app_eui=APP).records()))
    assert (outgoing.method, outgoing.body, list(outgoing.headers)) == ("GET", None, ["authorization"])


def test_hook_that_returns_does_not_stop_the_request(server):
    requests = []
    server.play({"clearedIds": [7]})
    assert SenraClient(server.url, KEY, before_request=requests.append).downlinks.clear(EUI).msg_ids == (7,)
    assert (len(requests), len(server.received)) == (1, 1)
