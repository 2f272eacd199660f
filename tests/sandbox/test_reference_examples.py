"""Every curl example of the reference over real HTTP, with another host and with its placeholders filled."""

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
    """A curl command for a separate world. mc_addr: replaces the address BBBBBB01 of the examples."""

    def __init__(self, world):
        self.world, self.mc_addr = world, "BBBBBB01"

    def register(self, euis, app_eui=APP):
        rows = [{"devEui": eui, "appKey": f"{n:032X}"} for n, eui in enumerate(euis, 1)]
        query = {"token": self.world.service.token(), "appEui": app_eui}
        self.world.onboard("register", query, *rows, key=self.world.key(app_eui=app_eui))

    def join(self, euis):
        self.register(euis)
        self.world.onboard("activate", {"appEui": APP}, *({"devEui": eui} for eui in euis))
        records = [self.world.server.directory.devices[eui] for eui in euis]
        self.world.clock.run_until(lambda: all(record.state == "JOINED" for record in records))

    def run(self, curl):
        """Send the request of the command as curl would send it. Return the answer."""
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
            target = self.world.url + url.removeprefix(f"https://{urlsplit(url).netloc}")
            return session.request(method, target, headers=headers, data=body, files=files, timeout=10)

    def filled(self, curl):
        key = {app_eui: self.world.key(app_eui=app_eui) for app_eui in (OLD, NEW)}
        curl = curl.replace("<CUR_APP_API_KEY>", key[OLD]).replace("<NEW_APP_API_KEY>", key[NEW])
        for placeholder, value in {
            "<API_KEY>": self.world.api_key,
            "AK2:APIKEY": self.world.api_key,
            "<contract>": "20",
            "<devProfile>": "3",
            "BBBBBB01": self.mc_addr,
        }.items():
            curl = curl.replace(placeholder, value)
        return curl.replace("<token>", self.world.service.token()) if "<token>" in curl else curl


@pytest.fixture
def example(make_world):
    return Example(make_world(app_euis=(APP, OLD, NEW), region="US915", devices=1))


# --- objects that an example needs


def a_queued_downlink(example):
    example.register(["AAAAAAAAAAAAAAAA"])
    assert example.world.client.downlinks.send("AAAAAAAAAAAAAAAA", b"").msg_id == 1


def an_address(example):
    row = {"devEui": "12FFFFFF12FFFFFF", "devAddr": "12FFFFFF", "nwkSKey": "1" * 32, "appSKey": "2" * 32}
    example.world.onboard("register", {"token": example.world.service.token(), "actType": "ABP"}, row)


def a_task_with_an_error(example):
    assert example.world.onboard("activate", None, {"devEui": "1230000000000ABC"})["stats"]["errors"] == 1


def a_job(example):
    example.join(SENSORS)
    example.world.start(devTags="", devEuis=",".join(SENSORS), startDelaySecs=3600)


def a_group(example):
    example.join((*MEMBERS, *LATER_MEMBERS))
    setup = example.world.client.multicast.setup
    group = setup(APP, dev_euis=MEMBERS, tx_channel=7, tx_data_rate=13, mcast_type="D2D")
    example.mc_addr = group.mc_addr


def a_group_of_four(example):
    a_group(example)
    add = example.world.client.multicast.add_devices
    add(APP, example.mc_addr, dev_euis=LATER_MEMBERS, mcast_type="D2D")


BEFORE = {
    "device/sendmsg": lambda example: example.register(["AAAAAAAAAAAAAAAA"]),
    "device/sendmcastmsg": an_address,
    "device/clearmsgs": a_queued_downlink,
    "device/activate": lambda example: example.register(PUMPS),
    "device/activateOne": lambda example: example.register(PUMPS),
    "device/deactivate": lambda example: example.join(PUMPS),
    "device/update": lambda example: example.join(SENSORS),
    "device/csvExport": lambda example: example.join(SENSORS),
    "device/transfer": lambda example: example.register(PUMPS, OLD),
    "device/status": a_task_with_an_error,
    "mcastTransfer": lambda example: example.join(SENSORS),
    "mcastCancel": a_job,
    "mcastStatus": a_job,
    "mcast/setup": lambda example: example.join(MEMBERS),
    "mcast/addDevices": a_group,
    "mcast/removeDevices": a_group_of_four,
    "mcast/status": a_group,
    "mcast/sendmsg": a_group,
    "mcast/delete": a_group,
}


def shape(value):
    """Return the members of a JSON value with their types. A list has the shape of its first element."""
    if isinstance(value, dict):
        return {name: shape(member) for name, member in value.items()}
    if isinstance(value, list):
        return [shape(element) for element in value[:1]]
    return type(value)


def as_json(printed):
    return json.loads(re.sub(r"\[0+(?=\d)", "[", printed))


def named(example):
    return f"{example['call']} {'ABP' if 'ABP' in example['curl'] else ''}".strip()


JSON_EXAMPLES = [example for example in EXAMPLES if example["call"] != "device/csvExport"]


def test_the_examples_cover_all_twenty_calls():
    assert len(EXAMPLES) == 24
    assert len({example["call"] for example in EXAMPLES}) == 20


@pytest.mark.parametrize("example_data", JSON_EXAMPLES, ids=named)
def test_an_example_is_answered_with_the_members_and_types_it_shows(example, example_data):
    BEFORE.get(example_data["call"], lambda example: None)(example)
    answer = example.run(example_data["curl"])
    assert answer.status_code == 200, answer.text
    assert answer.headers["content-type"] == "application/json"
    expected = as_json(example_data["answer"])
    assert shape(answer.json()) == shape(expected)
    for name in ("message", "state", "clearedIds", "devClass", "dr", "freq", "durationSecs", "maxFCnt", "mcastType"):
        if name in expected and example_data["call"] != "mcastStatus":
            assert answer.json()[name] == expected[name]
    if "statusUrl" in expected:
        assert answer.json()["statusUrl"] == example.world.url + expected["statusUrl"].removeprefix(
            "https://api.senraco.io"
        )


def test_the_status_example_is_answered_literally(example):
    """The JoinEUI is an exception: in the example it differs from the application's EUI."""
    example_data = next(example for example in EXAMPLES if example["call"] == "device/status")
    a_task_with_an_error(example)
    assert example.run(example_data["curl"]).json() == as_json(example_data["answer"])


@pytest.mark.parametrize("example_data", [example for example in EXAMPLES if example["call"] == "device/csvExport"])
def test_an_export_has_the_columns_and_cells_of_the_example(example, example_data):
    BEFORE["device/csvExport"](example)
    answer = example.run(example_data["curl"].replace("contractId=2&", "contractId=1&"))
    assert answer.status_code == 200, answer.text
    assert answer.headers["content-type"] == "text/csv; charset=utf-8"
    heading, *rows = csv.reader(io.StringIO(answer.text))
    shown_heading, *shown_rows = csv.reader(io.StringIO(example_data["answer"]))
    assert heading == shown_heading
    by_eui = {row[0]: row for row in rows}
    assert set(SENSORS) <= set(by_eui)
    kinds = (r"[0-9A-F]{16}", r"\d+", r".*", "REGISTERED|ACTIVATED|JOINED|DEACTIVATED")
    patterns = [*kinds, *[f"({DATE})?"] * 4, *[r"(\d+)?"] * (len(heading) - 8)]
    for row in [*rows, *shown_rows]:
        assert all(re.fullmatch(pattern, cell) for pattern, cell in zip(patterns, row, strict=True)), row
    assert by_eui[SENSORS[0]][4] != ""
    assert by_eui[SENSORS[0]][5] != ""
