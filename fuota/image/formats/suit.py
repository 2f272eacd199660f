"""SUIT envelopes (draft-ietf-suit-manifest-34): CBOR, with a digest and COSE signatures of a manifest."""

from __future__ import annotations

import hashlib
import io
from collections.abc import Iterator, Mapping
from contextlib import suppress
from dataclasses import dataclass
from typing import Any
from uuid import UUID

import cbor2

from fuota.errors import ImageError
from fuota.findings import Finding, error
from fuota.image.description import Description, Digest, ImageFormat, Part, SignatureState
from fuota.image.requirements import ImageRequirements

FORMAT = ImageFormat.SUIT

_ENVELOPE_TAG = 107
_DELEGATION, _AUTHENTICATION, _MANIFEST = 1, 2, 3
_SEQUENCE_NUMBER = 2
_VENDOR, _CLASS, _IMAGE_DIGEST, _URI = 1, 2, 3, 21
_ARRAY, _MAP = 4, 5  # major types (RFC 8949 §3.1)
_MOST_LEVELS = 12
"""Of what is wrapped in what: the manifest, common, its sequence, a try-each in it, its sequences, their parameters."""
_HASHES = {-16: "sha256", -43: "sha384", -44: "sha512"}
_STARTS = (b"\xd8\x6b\xa2", b"\xd8\x6b\xa3", b"\xd8\x6b\xa4", b"\xd8\x6b\xa5", b"\xd8\x6b\xa6")
_UNTAGGED = tuple(bytes((0xA0 + members, _AUTHENTICATION)) for members in range(2, 9))


@dataclass(frozen=True, slots=True, kw_only=True)
class Envelope:
    """What an envelope holds. `members` of the `manifest`, and the `parameters` that its sequences set, by key.

    `digest` of the manifest as stated; `signatures`: the COSE_Sign1 structures, as octets; `payloads` by name; `severed`:
    members of the manifest that lie beside it, by key, of which the manifest holds the digest.
    """

    manifest: bytes
    members: Mapping[Any, Any]
    parameters: Mapping[int, list[Any]]
    algorithm: str
    digest: bytes
    digest_octets: bytes
    signatures: tuple[bytes, ...]
    payloads: Mapping[str, bytes]
    severed: Mapping[int, bytes]


def recognises(data: bytes) -> bool:
    """Tag 107, or a bare map that begins with the authentication block (key 2)."""
    return data.startswith(_STARTS) or (data.startswith(_UNTAGGED) and len(data) > 3 and 0x40 <= data[2] <= 0x5B)


def describe(data: bytes, _requirements: ImageRequirements) -> Description:
    """Sequence number, payloads, whether the digest is that of the manifest, whether it is signed."""
    try:
        found = envelope(data)
    except ImageError as exc:
        return Description(format=FORMAT, findings=(error("structure", str(exc)),))
    matches = _is_its_own(found)
    digest = Digest(algorithm=found.algorithm, value=found.digest.hex(), covers="manifest", matches=matches)
    return Description(
        format=FORMAT,
        parts=tuple(
            Part(name=name, offset=data.find(octets), size=len(octets)) for name, octets in found.payloads.items()
        ),
        version=_sequence_number(found.members),
        hardware=_hardware(found.parameters),
        digests=(digest,),
        signature=SignatureState.PRESENT if found.signatures else SignatureState.HASH_ONLY,
        findings=tuple(_findings(unbound(found), matches)),
    )


def _findings(strangers: list[str], matches: bool) -> Iterator[Finding]:
    if not matches:
        yield error("hash", "its digest is not that of its manifest: it is damaged")
    if strangers:
        yield error(
            "hash",
            f"its manifest has no name with a digest that is that of {', '.join(strangers)[:100]}: damaged, or put in later",
        )


def envelope(data: bytes) -> Envelope:
    """Raises ImageError for what is no envelope, and for octets after it."""
    members = decoded(data)
    members = members.value if isinstance(members, cbor2.CBORTag) and members.tag == _ENVELOPE_TAG else members
    if not isinstance(members, Mapping):
        raise ImageError("its outermost value is no map: it is no SUIT envelope")
    manifest, authentication = members.get(_MANIFEST), members.get(_AUTHENTICATION)
    if not isinstance(manifest, bytes) or not isinstance(authentication, bytes):
        raise ImageError("it lacks the manifest or the authentication block")
    digest_octets, *signatures = _list(authentication, "authentication block")
    algorithm, digest = _digest(digest_octets)
    members_of_manifest = _map(manifest)
    return Envelope(
        manifest=manifest,
        members=members_of_manifest,
        parameters=_parameters(members_of_manifest),
        algorithm=algorithm,
        digest=digest,
        digest_octets=digest_octets,
        signatures=tuple(one for one in signatures if isinstance(one, bytes)),
        payloads={key: value for key, value in members.items() if isinstance(key, str) and isinstance(value, bytes)},
        severed={key: value for key, value in members.items() if _is_severed(key) and isinstance(value, bytes)},
    )


def _is_severed(key: object) -> bool:
    return isinstance(key, int) and key not in (_DELEGATION, _AUTHENTICATION, _MANIFEST)


