"""SUIT envelopes: the examples of the drafts, and an envelope with the sample firmware."""

from __future__ import annotations

import hashlib

import cbor2
import pytest

from fuota.image import ImageFormat, SignatureState
from tests.image import corpus


def test_example_of_the_draft(describe):
    description = describe(corpus.DRAFT_EXAMPLE_0)
    assert (description.format, description.version) == (ImageFormat.SUIT, "0")
    assert description.hardware == "fa6b4a53-d5ad-5fdf-be9d-e663e4d41ffe/1492af14-2569-5e48-bf42-9b2d51f2ab45"
    assert description.signature is SignatureState.PRESENT
    assert description.digests[0].matches
    assert description.findings == ()


def test_example_of_trust_domains_has_a_payload(describe):
    description = describe(corpus.TRUST_DOMAINS_EXAMPLE_2)
    assert [(part.name, part.size) for part in description.parts] == [("#dependent.suit", 190)]
    assert description.findings == ()


def test_firmware_in_the_envelope(describe):
    image = corpus.suit()
    description = describe(image)
    (part,) = description.parts
    assert image[part.offset : part.offset + part.size] == corpus.FIRMWARE
    assert description.version == "9"
    assert description.findings == ()


def test_tag_may_be_missing(describe):
    assert describe(corpus.suit()[2:]).format is ImageFormat.SUIT
    assert describe(corpus.suit()[2:]).findings == ()


def test_unsigned_envelope_has_only_a_hash(describe):
    assert describe(corpus.suit(key=None)).signature is SignatureState.HASH_ONLY


def test_severed_member_must_match_its_digest_in_the_manifest(describe, message_of):
    """In the draft's example 2 the digest covers the install member as a byte string with its head."""
    assert hashlib.sha256(cbor2.dumps(corpus.DRAFT_SEVERED)).hexdigest() == corpus.DRAFT_SEVERED_SHA256
    manifest = {17: [-16, bytes.fromhex(corpus.DRAFT_SEVERED_SHA256)]}
    assert describe(corpus.suit(manifest=manifest, envelope={17: corpus.DRAFT_SEVERED})).findings == ()
    other = corpus.suit(manifest=manifest, envelope={17: corpus.DRAFT_SEVERED + b"\0"})
    assert "no matching name and digest for 17" in message_of(describe(other), "hash")
    assert "no matching name and digest for 23" in message_of(describe(corpus.suit(envelope={23: b"text"})), "hash")


def test_changed_or_added_payload_is_an_error(describe, message_of):
    image = corpus.suit()
    offset = image.index(corpus.FIRMWARE) + 5000
    changed = image[:offset] + bytes([image[offset] ^ 1]) + image[offset + 1 :]
    assert "no matching name and digest for #app" in message_of(describe(changed), "hash")
    assert "#more" in message_of(describe(corpus.suit(envelope={"#more": b"unsigned"})), "hash")


def test_renamed_payload_is_an_error(describe, message_of):
    """Found by the fuzz test: the manifest signs only the uri, so a device would not find the payload."""
    image = corpus.suit()
    renamed = image[: image.rindex(b"#app", 0, 400)] + b"#apx" + image[image.rindex(b"#app", 0, 400) + 4 :]
    assert "#apx" in message_of(describe(renamed), "hash")


def test_changed_manifest_is_an_error(describe, message_of):
    offset = corpus.DRAFT_EXAMPLE_0.index(bytes.fromhex("1987d0"))
    changed = corpus.DRAFT_EXAMPLE_0[: offset + 1] + b"\x88" + corpus.DRAFT_EXAMPLE_0[offset + 2 :]
    assert "does not match its manifest" in message_of(describe(changed), "hash")


@pytest.mark.parametrize("kept", [3, 10, 100, 200, -1])
def test_cut_off_file_is_a_structure_error(describe, message_of, kept):
    assert message_of(describe(corpus.DRAFT_EXAMPLE_0[:kept]), "structure")


def test_trailing_bytes_are_an_error(describe, message_of):
    assert message_of(describe(corpus.DRAFT_EXAMPLE_0 + b"\0"), "structure")


