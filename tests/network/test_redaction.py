from __future__ import annotations

import base64
import time
from urllib.parse import quote

import pytest
from hypothesis import given
from hypothesis import strategies as st

from fuota.network import redact
from fuota.network.credentials import without_secrets
from fuota.network.redaction import redact_json

AES = "123AAAAAAAAAAAAAAAA000000000ABC0"
KEY = "AK3:abcdefghij0123456789ABCDEFGHIJ0123456789"


@pytest.mark.parametrize(
    ("text", "clean"),
    [
        (f"authorization: {KEY}.", "authorization: AK3:[redacted]."),
        (f"?apikey={KEY.replace(':', '%3A')}&x=1", "?apikey=AK3%3A[redacted]&x=1"),
        ("ak2:abc", "ak2:[redacted]"),
        # the words of the reference's activation message
        (f"Old AppKey: {AES} New AppKey: {AES.lower()}.", "Old AppKey: [redacted] New AppKey: [redacted]."),
        ("register?token=123456&tags=a", "register?token=[redacted]&tags=a"),
        ('{"token": "123456"}', '{"token": "[redacted]"}'),
        ("bad Token 123456!", "bad Token [redacted]!"),
    ],
)
def test_secrets_are_replaced(text, clean):
    assert redact(text) == clean


@pytest.mark.parametrize(
    "text",
    [
        "MCastXferJobReq:AAAAAAAAAAAAAA01",
        "sha256 " + "0123456789abcdef" * 4,
        "DevEUI: 1230000000000ABC",
        "123456 bytes",
        "token=1234567",
    ],
)
def test_text_without_secrets_is_unchanged(text):
    assert redact(text) == text


def test_json_is_redacted_at_every_depth():
    tree = {"msgs": [f"New AppKey: {AES}.", 7, None, {"deep": KEY}], "pctDone": 100}
    assert redact_json(tree) == {
        "msgs": ["New AppKey: [redacted].", 7, None, {"deep": "AK3:[redacted]"}],
        "pctDone": 100,
    }


HEX_GROUPS = [
    "-".join(AES[i : i + 2] for i in range(0, 32, 2)),
    ":".join(AES[i : i + 2] for i in range(0, 32, 2)),
    " ".join(AES[i : i + 2] for i in range(0, 32, 2)),
    "-".join(AES[i : i + 4] for i in range(0, 32, 4)),
    " ".join(AES[i : i + 8] for i in range(0, 32, 8)),
    "123AAAAA-AAAA-AAAA-AAA0-00000000ABC0",
]
BARE = KEY.partition(":")[2]


def entities(text: str) -> str:
    return "".join(f"&#{ord(char)};" if not char.isalnum() else char for char in text)


@pytest.mark.parametrize("key", [*HEX_GROUPS, base64.b64encode(bytes.fromhex(AES)).decode()])
def test_aes_keys_in_other_spellings_are_replaced(key):
    assert redact(f"New AppKey: {key}.") == "New AppKey: [redacted]."


@pytest.mark.parametrize(
    "key",
    [
        BARE,
        base64.b64encode(KEY.encode()).decode(),
        base64.urlsafe_b64encode(f"user:{KEY}".encode()).decode(),
        base64.b64encode(f"x{KEY}".encode()).decode().rstrip("="),
        f"AK3&#58;{BARE}",
        f"AK3&colon;{BARE}",
        f"AK3&#x3a;{BARE}",
        rf"AK3\u003a{BARE}",
    ],
)
def test_unknown_api_keys_in_other_spellings_are_replaced(key):
    clean = redact(f"the key {key} is wrong")
    assert BARE not in clean
    assert key[8:] not in clean
    assert clean.endswith("[redacted] is wrong")


@pytest.mark.parametrize(
    "text",
    [
        "AA-BB-CC-DD-EE-FF-00-11",
        "sha256 " + "01-23-45-67-89-ab-cd-ef-" * 4,
        "0123456789abcdef" * 4,
        "0123456789abcdef0123456789abcdef01234567",  # SHA-1
        "MCastXferJobReq:AAAAAAAAAAAAAA01 job starting in: 00:04:00",
        "DevMgmtJobReq:AAAAAAAAAAAAAA01-20261201T120000-1234",
        "2026-12-01 12:00:00 30 40 50 60",
    ],
)
def test_other_text_of_that_length_is_unchanged(text):
    assert redact(text) == text


ODD_KEY = "AK2:ab+cd/ef=GHIJ0123456789abcdefghij01234567"
SPELLINGS = {
    "as it is": lambda key: key,
    "without its prefix": lambda key: key.partition(":")[2],
    "percent-encoded": lambda key: quote(key, safe=""),
    "every character percent-encoded": lambda key: "".join(f"%{ord(char):02X}" for char in key),
    "HTML": entities,
    "HTML in hexadecimal": lambda key: "".join(f"&#x{ord(char):x};" for char in key),
    "JSON": lambda key: "".join(f"\\u{ord(char):04x}" if not char.isalnum() else char for char in key),
    "JSON with a slash": lambda key: key.replace("/", "\\/"),
    "with dashes": lambda key: "-".join(key[i : i + 4] for i in range(0, len(key), 4)),
    "with spaces": " ".join,
    "over two lines": lambda key: f"{key[:20]}\n{key[20:]}",
    "base64": lambda key: base64.b64encode(key.encode()).decode(),
    "base64 within a text": lambda key: base64.b64encode(f"user:{key}!".encode()).decode(),
    "base64 for URLs": lambda key: base64.urlsafe_b64encode(f"k={key}".encode()).decode(),
    "base64 without its prefix": lambda key: base64.b64encode(key.partition(":")[2].encode()).decode(),
    "capital letters": lambda key: key.upper(),
}


@pytest.mark.parametrize("key", [KEY, ODD_KEY, "AK2:0123456789abcdefghijABCDEFGHIJ0123456789"])
@pytest.mark.parametrize("spelling", SPELLINGS)
def test_the_key_of_a_call_is_found_in_each_spelling(key, spelling):
    text = SPELLINGS[spelling](key)
    clean = without_secrets(f"denied: {text} (end)", [key])
    assert clean.startswith("denied: ")
    assert clean.endswith(" (end)")
    for start in range(0, len(text) - 14):
        assert text[start : start + 14] not in clean


@given(st.text(alphabet="AK23:%&#;x0123456789abcdefABCDEF+/=- ", max_size=300))
def test_redaction_ends_and_keeps_short_texts(text):
    redact(text)
    assert without_secrets("no key here", [KEY]) == "no key here"


@pytest.mark.parametrize("unit", ["a1B", "A", "-", "0a-", "AK2", "%41", "&#65;"])
def test_redaction_of_a_long_text_takes_little_time(unit):
    text = unit * (200_000 // len(unit))
    begun = time.perf_counter()
    redact(text)
    without_secrets(text, [KEY])
    assert time.perf_counter() - begun < 5, "no time that grows with the square of the length"
