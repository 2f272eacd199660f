"""The device export over real HTTP: the examples of the reference, and any content of a spreadsheet."""

from __future__ import annotations

import contextlib
import io
import json
import threading
import tracemalloc
from datetime import UTC, datetime
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from fuota.errors import AuthenticationError, BadRequestError, MalformedAnswerError, ParameterError, UnreachableError
from fuota.network import SenraClient
from fuota.network.senra import EXPORT_FIELDS, DeviceRecord
from fuota.network.senra.device_records import records

KEY = "AK2:0123456789abcdefghijABCDEFGHIJ0123456789"
APP, EUI0, EUI1 = "AAAAAAAAAAAAAA01", "123000000000ABC0", "123000000000ABC1"
# "Response Example" and "Service Metric Data Response Example" of the Device Export API
EXAMPLE = b"""Dev EUI,Contract,Tags,State,Registration Date,Activation Date,Deactivation Date,Last Heard From
123000000000ABC0,99,,ACTIVATED,03/31/2017 11:37:30 PM UTC,03/31/2017 11:37:30 PM UTC,,04/03/2018 01:54:02 PM UTC
123000000000ABC1,99,,ACTIVATED,03/31/2017 11:25:49 PM UTC,03/31/2017 11:25:49 PM UTC,,04/03/2018 00:27:38 PM UTC
123000000000ABC2,99,,ACTIVATED,03/31/2017 11:04:48 PM UTC,03/31/2017 11:04:48 PM UTC,,09/25/2019 09:38:10 AM UTC
"""
METRICS = b"""Dev EUI,Contract,Tags,State,Registration Date,Activation Date,Deactivation Date,Last Heard From,\
Metric A,Metric B,Metric C
123000000000ABC0,2,"Test,tag1,tag22",ACTIVATED,03/31/2017 11:37:30 PM UTC,03/31/2017 11:37:30 PM UTC,\
09/03/2019 09:04:07 PM UTC,07/07/2020 02:39:46 PM UTC,80,100,100
"""
VECTORS = Path(__file__).parents[1] / "vectors" / "senra_parameters.json"


@pytest.fixture
def devices(server):
    return SenraClient(server.url, KEY, backoff_ms=1, retries=1).devices


def read(text: str) -> list[DeviceRecord]:
    return list(records(enumerate((line.split(";") for line in text.splitlines()), 1)))


def test_example_of_the_reference(server, devices):
    server.play(EXAMPLE)
    devices_read = list(devices.export().records())
    assert [device.dev_eui for device in devices_read] == [EUI0, EUI1, "123000000000ABC2"]
    assert devices_read[1] == DeviceRecord(
        dev_eui=EUI1,
        contract=99,
        state="ACTIVATED",
        registration_date=datetime(2017, 3, 31, 23, 25, 49, tzinfo=UTC),
        activation_date=datetime(2017, 3, 31, 23, 25, 49, tzinfo=UTC),
        last_heard_from=datetime(2018, 4, 3, 12, 27, 38, tzinfo=UTC),
    )
    (request,) = server.received
    assert (request.method, request.path, request.query) == ("GET", "/rest/integration/device/csvExport", {})
    assert request.headers["authorization"] == KEY


def test_example_with_service_metrics_of_the_reference(server, devices):
    server.play(METRICS)
    (device,) = devices.export(fields=["devEui", "serviceMetrics"]).records()
    assert (device.tags, device.metric_a, device.metric_b, device.metric_c) == (("Test", "tag1", "tag22"), 80, 100, 100)
    assert device.to_json()["deactivationDate"] == "2019-09-03T21:04:07Z"


def test_every_parameter_of_the_table_is_sent(server, devices):
    (call,) = [entry for entry in json.loads(VECTORS.read_text())["calls"] if entry["call"] == "device/csvExport"]
    server.play(EXAMPLE)
    arguments = {"app_eui": APP, "fields": EXPORT_FIELDS, "state": "JOINED", "psr_days": 31, "contract_id": 2}
    list(devices.export(**arguments, dev_euis=[EUI0.lower(), EUI1]).records())
    query = server.received[0].query
    assert set(query) == {row["name"] for row in call["parameters"]}
    assert query["devEuis"] == f"{EUI0},{EUI1}"
    assert query["fields"].split(",") == list(EXPORT_FIELDS)


