from __future__ import annotations

import contextlib
import json
from datetime import UTC, datetime

import pytest
from hypothesis import given
from hypothesis import strategies as st

from fuota.errors import MessageError
from fuota.network import Uplink, parse_uplinks

# The examples of the API reference, as they stand there.
DEFAULT_FIELDS = """
{
   "ack":true,
   "ackDnMsgId": 100000,
   "devClass": "A" ,
   "devEui":"FFFFFFFFFFFFFFFF",
   "gwEui":"AAAAAAAAAAAAAAAA",
   "joinId":216,
   "pdu":"01000016D7011400060E06",
   "port":1,
   "seqno":1,
   "txtime":"2017-02-09T12:38:38.375Z"

}
"""
RF_FIELDS = """
{
   "ack":true,
   "channel":64,
   "datarate":0,
   "devEui":"FFFFFFFFFFFFFFFF",
   "freq":903,
   "gwEui":"AAAAAAAAAAAAAAAA",
   "joinId":209,
   "pdu":"01000016D7011400060E06",
   "port":1,
   "rssi":-77,
   "seqno":1,
   "ismBand":"US915",
   "maxPayload":242,
   "txtime":"2017-02-09T11:35:44.384Z"
}
"""
UNBATCHED = (
    '{"snr": 9.25, "devEui": "000000000000000A", "datarate": 3, "dup": false, "txtime": "2020-10-19T18:58:42.721Z", '
    '"joinId": 10, "gwEui": "FFFFFFFFFFFFFFFF", "rssi": -57, "value1": 239, "value2": 18, "port": 1, "freq": 913.3, '
    '"pdu": "01080100EF020012", "channel": 55, "seqno": 74503}'
)
BATCH = """
[
{"snr": 9.25, "devEui": "000000000000000A", "datarate": 3, "dup": false, "txtime": "2020-10-19T18:58:42.721Z", "joinId": 10, "gwEui": "FFFFFFFFFFFFFFFF", "rssi": -57, "value1": 239, "value2": 18, "port": 1, "freq": 913.3, "pdu": "01080100EF020012", "channel": 55, "seqno": 74503},
{"snr": 8.75, "devEui": "000000000000000B", "datarate": 3, "dup": false, "txtime": "2020-10-19T18:58:42.722Z", "joinId": 1, "gwEui": "FFFFFFFFFFFFFFFF", "rssi": -61, "value1": 239, "value2": 18, "port": 1, "freq": 907.9, "pdu": "01080100EF020012", "channel": 28, "seqno": 23423},
{"snr": 9.25, "devEui": "000000000000000C", "datarate": 3, "dup": false, "txtime": "2020-10-19T18:58:42.723Z", "joinId": 2, "gwEui": "FFFFFFFFFFFFFFFF", "rssi": -55, "value1": 239, "value2": 18, "port": 1, "freq": 913.5, "pdu": "01080100EF020012", "channel": 56, "seqno": 34532},
{"snr": 8.75, "devEui": "000000000000000E", "datarate": 3, "dup": false, "txtime": "2020-10-19T18:58:42.724Z", "joinId": 1, "gwEui": "FFFFFFFFFFFFFFFF", "rssi": -61, "value1": 247, "value2": 18, "port": 1, "freq": 907.7, "pdu": "01080100F7020012", "channel": 27, "seqno": 76453},
{"snr": 10.75, "devEui": "000000000000000F", "datarate": 3, "dup": false, "txtime": "2020-10-19T18:58:42.725Z", "joinId": 1, "gwEui": "FFFFFFFFFFFFFFFF", "rssi": -60, "value1": 247, "value2": 18, "port": 1, "freq": 902.5, "pdu": "01080100F7020012", "channel": 1, "seqno": 18743}
]
"""  # noqa: E501 - as posted
EXAMPLES = [DEFAULT_FIELDS, RF_FIELDS, UNBATCHED, BATCH, f"[\n{UNBATCHED}\n]"]


def test_example_with_default_fields():
    assert parse_uplinks(DEFAULT_FIELDS) == [
        Uplink(
            ack=True,
            ack_dn_msg_id=100000,
            dev_class="A",
            dev_eui="FFFFFFFFFFFFFFFF",
            gw_eui="AAAAAAAAAAAAAAAA",
            join_id=216,
            pdu=bytes.fromhex("01000016D7011400060E06"),
            port=1,
            seqno=1,
            txtime=datetime(2017, 2, 9, 12, 38, 38, 375000, tzinfo=UTC),
        )
    ]


def test_example_with_rf_fields():
    (uplink,) = parse_uplinks(RF_FIELDS)
    assert (uplink.channel, uplink.data_rate, uplink.frequency_hz, uplink.rssi_dbm) == (64, 0, 903_000_000, -77)
    assert (uplink.ism_band, uplink.max_payload_bytes, uplink.snr_db, uplink.dup) == ("US915", 242, None, None)


