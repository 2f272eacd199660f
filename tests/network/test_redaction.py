from __future__ import annotations

import pytest

from fuota.network import redact
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
