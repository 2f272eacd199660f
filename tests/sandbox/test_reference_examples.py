"""Every curl example of the reference, its host replaced and its placeholders filled, over real HTTP."""

from __future__ import annotations

import csv
import io
import json
import re
import shlex
from pathlib import Path
from urllib.parse import urlsplit

import pytest
import requests

VECTORS = Path(__file__).parents[1] / "vectors" / "senra_examples.json"
EXAMPLES = json.loads(VECTORS.read_text())["examples"]
APP, OLD, NEW = "AAAAAAAAAAAAAA01", "A1A1A1A1A1A1A1A1", "A2A2A2A2A2A2A2A2"
PUMPS = ("0A00000012000001", "0A00000012000002")
SENSORS = ("123000000000ABC0", "123000000000ABC1")
MEMBERS = ("DEDEDEDEDEDEDE00", "DEDEDEDEDEDEDE01")
LATER_MEMBERS = ("DEDEDEDEDEDEDD03", "DEDEDEDEDEDEDD04")
DATE = r"\d\d/\d\d/\d{4} (0\d|1[01]):\d\d:\d\d [AP]M UTC"


class Example:
    """A curl command against a world of its own. `mc_addr`: in place of the example's BBBBBB01."""

    def __init__(self, world):
        self.one, self.mc_addr = world, "BBBBBB01"

    def registered(self, euis, app_eui=APP):
        rows = [{"devEui": eui, "appKey": f"{n:032X}"} for n, eui in enumerate(euis, 1)]
        place = {"token": self.one.service.token(), "appEui": app_eui}
        self.one.onboard("register", place, *rows, key=self.one.key(app_eui=app_eui))

    def joined(self, euis):
        self.registered(euis)
        self.one.onboard("activate", {"appEui": APP}, *({"devEui": eui} for eui in euis))
        records = [self.one.server.directory.devices[eui] for eui in euis]
        self.one.clock.run_until(lambda: all(record.state == "JOINED" for record in records))

    def run(self, curl):
        """The command's request, sent as curl would send it."""
        words = shlex.split(self.filled(curl))[1:]
        headers, method, url, body, files = {}, None, None, None, None
        while words:
            match word := words.pop(0):
                case "-H":
                    name, _, value = words.pop(0).partition(": ")
                    headers[name] = value
                case "-X":
                    method = words.pop(0)
                case "-d":
                    body = words.pop(0)
                case "-F":
                    name, _, path = words.pop(0).partition("=@")
                    files = {name: (path, bytes(960))}
                case "--insecure":
                    pass
                case ">":
                    words.pop(0)
                case _:
                    url = word
        method = method or ("GET" if body is None and files is None else "POST")
        with requests.Session() as session:
            session.trust_env = False
            target = self.one.url + url.removeprefix(f"https://{urlsplit(url).netloc}")
            return session.request(method, target, headers=headers, data=body, files=files, timeout=10)

    def filled(self, curl):
        key = {app_eui: self.one.key(app_eui=app_eui) for app_eui in (OLD, NEW)}
        curl = curl.replace("<CUR_APP_API_KEY>", key[OLD]).replace("<NEW_APP_API_KEY>", key[NEW])
        for placeholder, value in {
            "<API_KEY>": self.one.api_key,
            "AK2:APIKEY": self.one.api_key,
            "<contract>": "20",
            "<devProfile>": "3",
            "BBBBBB01": self.mc_addr,
        }.items():
            curl = curl.replace(placeholder, value)
        return curl.replace("<token>", self.one.service.token()) if "<token>" in curl else curl


@pytest.fixture
def example(make_world):
    return Example(make_world(app_euis=(APP, OLD, NEW), region="US915", devices=1))


# --- what must be there before an example can be answered as shown


def a_queued_downlink(example):
    example.registered(["AAAAAAAAAAAAAAAA"])
    assert example.one.client.downlinks.send("AAAAAAAAAAAAAAAA", b"").msg_id == 1


def an_address(example):
    row = {"devEui": "12FFFFFF12FFFFFF", "devAddr": "12FFFFFF", "nwkSKey": "1" * 32, "appSKey": "2" * 32}
    example.one.onboard("register", {"token": example.one.service.token(), "actType": "ABP"}, row)


def a_task_with_an_error(example):
    assert example.one.onboard("activate", None, {"devEui": "1230000000000ABC"})["stats"]["errors"] == 1


def a_job(example):
    example.joined(SENSORS)
    example.one.started(devTags="", devEuis=",".join(SENSORS), startDelaySecs=3600)