@pytest.mark.parametrize("as_heading", [str, lambda name: "".join(f" {c}" if c.isupper() else c for c in name).title()])
def test_every_field_is_read_by_either_heading(as_heading):
    times = {"registrationDate", "activationDate", "deactivationDate", "lastHeardFrom", "lastJoinTime", "firstJoinTime"}
    cells = {"devEui": EUI0, "joinEui": APP, "devAddr": "bbbbbb01", "tags": "a, b", "yestPsr": "98.5%", "curDr": "DR3"}
    row = [cells.get(name, "03/31/2017 11:37:30 PM UTC" if name in times else "7") for name in EXPORT_FIELDS]
    (device,) = read(";".join(map(as_heading, EXPORT_FIELDS)) + "\n" + ";".join(row))
    assert set(device.to_json()) == set(EXPORT_FIELDS)
    assert (device.dev_addr, device.yest_psr, device.cur_dr, device.lat) == ("BBBBBB01", 98.5, "DR3", 7.0)
    assert (device.unread, device.extra, device.psr_days) == ({}, {}, {})


def test_packet_success_rates_of_many_days():
    (device,) = read("Dev EUI;Yest PSR;PSR 11/24/2026;PSR 11/25/2026;PSR Day 3\n" + f"{EUI0};99;98.1;;n/a")
    assert device.yest_psr == 99
    assert device.psr_days == {"PSR 11/24/2026": 98.1, "PSR 11/25/2026": None, "PSR Day 3": None}


def test_unreadable_cells_are_kept_as_text():
    text = "Dev EUI;Contract;Lat;Last Heard From;Colour;Yest Avg Snr\nnot an EUI;gold;91;yesterday;red;nan;beyond\n\n"
    (device,) = read(text.rstrip("\n"))
    assert (device.dev_eui, device.contract, device.lat, device.last_heard_from) == ("not an EUI", None, None, None)
    assert device.unread == {"Contract": "gold", "Lat": "91", "Last Heard From": "yesterday", "Yest Avg Snr": "nan"}
    assert device.extra == {"Colour": "red", "column 7": "beyond"}


def test_short_row_and_repeated_column():
    short, twice = read(f"Dev EUI;State;State\n{EUI0}\n{EUI1};joined;JOINED")
    assert (short.dev_eui, short.state) == (EUI0, None)
    assert (twice.state, twice.extra) == ("JOINED", {"State": "JOINED"})


def test_key_in_a_cell_is_not_shown():
    (device,) = read(f"Dev EUI;Metadata;Colour\n{EUI0};{'a' * 32};{KEY}")
    assert "a" * 32 not in repr(device)
    assert KEY[4:] not in repr(device)


@given(
    st.lists(
        st.lists(st.text(max_size=12) | st.sampled_from(["devEui", "Lat", "PSR", EUI0, "1e999", "²"]), max_size=6),
        max_size=5,
    )
)
@settings(max_examples=200)
def test_any_cells_give_one_record_per_row(rows):
    table = [["Dev EUI", "Lat", "Last Heard From", "Contract", "PSR 1"], *rows]
    assert len(list(records(enumerate(table, 1)))) == len(rows)


def test_invalid_utf8_and_wrong_quotes_are_read(server, devices):
    server.play(b'\xef\xbb\xbfDev EUI\tTags\r\n123000000000abc0\tcaf\xe9\r\n123000000000ABC1\t"a"b\r\n')
    first, second = devices.export().records()
    assert (first.dev_eui, first.tags, second.tags) == (EUI0, ("caf\ufffd",), ("ab",))


@pytest.mark.parametrize("body", [b"", b"Dev EUI,State\n"])
def test_export_without_devices(server, devices, body):
    server.play(body)
    assert list(devices.export().records()) == []


# --- the CSV itself


def test_csv_is_saved_unchanged(server, devices):
    server.play(EXAMPLE)
    file = io.BytesIO()
    assert devices.export().save(file) == len(EXAMPLE)
    assert file.getvalue() == EXAMPLE


# --- faults


