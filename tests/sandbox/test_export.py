"""csvExport: columns, filters, times, and the reception of devices."""

from __future__ import annotations

import csv
import io

import pytest

from fuota.network.senra import EXPORT_FIELDS
from fuota.sandbox import SANDBOX_SECOND_APP_EUI
from fuota.sandbox.server.export import date_text

FIRST, SECOND, THIRD = "02000000F007A001", "02000000F007A002", "02000000F007A003"
DAY_US = 86_400_000_000


def exported(world, **query):
    answer = world.request("GET", "device/csvExport", query)
    assert answer.status_code == 200, answer.text
    assert answer.headers["content-type"] == "text/csv; charset=utf-8"
    heading, *rows = csv.reader(io.StringIO(answer.text, newline=""))
    return [dict(zip(heading, row, strict=True)) for row in rows]


def euis(rows):
    return [row["Dev EUI"] for row in rows]


@pytest.mark.parametrize(
    ("time_s", "text"),
    [
        (1_490_917_070 + 86_400, "03/31/2017 11:37:50 PM UTC"),
        (1_522_758_458, "04/03/2018 00:27:38 PM UTC"),  # an example of the reference: the first hour after noon is 00
        (1_522_715_258, "04/03/2018 00:27:38 AM UTC"),
        (1_569_404_290, "09/25/2019 09:38:10 AM UTC"),
        (0, ""),
    ],
)
def test_times_are_written_as_in_the_examples(time_s, text):
    assert date_text(time_s * 1_000_000) == text


def test_the_default_export_has_five_columns(make_world):
    rows = exported(make_world())
    assert list(rows[0]) == ["Dev EUI", "Contract", "Tags", "State", "Last Heard From"]
    assert euis(rows) == [FIRST, SECOND, THIRD]
    assert (rows[0]["Contract"], rows[0]["Tags"], rows[0]["State"]) == ("1", "sandbox", "JOINED")


def test_every_field_of_the_reference_has_a_column(make_world):
    world = make_world()
    record = world.server.directory.devices[FIRST]
    record.tags, record.metadata, record.lat, record.lng = ("Test", "tag1"), 'a "b",\nc', 40.75, -73.98
    record.dev_type, record.fw_ver, record.dev_addr, record.cur_dr = "PUMP", "1.0.0", 0x0123ABCD, 5
    row = exported(world, fields=",".join(EXPORT_FIELDS))[0]
    assert len(row) == len(EXPORT_FIELDS) - 1, "serviceMetrics stands for the three metrics"
    assert (row["Tags"], row["Metadata"], row["Lat"], row["Lng"]) == ("Test,tag1", 'a "b",\nc', "40.75", "-73.98")
    assert (row["Dev Type"], row["FW Ver"], row["Dev Addr"], row["Cur DR"]) == ("PUMP", "1.0.0", "0123ABCD", "5")
    assert (row["Prof ID"], row["Join EUI"]) == ("1", world.app_eui)
    assert row["Registration Date"].endswith(" UTC")


def test_columns_have_the_requested_order_and_metrics_are_three(make_world):
    rows = exported(make_world(), fields="state,devEui,serviceMetrics")
    assert list(rows[0]) == ["State", "Dev EUI", "Metric A", "Metric B", "Metric C"]


def test_filters_by_state_contract_and_eui(make_world):
    world = make_world()
    world.register("AAAAAAAAAAAAAAA1", contractId=20)
    world.onboard("deactivate", None, {"devEui": SECOND})
    assert euis(exported(world, state="REGISTERED")) == ["AAAAAAAAAAAAAAA1"]
    assert euis(exported(world, state="DEACTIVATED")) == [SECOND]
    assert euis(exported(world, state="JOINED")) == [FIRST, THIRD]
    assert euis(exported(world, state="ACTIVATED")) == []
    assert len(exported(world, state="ALL")) == 4
    assert euis(exported(world, contractId=20)) == ["AAAAAAAAAAAAAAA1"]
    assert euis(exported(world, devEuis=f"{THIRD.lower()},BBBBBBBBBBBBBBB1,{FIRST}")) == [THIRD, FIRST]
    assert euis(exported(world, devEuis=FIRST, state="REGISTERED")) == []


def test_devices_are_exported_to_keys_of_their_application_only(make_world):
    world = make_world()
    other = SANDBOX_SECOND_APP_EUI
    answer = world.request("GET", "device/csvExport", key=world.key(app_eui=other))
    assert answer.text == "Dev EUI,Contract,Tags,State,Last Heard From\n"
    assert world.call("GET", "device/csvExport", {"appEui": other})[0] == 403
    assert world.call("GET", "device/csvExport", {"appEui": "02000000F0A00003"})[0] == 404


def test_the_reception_of_yesterday_and_earlier_days_is_exported(make_world):
    world = make_world()
    record = world.server.directory.devices[FIRST]
    record.reception.days.clear()
    record.reception.last_seqno = None
    noon_us = world.clock.now_us() // DAY_US * DAY_US + DAY_US // 2
    for days_ago, seqnos in ((2, (10, 11, 12, 13)), (1, (15, 17)), (0, (18,))):
        for seqno in seqnos:
            record.note_uplink(noon_us - days_ago * DAY_US, seqno=seqno, rssi_dbm=-100 - seqno % 2, snr_db=5.0)
    world.clock.pass_us(noon_us - world.clock.now_us())
    row = exported(
        world, fields="yestPsr,yestBstns,yestAvgRssi,yestAvgSnr,lastHeardFrom,metricA", psrDays=3, devEuis=FIRST
    )[0]
    assert (row["Yest PSR"], row["Yest Bstns"], row["Yest Avg RSSI"], row["Yest Avg SNR"]) == ("50", "1", "-101", "5.0")
    psr = {name: cell for name, cell in row.items() if name.startswith("PSR ")}
    assert list(psr.values()) == ["50", "100", ""]
    assert next(iter(psr)) == f"PSR {date_text(noon_us - DAY_US)[:10]}"
    assert row["Metric A"] == "78"  # 7 of 9
    assert row["Last Heard From"] == date_text(noon_us)


def test_a_restarted_frame_counter_does_not_count_as_loss(make_world):
    record = make_world().server.directory.devices[FIRST]
    record.reception.days.clear()
    for seqno in (500, 501, 0, 1):
        record.note_uplink(DAY_US, seqno=seqno, rssi_dbm=-90, snr_db=1.0)
    assert record.reception.days[1].psr_percent == 100


def test_reception_is_kept_for_32_days(make_world):
    record = make_world().server.directory.devices[FIRST]
    record.reception.days.clear()
    for day in range(100):
        record.note_uplink(day * DAY_US, seqno=day, rssi_dbm=-90, snr_db=1.0)
    assert sorted(record.reception.days) == list(range(68, 100))


def test_ten_thousand_devices_are_exported(make_world):
    world = make_world(devices=1)
    world.register(*(f"{n:016X}" for n in range(1, 10_000)))
    assert len(exported(world)) == 10_000
