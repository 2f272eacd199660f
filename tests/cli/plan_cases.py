"""Image, fleet, profile and helpers that the tests of `fuota plan` share."""

from __future__ import annotations

import random
import re

IMAGE = random.Random(7).randbytes(600)
IN865 = ("--region", "IN865", "--loss", "0.1", "--coded", "8")
"""A plan that needs no search: 13 fragments of 48 bytes at the data rate of RX2, without a duty cycle limit."""
FRONT = (*IN865, "-d", 2, "-s", 48)
"""The same plan at one data rate and fragment size, so that its front is computed fast."""
EU868 = ("--region", "EU868", "--loss", "0.1", "-d", "5", "-s", "40", "--coded", "8")
EXPORT = """Dev EUI,State,Yest Psr,Yest Avg Snr,Cur Dr,Dev Class
1000000000000001,JOINED,99,9.5,5,CLASS_C
1000000000000002,JOINED,97,8,5,CLASS_C
1000000000000003,ACTIVATED,,,,
1000000000000004,REGISTERED,99,9,5,CLASS_C
1000000000000005,JOINED,,,,CLASS_C
1000000000000006,JOINED,99,9,5,CLASS_A
"""
LEFT_OUT = {
    "1000000000000003": "its state is ACTIVATED: it has not joined yet",
    "1000000000000004": "its state is REGISTERED: it is not activated yet",
    "1000000000000005": "it has no figures of its link, and there is no default loss",
    "1000000000000006": "its class is CLASS_A: the session is for class C",
}
METER = """
name = "meter"
version = 2
descriptor = "0A0B0C0D"
slot_bytes = 4096
frag_size_multiple = 8
frag_write_ms = 900
row_work_ms = 100
second_buffer = false
uplink_period_s = 600
"""
LONGEST_S = 30


def plain(text: str) -> str:
    """Return the text without white space, because lines are wrapped."""
    return "".join(text.split())


def row(result, name: str) -> str:
    """Return a row of the table, from its name to the next name, without white space."""
    rows = re.split(r"^(?=\S)", result.out.split("\n\n")[1], flags=re.MULTILINE)
    (match,) = (text for text in rows if text.startswith(name + "  "))
    return plain(match.removeprefix(name))


def kinds(result) -> list[str]:
    return [event["event"] for event in result.events]


def codes(result) -> set[str]:
    return {event["code"] for event in result.events if event["event"] == "finding"}


def says_one_line(result, code: int, *words: str) -> None:
    """Assert that the command ended with this code and one line with these words, without a result."""
    assert result.code == code, result.err
    assert (result.out, result.words.splitlines()) == ("", [result.complaint])
    for word in words:
        assert word in result.complaint
