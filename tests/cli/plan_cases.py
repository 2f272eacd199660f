"""What the tests of `fuota plan` share: an image, a fleet, a device, and how an answer is read."""

from __future__ import annotations

import random
import re

IMAGE = random.Random(7).randbytes(600)
IN865 = ("--region", "IN865", "--loss", "0.1", "--coded", "8")
"""A plan that takes no search: 13 fragments of 48 bytes at the data rate of RX2, which has no duty cycle."""
FRONT = (*IN865, "-d", 2, "-s", 48)
"""The same without a choice of data rates and sizes: its front is found at once."""
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
    "1000000000000005": "nothing tells how well it hears, and no default loss was given",
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
    """Without white space, since lines are wrapped where they end."""
    return "".join(text.split())


def row(result, name: str) -> str:
    """A row of the table, without white space: what stands from its name to the next one."""
    rows = re.split(r"^(?=\S)", result.out.split("\n\n")[1], flags=re.MULTILINE)
    (found,) = (one for one in rows if one.startswith(name + "  "))
    return plain(found.removeprefix(name))


def kinds(result) -> list[str]:
    return [event["event"] for event in result.events]


def codes(result) -> set[str]:
    return {event["code"] for event in result.events if event["event"] == "finding"}


def says_one_line(result, code: int, *words: str) -> None:
    """That it ended with this code and one line with these words, without a result."""
    assert result.code == code, result.err
    assert result.words.splitlines() == [result.complaint]
    for one in words:
        assert one in result.complaint
