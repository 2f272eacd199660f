"""SUIT envelopes (draft-ietf-suit-manifest-34): CBOR with a manifest, its digest and COSE signatures."""

from __future__ import annotations

import hashlib
import io
from collections.abc import Iterator, Mapping, Sequence
from contextlib import suppress
from dataclasses import dataclass
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
_VENDOR, _CLASS, _IMAGE_DIGEST, _ENCRYPTION_INFO, _URI = 1, 2, 3, 19, 21
_MAX_DEPENDENCIES = 6
"""Limit for envelopes inside envelopes."""
_COSE_ALGORITHM = 1
_MAC_TAGS = {17: "COSE_Mac0", 97: "COSE_Mac"}
_MAC_ALGORITHMS = frozenset({4, 5, 6, 7, 14, 15, 25, 26})
"""HMAC and AES-MAC (RFC 9053 §3), which tell an untagged COSE_Mac0 from a COSE_Sign1."""
_ARRAY, _MAP = 4, 5  # major types (RFC 8949 §3.1)
_MAX_LEVELS = 12
"""Limit for nesting: the manifest, common, its sequence, a try-each in it, its sequences, their parameters."""
_HASHES = {-16: "sha256", -43: "sha384", -44: "sha512"}
_STARTS = (b"\xd8\x6b\xa2", b"\xd8\x6b\xa3", b"\xd8\x6b\xa4", b"\xd8\x6b\xa5", b"\xd8\x6b\xa6")
_UNTAGGED = tuple(bytes((0xA0 + members, _AUTHENTICATION)) for members in range(2, 9))


@dataclass(frozen=True, slots=True, kw_only=True)
class Envelope:
    """Content of an envelope.

    manifest: the manifest as bytes. members: members of the manifest. parameters: values that its sequences set, by key.
    algorithm, digest: hash name and digest of the manifest as stated. digest_cbor: the SUIT_Digest as bytes.
    signatures: the COSE signatures and MACs as bytes. payloads: payloads by name.
    severed: members of the manifest that are beside it, by key; the manifest holds their digests.
    """

    manifest: bytes
    members: Mapping[object, object]
    parameters: Mapping[int, list[object]]
    algorithm: str
    digest: bytes
    digest_cbor: bytes
    signatures: tuple[bytes, ...]
    payloads: Mapping[str, bytes]
    severed: Mapping[int, bytes]


def recognises(data: bytes) -> bool:
    """Return whether the data begins with tag 107, or with a map whose first member is the authentication block (key 2)."""
    return data.startswith(_STARTS) or (data.startswith(_UNTAGGED) and len(data) > 3 and 0x40 <= data[2] <= 0x5B)


def describe(data: bytes, _requirements: ImageRequirements) -> Description:
    """Describe sequence number and payloads, check the digests, and look for a signature."""
    try:
        envelope = read_envelope(data)
    except ImageError as exc:
        return Description(format=FORMAT, findings=(error("structure", str(exc)),))
    matches = _digest_matches(envelope)
    digest = Digest(algorithm=envelope.algorithm, value=envelope.digest.hex(), covers="manifest", matches=matches)
    return Description(
        format=FORMAT,
        parts=tuple(
            Part(name=name, offset=data.find(payload), size=len(payload)) for name, payload in _all_payloads(envelope)
        ),
        version=_sequence_number(envelope.members),
        hardware=_hardware(envelope.parameters),
        digests=(digest,),
        signature=SignatureState.PRESENT if envelope.signatures else SignatureState.HASH_ONLY,
        mac=_mac_alone(envelope),
        encrypted=is_encrypted(envelope),
        findings=tuple(_findings(unbound(envelope), matches)),
    )


def _findings(unbound_names: list[str], matches: bool) -> Iterator[Finding]:
    if not matches:
        yield error("hash", "its digest does not match its manifest: it is damaged")
    if unbound_names:
        names = ", ".join(unbound_names)[:100]
        yield error(
            "hash", f"its manifest has no matching name and digest for {names}: it is damaged, or was added later"
        )


def read_envelope(data: bytes) -> Envelope:
    """Return the content of an envelope. Raises ImageError if the data is not an envelope, or if bytes follow it."""
    members = decode_cbor(data)
    members = members.value if isinstance(members, cbor2.CBORTag) and members.tag == _ENVELOPE_TAG else members
    if not isinstance(members, Mapping):
        raise ImageError("its outermost value is not a map, so it is not a SUIT envelope")
    manifest, authentication = members.get(_MANIFEST), members.get(_AUTHENTICATION)
    if not isinstance(manifest, bytes) or not isinstance(authentication, bytes):
        raise ImageError("it lacks the manifest or the authentication block")
    digest_cbor, signatures = _authentication_block(authentication)
    algorithm, digest = _digest(decode_cbor(digest_cbor))
    manifest_members = _manifest_members(manifest)
    return Envelope(
        manifest=manifest,
        members=manifest_members,
        parameters=_parameters(manifest_members),
        algorithm=algorithm,
        digest=digest,
        digest_cbor=digest_cbor,
        signatures=signatures,
        payloads={key: value for key, value in members.items() if isinstance(key, str) and isinstance(value, bytes)},
        severed={key: value for key, value in members.items() if _is_severed(key) and isinstance(value, bytes)},
    )


