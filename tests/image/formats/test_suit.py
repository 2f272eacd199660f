"""SUIT envelopes: the examples of the drafts, and one of our own with firmware in it."""

from __future__ import annotations

import hashlib

import cbor2
import pytest

from fuota.image import ImageFormat, SignatureState
from tests.image import corpus


def test_the_example_of_the_draft(describe):
    found = describe(corpus.DRAFT_EXAMPLE_0)
    assert (found.format, found.version) == (ImageFormat.SUIT, "0")
    assert found.hardware == "fa6b4a53-d5ad-5fdf-be9d-e663e4d41ffe/1492af14-2569-5e48-bf42-9b2d51f2ab45"
    assert found.signature is SignatureState.PRESENT
    assert found.digests[0].matches
    assert found.findings == ()


def test_the_example_of_trust_domains_has_a_payload(describe):
    found = describe(corpus.TRUST_DOMAINS_EXAMPLE_2)
    assert [(part.name, part.size) for part in found.parts] == [("#dependent.suit", 190)]
    assert found.findings == ()


def test_firmware_in_the_envelope(describe):
    image = corpus.suit()
    found = describe(image)
    (part,) = found.parts
    assert image[part.offset : part.offset + part.size] == corpus.FIRMWARE
    assert found.version == "9"
    assert found.findings == ()


def test_the_tag_may_be_missing(describe):
    assert describe(corpus.suit()[2:]).format is ImageFormat.SUIT
    assert describe(corpus.suit()[2:]).findings == ()


def test_without_a_signature(describe):
    assert describe(corpus.suit(key=None)).signature is SignatureState.HASH_ONLY


def test_members_that_were_severed_must_be_those_of_the_manifest(describe, complaint):
    """The digest of the draft's example 2 is that of its install member, as a byte string with its head."""
    assert hashlib.sha256(cbor2.dumps(corpus.DRAFT_SEVERED)).hexdigest() == corpus.DRAFT_SEVERED_SHA256
    manifest = {17: [-16, bytes.fromhex(corpus.DRAFT_SEVERED_SHA256)]}
    assert describe(corpus.suit(manifest=manifest, envelope={17: corpus.DRAFT_SEVERED})).findings == ()
    other = corpus.suit(manifest=manifest, envelope={17: corpus.DRAFT_SEVERED + b"\0"})
    assert "a digest that is that of 17" in complaint(describe(other), "hash")
    assert "with a digest" in complaint(describe(corpus.suit(envelope={23: b"text"})), "hash")


def test_a_payload_that_was_changed_or_put_in(describe, complaint):
    image = corpus.suit()
    at = image.index(corpus.FIRMWARE) + 5000
    changed = image[:at] + bytes([image[at] ^ 1]) + image[at + 1 :]
    assert "a digest that is that of #app" in complaint(describe(changed), "hash")
    assert "#more" in complaint(describe(corpus.suit(envelope={"#more": b"unsigned"})), "hash")


def test_a_payload_under_another_name_is_not_the_one_that_is_fetched(describe, complaint):
    """Found by the fuzz: only the manifest's uri is signed, and no device would find it."""
    image = corpus.suit()
    renamed = image[: image.rindex(b"#app", 0, 400)] + b"#apx" + image[image.rindex(b"#app", 0, 400) + 4 :]
    assert "#apx" in complaint(describe(renamed), "hash")


def test_a_manifest_that_was_changed(describe, complaint):
    at = corpus.DRAFT_EXAMPLE_0.index(bytes.fromhex("1987d0"))
    changed = corpus.DRAFT_EXAMPLE_0[: at + 1] + b"\x88" + corpus.DRAFT_EXAMPLE_0[at + 2 :]
    assert "not that of its manifest" in complaint(describe(changed), "hash")


@pytest.mark.parametrize("kept", [3, 10, 100, 200, -1])
def test_every_way_to_cut_it_off_is_found(describe, complaint, kept):
    assert complaint(describe(corpus.DRAFT_EXAMPLE_0[:kept]), "structure")


def test_what_follows_is_an_error(describe, complaint):
    assert complaint(describe(corpus.DRAFT_EXAMPLE_0 + b"\0"), "structure")


@pytest.mark.parametrize(
    ("members", "said"),
    [
        ({2: b"\x80", 3: b"\xa0"}, "no list of byte strings"),
        ({2: cbor2.dumps([b"\0"]), 3: b"\xa0"}, "no pair"),
        ({2: cbor2.dumps([cbor2.dumps([-1, b""])]), 3: b"\xa0"}, "of algorithm -1"),
        ({2: cbor2.dumps([cbor2.dumps([-16, b""])]), 3: b"\x80"}, "its manifest is no map"),
        ({2: b"", 4: b""}, "lacks the manifest"),
    ],
)
def test_what_is_no_envelope(describe, complaint, members, said):
    assert said in complaint(describe(cbor2.dumps(cbor2.CBORTag(107, members))), "structure")


def test_lists_within_lists_without_end(describe, complaint):
    deep = b"\xd8\x6b\xa2\x02" + b"\x81" * 100_000
    assert complaint(describe(deep), "structure")
    nested = b"\x80"
    for _ in range(300):
        nested = cbor2.dumps([nested])
    assert describe(corpus.suit(manifest={20: nested})).findings == ()