def unbound(found: Envelope) -> list[str]:
    """What lies in the envelope and is not what the manifest has a digest of: payloads by name, severed members by key.

    The name of a payload and its digest are among those that the manifest's sequences set (suit-parameter-uri, -image-digest); that
    of a severed member stands in the member's place (draft-ietf-suit-manifest-34 §5.4).
    """
    members = found.members
    names, digests = found.parameters[_URI], _pairs(found.parameters[_IMAGE_DIGEST])
    payloads = [
        name for name, octets in found.payloads.items() if name not in names or digests.isdisjoint(_hashes(octets))
    ]
    severed = [
        str(key)
        for key, octets in found.severed.items()
        if _pairs([members.get(key)]).isdisjoint(_hashes(cbor2.dumps(octets)))
    ]
    return payloads + severed


def is_bound(found: Envelope) -> bool:
    """Whether the stated digest is that of the manifest, and the manifest's are those of all else."""
    return _is_its_own(found) and not unbound(found)


def _is_its_own(found: Envelope) -> bool:
    """The digest is of the manifest as the byte string that it is in the envelope, with its head (draft-34 §5.2)."""
    return hashlib.new(found.algorithm, cbor2.dumps(found.manifest)).digest() == found.digest


def _parameters(manifest: Mapping[Any, Any]) -> dict[int, list[Any]]:
    """Every value of the keys that matter here, in maps, lists and the sequences that are wrapped in byte strings."""
    found: dict[int, list[Any]] = {key: [] for key in (_VENDOR, _CLASS, _IMAGE_DIGEST, _URI)}
    waiting: list[tuple[Any, int]] = [(manifest, 0)]
    while waiting:
        value, depth = waiting.pop()
        if isinstance(value, bytes):
            value = _sequence(value)
        if isinstance(value, Mapping):
            for key in found.keys() & value.keys():
                found[key].append(value[key])
            value = list(value.values())
        if isinstance(value, list) and depth < _MOST_LEVELS:
            waiting += [(inner, depth + 1) for inner in reversed(value) if isinstance(inner, bytes | list | Mapping)]
    return found


def _sequence(octets: bytes) -> Any:
    """What is wrapped in a byte string, None where that is no list or map."""
    if octets[:1] and octets[0] >> 5 in (_ARRAY, _MAP):
        with suppress(ImageError):
            return decoded(octets)
    return None


def _hardware(parameters: Mapping[int, list[Any]]) -> str | None:
    """Vendor and class that the device compares with its own (draft-34 §8.4.8.1), as UUIDs."""
    found = [next(filter(_is_uuid, parameters[name]), None) for name in (_VENDOR, _CLASS)]
    return "/".join(str(UUID(bytes=one)) for one in found if one is not None) or None


def _is_uuid(value: Any) -> bool:
    return isinstance(value, bytes) and len(value) == 16


def _pairs(digests: list[Any]) -> set[tuple[str, bytes]]:
    """Those that are a SUIT_Digest, as a list or wrapped in a byte string: hash by name, and its octets."""
    found = set()
    for one in digests:
        with suppress(ImageError):
            found.add(_pair(decoded(one) if isinstance(one, bytes) else one))
    return found


def _hashes(octets: bytes) -> set[tuple[str, bytes]]:
    return {(name, hashlib.new(name, octets).digest()) for name in _HASHES.values()}


def decoded(octets: bytes) -> Any:
    """One CBOR value. Raises ImageError for anything else, and for octets after it."""
    source = io.BytesIO(octets)
    try:
        value = cbor2.CBORDecoder(source).decode()
    except (
        cbor2.CBORDecodeError,
        ValueError,
        TypeError,
        RecursionError,
        OverflowError,
        MemoryError,
        ArithmeticError,
    ) as exc:
        raise ImageError(f"its CBOR cannot be read ({type(exc).__name__}): it is damaged, or cut off") from None
    if tail := len(octets) - source.tell():
        raise ImageError(f"{tail} bytes follow its CBOR that belong to nothing")
    return value


def _list(octets: bytes, what: str) -> list[Any]:
    values = decoded(octets)
    if not isinstance(values, list) or not values or not isinstance(values[0], bytes):
        raise ImageError(f"its {what} is no list of byte strings")
    return values


def _digest(octets: bytes) -> tuple[str, bytes]:
    return _pair(decoded(octets))


def _pair(value: Any) -> tuple[str, bytes]:
    """The hash by its name, and its octets. Raises ImageError for what is no SUIT_Digest."""
    if (
        not isinstance(value, list)
        or len(value) != 2
        or not isinstance(value[1], bytes)
        or not isinstance(value[0], int)
    ):
        raise ImageError("its digest is no pair of algorithm and octets")
    if value[0] not in _HASHES:
        raise ImageError(
            f"its digest is of algorithm {value[0]}: SHA-256 (-16), SHA-384 (-43) and SHA-512 (-44) are known"
        )
    return _HASHES[value[0]], value[1]


def _map(octets: bytes) -> Mapping[Any, Any]:
    value = decoded(octets)
    if not isinstance(value, Mapping):
        raise ImageError("its manifest is no map")
    return value


def _sequence_number(manifest: Mapping[Any, Any]) -> str | None:
    number = manifest.get(_SEQUENCE_NUMBER)
    return str(number) if isinstance(number, int) else None