def a_group(example):
    example.joined((*MEMBERS, *LATER_MEMBERS))
    setup = example.one.client.multicast.setup
    group = setup(APP, dev_euis=MEMBERS, tx_channel=7, tx_data_rate=13, mcast_type="D2D")
    example.mc_addr = group.mc_addr


def a_group_of_four(example):
    a_group(example)
    add = example.one.client.multicast.add_devices
    add(APP, example.mc_addr, dev_euis=LATER_MEMBERS, mcast_type="D2D")


BEFORE = {
    "device/sendmsg": lambda example: example.registered(["AAAAAAAAAAAAAAAA"]),
    "device/sendmcastmsg": an_address,
    "device/clearmsgs": a_queued_downlink,
    "device/activate": lambda example: example.registered(PUMPS),
    "device/activateOne": lambda example: example.registered(PUMPS),
    "device/deactivate": lambda example: example.joined(PUMPS),
    "device/update": lambda example: example.joined(SENSORS),
    "device/csvExport": lambda example: example.joined(SENSORS),
    "device/transfer": lambda example: example.registered(PUMPS, OLD),
    "device/status": a_task_with_an_error,
    "mcastTransfer": lambda example: example.joined(SENSORS),
    "mcastCancel": a_job,
    "mcastStatus": a_job,
    "mcast/setup": lambda example: example.joined(MEMBERS),
    "mcast/addDevices": a_group,
    "mcast/removeDevices": a_group_of_four,
    "mcast/status": a_group,
    "mcast/sendmsg": a_group,
    "mcast/delete": a_group,
}


def shape(value):
    """The members of a JSON value by name, and what type each is of; a list is what its first element is."""
    if isinstance(value, dict):
        return {name: shape(member) for name, member in value.items()}
    if isinstance(value, list):
        return [shape(one) for one in value[:1]]
    return type(value)


def as_json(printed):
    return json.loads(re.sub(r"\[0+(?=\d)", "[", printed))


def named(example):
    return f"{example['call']} {'ABP' if 'ABP' in example['curl'] else ''}".strip()


JSON_EXAMPLES = [example for example in EXAMPLES if example["call"] != "device/csvExport"]


def test_the_examples_are_of_all_twenty_calls():
    assert len(EXAMPLES) == 24
    assert len({example["call"] for example in EXAMPLES}) == 20


@pytest.mark.parametrize("shown", JSON_EXAMPLES, ids=named)
def test_an_example_is_answered_in_the_shape_and_types_that_it_shows(example, shown):
    BEFORE.get(shown["call"], lambda example: None)(example)
    answer = example.run(shown["curl"])
    assert answer.status_code == 200, answer.text
    assert answer.headers["content-type"] == "application/json"
    expected = as_json(shown["answer"])
    assert shape(answer.json()) == shape(expected)
    for name in ("message", "state", "clearedIds", "devClass", "dr", "freq", "durationSecs", "maxFCnt", "mcastType"):
        if name in expected and shown["call"] != "mcastStatus":
            assert answer.json()[name] == expected[name]
    if "statusUrl" in expected:
        assert answer.json()["statusUrl"] == example.one.url + expected["statusUrl"].removeprefix(
            "https://api.senraco.io"
        )


def test_the_status_example_is_answered_to_the_letter(example):
    """But for the join server, which the example does not have as its own application is."""
    shown = next(example for example in EXAMPLES if example["call"] == "device/status")
    a_task_with_an_error(example)
    assert example.run(shown["curl"]).json() == as_json(shown["answer"])


@pytest.mark.parametrize("shown", [one for one in EXAMPLES if one["call"] == "device/csvExport"])
def test_an_export_has_the_columns_and_cells_that_the_example_shows(example, shown):
    BEFORE["device/csvExport"](example)
    answer = example.run(shown["curl"].replace("contractId=2&", "contractId=1&"))
    assert answer.status_code == 200, answer.text
    assert answer.headers["content-type"] == "text/csv; charset=utf-8"
    heading, *rows = csv.reader(io.StringIO(answer.text))
    shown_heading, *shown_rows = csv.reader(io.StringIO(shown["answer"]))
    assert heading == shown_heading
    found = {row[0]: row for row in rows}
    assert set(SENSORS) <= set(found)
    kinds = (r"[0-9A-F]{16}", r"\d+", r".*", "REGISTERED|ACTIVATED|JOINED|DEACTIVATED")
    patterns = [*kinds, *[f"({DATE})?"] * 4, *[r"(\d+)?"] * (len(heading) - 8)]
    for row in [*rows, *shown_rows]:
        assert all(re.fullmatch(pattern, cell) for pattern, cell in zip(patterns, row, strict=True)), row
    assert found[SENSORS[0]][4] != ""
    assert found[SENSORS[0]][5] != ""