def _is_severed(key: object) -> bool:
    return isinstance(key, int) and key not in (_DELEGATION, _AUTHENTICATION, _MANIFEST)


def _mac_alone(envelope: Envelope) -> str:
    """Return the names of the MACs if the envelope has no signature beside them; empty otherwise."""
    names = [mac_name(block) for block in envelope.signatures]
    return "" if None in names else ", ".join(sorted({name for name in names if name}))


def dependencies(envelope: Envelope) -> dict[str, Envelope]:
    """Return the payloads that are envelopes themselves: integrated dependencies (draft-ietf-suit-trust-domains), by name."""
    nested = {}
    for name, payload in envelope.payloads.items():
        if recognises(payload):
            with suppress(ImageError):
                nested[name] = read_envelope(payload)
    return nested


def _all_payloads(envelope: Envelope, level: int = 0) -> Iterator[tuple[str, bytes]]:
    """Yield name and content of each payload, and of the payloads of dependencies as dependency/name."""
    yield from envelope.payloads.items()
    if level < _MAX_DEPENDENCIES:
        for name, dependency in dependencies(envelope).items():
            yield from ((f"{name}/{inner}", payload) for inner, payload in _all_payloads(dependency, level + 1))


def is_encrypted(envelope: Envelope, level: int = 0) -> bool:
    """Return whether a payload of the envelope or of a dependency is encrypted (suit-parameter-encryption-info).

    The digest in the manifest is then of the content before encryption (draft-ietf-suit-firmware-encryption).
    """
    if envelope.payloads and envelope.parameters[_ENCRYPTION_INFO]:
        return True
    nested = dependencies(envelope) if level < _MAX_DEPENDENCIES else {}
    return any(is_encrypted(dependency, level + 1) for dependency in nested.values())


def unbound(envelope: Envelope, level: int = 0) -> list[str]:
    """Return the payloads (by name) and severed members (by key) in the envelope whose digest the manifest does not hold.

    The name and the digest of a payload are among the values that the manifest's sequences set (suit-parameter-uri,
    suit-parameter-image-digest); the digest of a severed member is in the member's place (draft-ietf-suit-manifest-34 §5.4).
    The digest for a dependency covers its manifest (draft-ietf-suit-trust-domains), or its whole envelope. What its manifest does
    not hold is named dependency/name. The digest of an encrypted payload cannot be compared.
    """
    nested = dependencies(envelope) if level < _MAX_DEPENDENCIES else {}
    encrypted = bool(envelope.parameters[_ENCRYPTION_INFO])
    names, digests = envelope.parameters[_URI], _digests_in(envelope.parameters[_IMAGE_DIGEST])
    payloads = [
        name
        for name, payload in envelope.payloads.items()
        if name not in names
        or not (
            _is_bound_dependency(nested[name], payload, digests)
            if name in nested
            else encrypted or not digests.isdisjoint(_all_hashes(payload))
        )
    ]
    inner = [f"{name}/{part}" for name, dependency in nested.items() for part in unbound(dependency, level + 1)]
    severed = [
        str(key)
        for key, member in envelope.severed.items()
        if _digests_in([envelope.members.get(key)]).isdisjoint(_all_hashes(cbor2.dumps(member)))
    ]
    return payloads + severed + inner


def _is_bound_dependency(dependency: Envelope, content: bytes, digests: set[tuple[str, bytes]]) -> bool:
    """Return whether the dependency matches its own digest, and one of the digests is of its manifest or its envelope."""
    hashes = _all_hashes(cbor2.dumps(dependency.manifest)) | _all_hashes(content)
    return _digest_matches(dependency) and not digests.isdisjoint(hashes)


def is_bound(envelope: Envelope) -> bool:
    """Return whether the stated digest matches the manifest, and the digests in the manifest match everything else."""
    return _digest_matches(envelope) and not unbound(envelope)


def _digest_matches(envelope: Envelope) -> bool:
    """Return whether the digest matches the manifest as the byte string in the envelope, with its head (draft-34 §5.2)."""
    return hashlib.new(envelope.algorithm, cbor2.dumps(envelope.manifest)).digest() == envelope.digest


