"""The table of calls compared with the 105 rows of the reference, and the values that parameters accept."""

from __future__ import annotations

import contextlib
import json
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from fuota.errors import ParameterError
from fuota.network.senra import EXPORT_FIELDS
from fuota.sandbox.http.calls import CALLS
from fuota.sandbox.http.handlers import HANDLERS
from fuota.sandbox.http.parameters import read

REFERENCE = json.loads((Path(__file__).parents[1] / "vectors" / "senra_parameters.json").read_text())["calls"]
# Parameters in an example and not in the table; and the parameter that is "only required if tags are updated".
NOT_IN_THE_TABLE = {("device/activate", "token", False), ("device/activateOne", "devEui", True)}
QUALIFIED = ("device/update", "tagsOperation")


def test_the_parameters_are_those_of_the_reference():
    ours = {(call.name, parameter.name, parameter.required) for call in CALLS.values() for parameter in call.parameters}
    theirs = {
        (call["call"], row["name"], row["required"] and (call["call"], row["name"]) != QUALIFIED)
        for call in REFERENCE
        for row in call["parameters"]
        if row["name"] != "Request Body"
    }
    assert len(theirs) == 105
    assert ours - theirs == NOT_IN_THE_TABLE
    assert theirs <= ours


def test_calls_have_the_methods_of_the_reference_and_a_handler():
    assert {call.name: call.method for call in CALLS.values()} == {call["call"]: call["method"] for call in REFERENCE}
    assert set(HANDLERS) == set(CALLS)


def test_export_fields_are_those_of_the_reference():
    assert len(EXPORT_FIELDS) == 32
    assert EXPORT_FIELDS[0] == "devEui"
    assert EXPORT_FIELDS[-1] == "joinEui"


def parameter_of(call, name):
    return next(parameter for parameter in CALLS[call].parameters if parameter.name == name)


@pytest.mark.parametrize(
    ("call", "name", "text", "value"),
    [
        ("device/sendmsg", "pdu", "", b""),
        ("device/sendmsg", "pdu", "0aFF", b"\x0a\xff"),
        ("device/sendmsg", "confirmed", "TRUE", True),
        ("device/sendmsg", "class", "CLASS_C", "C"),
        ("device/clearmsgs", "msgId", "00001", 1),
        ("device/clearmsgs", "eui", "aa-aa-aa-aa-aa-aa-aa-01", "AAAAAAAAAAAAAA01"),
        ("device/csvExport", "fields", "devEui, state,devEui", ("devEui", "state")),
        ("device/csvExport", "contractId", str(2**63 - 1), 2**63 - 1),
        ("device/activateOne", "lat", "-90", -90.0),
        ("device/activate", "tags", "a, b,,a", ("a", "b")),
        ("mcast/setup", "devTags", "", None),
        ("mcast/status", "mcAddr", "bbbbbb01", "BBBBBB01"),
    ],
)
def test_values_are_read_in_the_spelling_of_the_reference(call, name, text, value):
    assert read((parameter_of(call, name),), {name: text}) == {parameter_of(call, name).key: value}


@pytest.mark.parametrize(
    ("call", "name", "text", "rule"),
    [
        ("device/sendmsg", "eui", "AAAAAAAAAAAAAAA", "16 hexadecimal digits"),  # 15
        ("device/sendmsg", "pdu", "0a0", "an odd number"),
        ("device/sendmsg", "pdu", "0g", "0 to 242 bytes"),
        ("device/sendmsg", "pdu", "00" * 243, "243 bytes"),
        ("device/sendmsg", "pdu", "01 02", "without white space"),
        ("device/sendmsg", "port", "0", "port must be 1 to 254, got 0"),
        ("device/sendmsg", "port", "255", "nearest: 254"),
        ("device/sendmsg", "port", "٧", "whole number"),
        ("device/sendmsg", "port", "1_0", "whole number"),
        ("device/sendmsg", "timeoutMinutes", "-1", "nearest: 1"),
        ("device/sendmsg", "confirmed", "yes", "true or false"),
        ("device/sendmsg", "class", "D", "one of A, B, C"),
        ("device/clearmsgs", "msgId", "0", "1 or more, got 0"),
        ("device/sendmcastmsg", "bstnEuis", "", "empty"),
        ("device/sendmcastmsg", "addr", "12FFFFF", "8 hexadecimal digits"),
        ("device/csvExport", "fields", "devEui,colour", "got 'colour'"),
        ("device/csvExport", "fields", "", "one of devEui"),
        ("device/csvExport", "psrDays", "32", "nearest: 31"),
        ("device/csvExport", "contractId", str(2**63), "nearest: 9223372036854775807"),
        ("device/csvExport", "state", "joined", "JOINED"),
        ("device/activateOne", "lat", "nan", "number from -90 to 90"),
        ("device/activateOne", "lng", "180.1", "nearest: 180"),
        ("device/activateOne", "lng", "1e999", "nearest: 180"),
        ("device/activateOne", "lat", "1_0", "number from -90 to 90"),
        ("device/activateOne", "lat", "١", "number from -90 to 90"),
        ("device/register", "token", "12345", "six digits"),
        ("device/update", "tagsOperation", "append", "one of APPEND"),
        ("device/status", "reqId", "", "without white space"),
        ("mcastTransfer", "startDelaySecs", "-5", "nearest: 1"),
        ("mcastTransfer", "descriptor", "000000", "4 bytes"),
        ("mcastTransfer", "descriptor", "00 00 00 00", "without white space"),
        ("mcast/setup", "periodicity", "8", "nearest: 7"),
        ("mcast/setup", "type", "FUOTA", "one of D2D, APP"),
        ("mcast/setup", "devClass", "A", "one of B, C"),
    ],
)
def test_a_wrong_value_is_refused_with_its_rule(call, name, text, rule):
    with pytest.raises(ParameterError, match=rule.replace("(", r"\(")):
        read((parameter_of(call, name),), {name: text})


@given(
    st.sampled_from([(call.name, parameter.name) for call in CALLS.values() for parameter in call.parameters]),
    st.text(max_size=40) | st.from_regex(r"[-+0-9A-Fa-f.,]{0,20}", fullmatch=True),
)
def test_any_text_is_read_or_raises_parameter_error(which, text):
    parameter = parameter_of(*which)
    with contextlib.suppress(ParameterError):
        assert set(read((parameter,), {parameter.name: text})) == {parameter.key}


def test_a_missing_parameter_is_named_and_aliases_are_accepted():
    with pytest.raises(ParameterError, match="required parameter is missing: eui, pdu"):
        read(CALLS["device/sendmsg"].parameters, {})
    assert read(CALLS["mcastStatus"].parameters, {"jobId": "a"})["job_id"] == "a"
    assert read(CALLS["device/clearmsgs"].parameters, {"devEui": "A" * 16})["eui"] == "A" * 16
