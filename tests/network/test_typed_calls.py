"""Calls with wrong names or kinds of parameters: they raise our error, send nothing and show no secret."""

from __future__ import annotations

import inspect

import pytest

from fuota.errors import ParameterError
from fuota.network import SenraClient, TransferRequest

KEY = "AK2:0123456789abcdefghijABCDEFGHIJ0123456789"
APP = EUI = "AAAAAAAAAAAAAA01"
SECRET = "s3cret-word"


@pytest.fixture
def client(server):
    return SenraClient(server.url, KEY)


@pytest.mark.parametrize(
    ("call", "words"),
    [
        (
            lambda client: client.transfers.start(b"x", app_eui=APP, redundancy=0.5, start_dely_s=5),
            "no parameter 'start_dely_s' .*'start_delay_s'",
        ),
        (
            lambda client: client.transfers.start(b"x", app_eui=APP, redundancy=0.5, start_delay_s="soon"),
            "start_delay_s must be a whole number, got 'soon'",
        ),
        (lambda client: client.transfers.start(b"x", app_eui=5, redundancy=0.5), "app_eui must be a text, got 5"),
        (lambda client: client.transfers.start(b"x", app_eui=APP), "redundancy"),
        (lambda client: client.transfers.start("x", app_eui=APP, redundancy=0.5), "image must be bytes"),
        (lambda client: client.transfers.send(b"x", b"x"), "request must be a TransferRequest"),
        (lambda client: client.transfers.status(job=5), "status has no parameter 'job'"),
        (lambda client: client.multicast.setup(5), "app_eui must be a text, got 5"),
        (lambda client: client.multicast.setup(APP, dev_euis=5), "dev_euis must be a list of texts, got 5"),
        (lambda client: client.devices.activate([EUI], ap_eui=APP), "no parameter 'ap_eui' .*'app_eui'"),
        (lambda client: client.devices.bulk(chunk=5), "bulk has no parameter 'chunk'"),
        (lambda client: client.downlinks.send(EUI, "00", prt=3), "no parameter 'prt' .*'port'"),
        (lambda client: client.downlinks.send_each(5), "messages must be a list"),
        (lambda client: client.downlinks.send_each(["x"]), "row 1: give a mapping"),
        (lambda client: client.downlinks.clear_each(5), "dev_euis must be a list of texts"),
    ],
)
def test_wrong_name_or_kind_raises_and_sends_nothing(server, client, call, words):
    with pytest.raises(ParameterError, match=words):
        call(client)
    assert server.received == []


@pytest.mark.parametrize(
    "call",
    [
        lambda client: SenraClient("https://api.senraco.io", SECRET.encode()),
        lambda client: SenraClient(f"https://{SECRET}@api.senraco.io".encode(), KEY),
        lambda client: client.devices.register([EUI], token=SECRET.encode()),
        lambda client: client.devices.register([EUI], token="123456", callback={"url": f"https://{SECRET}"}),
        lambda client: client.devices.transfer(
            [EUI], from_app_eui=APP, to_app_eui="B" * 16, contract_id=1, to_api_key=SECRET.encode()
        ),
    ],
)
def test_value_of_a_wrong_kind_shows_no_secret(client, call):
    with pytest.raises(ParameterError, match="got a value of type") as caught:
        call(client)
    assert SECRET not in str(caught.value)


def test_start_has_every_field_of_the_request(client):
    start = inspect.signature(client.transfers.start).parameters
    request = inspect.signature(TransferRequest).parameters
    assert {name: start[name].default for name in list(start)[1:]} == {name: request[name].default for name in request}


def test_defaults_of_start_are_valid(server, client):
    server.play({"jobId": "job"})
    client.transfers.start(b"x", app_eui=APP, redundancy=0.5, dev_tags=["a"])
    assert server.received[0].query["startDelaySecs"] == "300"