@pytest.mark.parametrize(
    ("body", "status", "kind"),
    [
        ({"message": f"no {KEY}"}, 403, AuthenticationError),
        ({"message": "bad"}, 400, BadRequestError),
        ({"statusCode": 403, "message": f"no {KEY}"}, 200, AuthenticationError),
        ({"message": "no devices"}, 200, MalformedAnswerError),
        (b"<html>Log in</html>", 200, MalformedAnswerError),
        (b"x" * 1_100_000, 200, MalformedAnswerError),
        (b"Dev EUI\n" + b"x" * 200_000, 200, MalformedAnswerError),
    ],
)
def test_answer_that_is_not_an_export_raises_its_error(server, devices, body, status, kind):
    server.play(body, status=status)
    with pytest.raises(kind) as caught:
        list(devices.export().records())
    assert KEY[4:] not in str(caught.value)


def test_export_that_is_cut_off_raises(server, devices):
    server.play(EXAMPLE, does="cut")
    with pytest.raises(UnreachableError):
        list(devices.export().records())


def test_export_is_requested_again_after_a_server_fault(server, devices):
    server.play({}, status=503)
    server.play(EXAMPLE)
    assert len(list(devices.export().records())) == 3


@pytest.mark.parametrize(
    "bad",
    [
        {"app_eui": "1"},
        {"fields": ["devEUI"]},
        {"fields": "devEui"},
        {"state": "joined"},
        {"psr_days": 0},
        {"psr_days": 32},
        {"contract_id": 0},
        {"dev_euis": [EUI0[1:]]},
        {"dev_euis": []},
        {"dev_euis": [EUI0, EUI0]},
    ],
)
def test_refused_export_sends_nothing(server, devices, bad):
    with pytest.raises(ParameterError):
        devices.export(**bad)
    assert server.received == []


# --- memory

ROWS = 100_000


@pytest.fixture
def endless():
    """URL of a server that sends 100,000 rows, 12 MB, as they are generated."""

    class Handler(BaseHTTPRequestHandler):
        def do_GET(self) -> None:
            self.send_response(200)
            self.end_headers()
            with contextlib.suppress(ConnectionError):  # the client may disconnect early
                self.wfile.write(b"Dev EUI,Tags,State,Last Heard From,Yest Psr,Metadata\n")
                for first in range(0, ROWS, 1000):
                    self.wfile.write("".join(map(self.row, range(first, first + 1000))).encode())

        def row(self, number: int) -> str:
            return f'{number:016X},"a,b",JOINED,04/03/2018 01:54:02 PM UTC,98.7,{"m" * 60}\n'

        def log_message(self, *args: object) -> None:
            pass

    http = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
    http.daemon_threads = True
    threading.Thread(target=http.serve_forever, kwargs={"poll_interval": 0.01}, daemon=True).start()
    yield f"http://127.0.0.1:{http.server_port}"
    http.shutdown()
    http.server_close()


@contextlib.contextmanager
def traced():
    """Return a list that has the peak of memory in bytes after the end of the block."""
    peak_bytes: list[int] = []
    tracemalloc.start()
    try:
        yield peak_bytes
        peak_bytes.append(tracemalloc.get_traced_memory()[1])
    finally:
        tracemalloc.stop()


def test_memory_does_not_grow_with_the_csv(endless):
    with traced() as peak_bytes:
        written_bytes = SenraClient(endless, KEY).devices.export().save(io.BufferedWriter(Nowhere()))
    assert written_bytes > 10_000_000
    assert peak_bytes[0] < 2_000_000


@pytest.mark.slow
@pytest.mark.parametrize("count", [5_000, pytest.param(ROWS, marks=pytest.mark.slow)])
def test_memory_does_not_grow_with_the_records(endless, count):
    """Read an export of 100,000 rows; because of the tracing, the whole export takes ten seconds."""
    export = SenraClient(endless, KEY).devices.export()
    next(opening := export.records())  # memory of modules that are imported at first use is not counted
    opening.close()
    with traced() as peak_bytes, contextlib.closing(export.records()) as rows:
        assert sum(int(row.dev_eui, 16) == number for number, row in zip(range(count), rows, strict=False)) == count
    assert peak_bytes[0] < 2_000_000


class Nowhere(io.RawIOBase):
    def writable(self) -> bool:
        return True

    def write(self, block: object) -> int:
        return len(block)  # type: ignore[arg-type]