def test_object_and_batch_with_one_object_are_equal():
    assert parse_uplinks(UNBATCHED) == parse_uplinks(f"[\n{UNBATCHED}\n]")


def test_example_batch_of_the_reference():
    uplinks = parse_uplinks(BATCH)
    assert [uplink.dev_eui[-1] for uplink in uplinks] == ["A", "B", "C", "E", "F"]
    assert [uplink.frequency_hz for uplink in uplinks] == [913300000, 907900000, 913500000, 907700000, 902500000]
    assert [uplink.snr_db for uplink in uplinks] == [9.25, 8.75, 9.25, 8.75, 10.75]
    assert uplinks[4].extra == {"value1": 247, "value2": 18}


@pytest.mark.parametrize("text", EXAMPLES)
def test_examples_are_written_as_they_were_read(text):
    decoded = json.loads(text)
    again = [uplink.to_json() for uplink in parse_uplinks(text)]
    assert again == (decoded if isinstance(decoded, list) else [decoded])


@pytest.mark.parametrize("form", [str, str.encode, json.loads])
def test_text_bytes_and_decoded_json_are_equal(form):
    assert parse_uplinks(form(BATCH)) == parse_uplinks(BATCH)


@pytest.mark.parametrize(
    ("wire", "value", "name", "expected"),
    [
        ("devEui", "00-00-00-00-00-00-00-0a", "dev_eui", "000000000000000A"),
        ("gwEui", "ffffffffffffffff", "gw_eui", "FFFFFFFFFFFFFFFF"),
        ("joinId", 216, "join_id", 216),
        ("pdu", "", "pdu", b""),
        ("port", 0, "port", 0),
        ("seqno", 4294967295, "seqno", 4294967295),
        ("txtime", "2017-02-09T13:38:38+01:00", "txtime", datetime(2017, 2, 9, 12, 38, 38, tzinfo=UTC)),
        ("txtime", "2017-02-09T12:38:38", "txtime", datetime(2017, 2, 9, 12, 38, 38, tzinfo=UTC)),
        ("channel", 64, "channel", 64),
        ("datarate", 3.0, "data_rate", 3),
        ("freq", 868.1, "frequency_hz", 868_100_000),
        ("rssi", -77.5, "rssi_dbm", -77.5),
        ("snr", -20, "snr_db", -20),
        ("ismBand", "US915", "ism_band", "US915"),
        ("maxPayload", 242, "max_payload_bytes", 242),
        ("appEui", "aaaaaaaaaaaaaa01", "app_eui", "AAAAAAAAAAAAAA01"),
        ("ack", False, "ack", False),
        ("ackDnMsgId", 100000, "ack_dn_msg_id", 100000),
        ("devClass", "C", "dev_class", "C"),
        ("devType", "WATER_SENSOR", "dev_type", "WATER_SENSOR"),
        ("dup", True, "dup", True),
        ("estLat", 42.356959, "est_lat", 42.356959),
        ("estLng", -71.053271, "est_lng", -71.053271),
        ("cfgLat", 40.7484445, "cfg_lat", 40.7484445),
        ("cfgLng", -73.9878584, "cfg_lng", -73.9878584),
        ("tags", "Test, tag1,,tag22", "tags", ("Test", "tag1", "tag22")),
        ("tags", "", "tags", ()),
        ("metadata", "cellar", "metadata", "cellar"),
        ("devProfile", "default", "dev_profile", "default"),
        ("fwVersion", "1.0.0", "fw_version", "1.0.0"),
        ("gwRxTime", "2017-02-09T12:38:38.1Z", "gw_rx_time", datetime(2017, 2, 9, 12, 38, 38, 100000, tzinfo=UTC)),
    ],
)
def test_each_field_of_the_reference(wire, value, name, expected):
    (uplink,) = parse_uplinks({"devEui": "000000000000000A", wire: value})
    assert getattr(uplink, name) == expected
    assert uplink.extra == {}
    assert parse_uplinks(uplink.to_json()) == [uplink]


def test_unknown_fields_are_kept_and_null_counts_as_absent():
    (uplink,) = parse_uplinks('{"devEui":"000000000000000A","rssi":null,"brandNew":{"a":[1,null]},"odd":null}')
    assert uplink.rssi_dbm is None
    assert uplink.extra == {"brandNew": {"a": [1, None]}, "odd": None}


def test_empty_batch_has_no_uplinks():
    assert parse_uplinks("[]") == []


@pytest.mark.parametrize(
    ("field", "value"),
    [
        ("devEui", "0A"),
        ("devEui", 10),
        ("pdu", "0"),
        ("pdu", 1),
        ("port", 256),
        ("port", -1),
        ("port", "201"),
    ],
)
def test_message_names_the_wrong_field_and_its_notification(field, value):
    good = {"devEui": "000000000000000A"}
    with pytest.raises(MessageError, match=rf"notification 2 of 3: {field} must be .*got"):
        parse_uplinks(json.dumps([good, {**good, field: value}, good]))