@pytest.mark.parametrize(
    ("members", "words"),
    [
        ({2: b"\x80", 3: b"\xa0"}, "not a list of byte strings"),
        ({2: cbor2.dumps([b"\0"]), 3: b"\xa0"}, "not a pair"),
        ({2: cbor2.dumps([cbor2.dumps([-1, b""])]), 3: b"\xa0"}, "the algorithm -1"),
        ({2: cbor2.dumps([cbor2.dumps([-16, b""])]), 3: b"\x80"}, "its manifest is not a map"),
        ({2: b"", 4: b""}, "lacks the manifest"),
    ],
)
def test_invalid_envelope_is_an_error(describe, message_of, members, words):
    assert words in message_of(describe(cbor2.dumps(cbor2.CBORTag(107, members))), "structure")


def test_deep_nesting_is_an_error_or_ignored(describe, message_of):
    deep = b"\xd8\x6b\xa2\x02" + b"\x81" * 100_000
    assert message_of(describe(deep), "structure")
    nested = b"\x80"
    for _ in range(300):
        nested = cbor2.dumps([nested])
    assert describe(corpus.suit(manifest={20: nested})).findings == ()


def dependency_of(inner: bytes, digest: bytes) -> bytes:
    """Return an envelope that holds `inner` as an integrated dependency with this digest."""
    step = cbor2.dumps([12, 1, 20, {3: cbor2.dumps([-16, digest]), 21: "#dep.suit"}, 21, 2, 3, 15])
    return corpus.suit(manifest={15: step}, envelope={"#dep.suit": inner})


def manifest_digest(envelope: bytes) -> bytes:
    return hashlib.sha256(cbor2.dumps(cbor2.loads(envelope).value[3])).digest()


def test_integrated_dependency_is_bound_by_the_digest_of_its_manifest(describe):
    inner = corpus.suit(b"inner firmware" * 9, key="p384")
    image = dependency_of(inner, manifest_digest(inner))
    description = describe(image)
    assert description.findings == ()
    assert [part.name for part in description.parts] == ["#app", "#dep.suit", "#dep.suit/#app"]
    part = description.parts[2]
    assert image[part.offset : part.offset + part.size] == b"inner firmware" * 9
    assert describe(dependency_of(inner, hashlib.sha256(inner).digest())).findings == ()


def test_dependency_in_a_dependency_is_read(describe):
    innermost = corpus.suit(b"innermost" * 9)
    inner = dependency_of(innermost, manifest_digest(innermost))
    description = describe(dependency_of(inner, manifest_digest(inner)))
    assert description.findings == ()
    assert description.parts[-1].name == "#dep.suit/#dep.suit/#app"


def test_other_or_damaged_dependency_is_an_error(describe, message_of):
    inner = corpus.suit(b"inner firmware" * 9)
    assert "for #dep.suit:" in message_of(describe(dependency_of(inner, bytes(32))), "hash")
    damaged = inner.replace(b"inner firmware", b"Inner firmware", 1)
    assert "for #dep.suit/#app:" in message_of(describe(dependency_of(damaged, manifest_digest(damaged))), "hash")
    added = corpus.suit(b"inner firmware" * 9, envelope={"#more": b"unsigned"})
    assert "for #dep.suit/#more:" in message_of(describe(dependency_of(added, manifest_digest(added))), "hash")


def test_deep_dependencies_end_at_the_limit(describe):
    image = corpus.suit(b"innermost" * 9)
    for _ in range(12):
        image = dependency_of(image, manifest_digest(image))
    assert describe(image).format is ImageFormat.SUIT


def test_encrypted_payload_is_noted(describe):
    """The digest is of the content before encryption (suit-parameter-encryption-info)."""
    step = cbor2.dumps([20, {19: cbor2.dumps(cbor2.CBORTag(16, [b"", {}, None])), 21: "#app"}])
    description = describe(corpus.suit(manifest={15: step}, envelope={"#app": bytes(range(256))}))
    assert description.encrypted
    assert description.findings == ()