def _parameters(manifest: Mapping[object, object]) -> dict[int, list[object]]:
    """Return every value of the parameters used here, in maps, in lists and in sequences wrapped in byte strings."""
    parameters: dict[int, list[object]] = {key: [] for key in (_VENDOR, _CLASS, _IMAGE_DIGEST, _ENCRYPTION_INFO, _URI)}
    waiting: list[tuple[object, int]] = [(manifest, 0)]
    while waiting:
        value, depth = waiting.pop()
        if isinstance(value, bytes):
            value = _wrapped(value)
        if isinstance(value, Mapping):
            for key in parameters.keys() & value.keys():
                parameters[key].append(value[key])
            value = list(value.values())
        if isinstance(value, list) and depth < _MAX_LEVELS:
            waiting += [(inner, depth + 1) for inner in reversed(value) if isinstance(inner, bytes | list | Mapping)]
    return parameters


def _wrapped(content: bytes) -> object:
    """Return the list or map that is wrapped in a byte string; None if there is none."""
    if content[:1] and content[0] >> 5 in (_ARRAY, _MAP):
        with suppress(ImageError):
            return decode_cbor(content)
    return None


def _hardware(parameters: Mapping[int, list[object]]) -> str | None:
    """Return vendor and class, which the device compares with its own (draft-34 §8.4.8.1), as UUIDs; None if there are none."""
    uuids = [next((value for value in parameters[key] if _is_uuid(value)), None) for key in (_VENDOR, _CLASS)]
    return "/".join(str(UUID(bytes=uuid)) for uuid in uuids if isinstance(uuid, bytes)) or None


def _is_uuid(value: object) -> bool:
    return isinstance(value, bytes) and len(value) == 16


def _digests_in(values: Sequence[object]) -> set[tuple[str, bytes]]:
    """Return hash name and digest of each value that is a SUIT_Digest, as a list or wrapped in a byte string."""
    digests = set()
    for value in values:
        with suppress(ImageError):
            digests.add(_digest(decode_cbor(value) if isinstance(value, bytes) else value))
    return digests


def _all_hashes(content: bytes) -> set[tuple[str, bytes]]:
    return {(name, hashlib.new(name, content).digest()) for name in _HASHES.values()}


def decode_cbor(content: bytes) -> object:
    """Return the only CBOR value in `content`. Raises ImageError for anything else, and if bytes follow the value."""
    source = io.BytesIO(content)
    try:
        value: object = cbor2.CBORDecoder(source).decode()
    except (
        cbor2.CBORDecodeError,
        ValueError,
        TypeError,
        RecursionError,
        OverflowError,
        MemoryError,
        ArithmeticError,
    ) as exc:
        raise ImageError(f"its CBOR cannot be read ({type(exc).__name__}): it is damaged or cut off") from None
    if trailing := len(content) - source.tell():
        raise ImageError(f"{trailing} unexpected bytes follow its CBOR")
    return value


def _authentication_block(content: bytes) -> tuple[bytes, tuple[bytes, ...]]:
    """Return the SUIT_Digest and the signatures, each as bytes."""
    values = decode_cbor(content)
    if not isinstance(values, list) or not values or not isinstance(values[0], bytes):
        raise ImageError("its authentication block is not a list of byte strings")
    return values[0], tuple(value for value in values[1:] if isinstance(value, bytes))


def _digest(value: object) -> tuple[str, bytes]:
    """Return hash name and digest of a SUIT_Digest. Raises ImageError for anything else."""
    match value:
        case [int(algorithm), bytes(digest)] if isinstance(value, list):
            pass
        case _:
            raise ImageError("its digest is not a pair of algorithm and bytes")
    if algorithm not in _HASHES:
        raise ImageError(
            f"its digest has the algorithm {algorithm}, but only SHA-256 (-16), SHA-384 (-43) and SHA-512 (-44) are known"
        )
    return _HASHES[algorithm], digest


def _manifest_members(content: bytes) -> Mapping[object, object]:
    value = decode_cbor(content)
    if not isinstance(value, Mapping):
        raise ImageError("its manifest is not a map")
    return value


def _sequence_number(manifest: Mapping[object, object]) -> str | None:
    number = manifest.get(_SEQUENCE_NUMBER)
    return str(number) if isinstance(number, int) else None


def mac_name(block: bytes) -> str | None:
    """Return COSE_Mac0 or COSE_Mac if the authentication block is a MAC; None for a signature or anything else."""
    try:
        value = decode_cbor(block)
    except ImageError:
        return None
    if isinstance(value, cbor2.CBORTag):
        return _MAC_TAGS.get(value.tag)
    match value:
        case [bytes(protected), *_] if cose_algorithm(protected) in _MAC_ALGORITHMS:
            return "COSE_Mac0" if len(value) == 4 else "COSE_Mac"
    return None


def cose_algorithm(protected: bytes) -> int | None:
    """Return the algorithm in a protected header; None if there is none."""
    try:
        header = decode_cbor(protected) if protected else {}
    except ImageError:
        return None
    algorithm = header.get(_COSE_ALGORITHM) if isinstance(header, dict) else None
    return algorithm if isinstance(algorithm, int) else None