@pytest.mark.parametrize(
    ("body", "words"),
    [
        (b"", "not JSON"),
        (b"\xff\xfe\xfd", "not JSON"),
        ("{", "not JSON"),
        ('{"devEui": NaN}', "devEui must be an EUI.*NaN"),
        ("9" * 10_000, "not JSON"),
        ("[" * 200_000, "nested"),
        ("null", "notification 1 of 1 must be a JSON object, got None"),
        ('[{"devEui": "000000000000000A"}, 7]', "notification 2 of 2 must be a JSON object, got 7"),
        ("{}", "notification 1 of 1 has no devEui"),
        ('{"devEui": null}', "no devEui"),
    ],
)
def test_body_that_is_not_a_notification_is_refused(body, words):
    with pytest.raises(MessageError, match=words):
        parse_uplinks(body)


@pytest.mark.parametrize(
    ("field", "value"),
    [
        ("gwEui", "000000000000000G"),
        ("joinId", "216"),
        ("joinId", True),
        ("seqno", 1.5),
        ("seqno", 2**63),
        ("freq", -1),
        ("freq", "903"),
        ("rssi", "strong"),
        ("rssi", False),
        ("rssi", ""),
        ("ack", 1),
        ("dup", "false"),
        ("appEui", ""),
        ("estLat", ""),
        ("metadata", {}),
        ("fwVersion", 1.1),
        ("ismBand", 915),
        ("tags", ["a"]),
        ("txtime", "yesterday"),
        ("txtime", 1486643918),
        ("txtime", "0001-01-01T00:00:00+23:59"),
    ],
)
def test_optional_field_with_an_unexpected_value_is_kept_as_it_came(field, value):
    good = {"devEui": "000000000000000A", "port": 10, "pdu": "01FF"}
    (uplink,) = parse_uplinks(json.dumps({**good, field: value}))
    assert (uplink.dev_eui, uplink.port, uplink.pdu) == ("000000000000000A", 10, b"\x01\xff")
    assert uplink.extra == {field: value}
    assert uplink.to_json() == {**good, field: value}


@pytest.mark.parametrize("number", ["1e999", "-1e999", "NaN", "Infinity", "-Infinity"])
def test_number_that_json_does_not_have_is_kept_as_text(number):
    (uplink,) = parse_uplinks(f'{{"devEui": "000000000000000A", "rssi": {number}, "theirOwn": {number}}}')
    assert uplink.extra == {"rssi": number, "theirOwn": number}
    assert parse_uplinks(json.dumps(uplink.to_json(), allow_nan=False)) == [uplink]


@given(st.binary() | st.text())
def test_any_body_gives_uplinks_or_our_own_error(body):
    with contextlib.suppress(MessageError):
        assert all(isinstance(uplink, Uplink) for uplink in parse_uplinks(body))


euis = st.integers(0, 2**64 - 1).map("{:016X}".format)
integers = st.integers(-(2**63) + 1, 2**63 - 1)
numbers = st.floats(-1e12, 1e12) | st.integers(-(10**12), 10**12)
times = st.datetimes(timezones=st.just(UTC))
words = st.text(st.characters(exclude_categories=["Cs"]), max_size=20)
tags = words.map(lambda text: text.replace(",", "").strip()).filter(bool)
uplinks = st.builds(
    Uplink,
    dev_eui=euis,
    gw_eui=st.none() | euis,
    join_id=st.none() | integers,
    pdu=st.binary(max_size=242),
    port=st.none() | st.integers(0, 255),
    seqno=st.none() | integers,
    txtime=st.none() | times,
    channel=st.none() | integers,
    data_rate=st.none() | integers,
    frequency_hz=st.none() | st.integers(0, 10**11),
    rssi_dbm=st.none() | numbers,
    snr_db=st.none() | numbers,
    ism_band=st.none() | words,
    max_payload_bytes=st.none() | integers,
    app_eui=st.none() | euis,
    ack=st.none() | st.booleans(),
    ack_dn_msg_id=st.none() | integers,
    dev_class=st.none() | words,
    dev_type=st.none() | words,
    dup=st.none() | st.booleans(),
    est_lat=st.none() | numbers,
    est_lng=st.none() | numbers,
    cfg_lat=st.none() | numbers,
    cfg_lng=st.none() | numbers,
    tags=st.lists(tags, max_size=4).map(tuple),
    metadata=st.none() | words,
    dev_profile=st.none() | words,
    fw_version=st.none() | words,
    gw_rx_time=st.none() | times,
    extra=st.dictionaries(words.map("x{}".format), st.none() | integers | words, max_size=3),
)


@given(st.lists(uplinks, max_size=3))
def test_every_uplink_is_equal_after_writing_and_reading(batch):
    assert parse_uplinks(json.dumps([uplink.to_json() for uplink in batch])) == batch
