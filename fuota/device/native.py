"""The decoder that devices run (native/, in C) with the interface of FragDecoder.

It is compiled from the source that vendors ship. Its storage is in memory and behaves like a flash: it counts accesses, and its
power can fail.
"""

from __future__ import annotations

import ctypes
import functools
import operator
from collections.abc import Callable
from dataclasses import dataclass

from fuota import rules
from fuota.device.native_build import library
from fuota.errors import IncompleteError, ParameterError, StorageError
from fuota.fragmentation import MAX_FRAGMENT_NUMBER, Variant
from fuota.fragmentation.limits import check_frag_size, check_padding, fragment_error, kind_error
from fuota.fragmentation.parity import ParityCode

_DONE, _MORE, _TOO_MANY, _STORAGE, _MISMATCH = 0, 1, -2, -3, -4
_VERSIONS = {(1, "deployed"): 1, (2, "deployed"): 2, (2, "literal"): 3}
_ENDLESS = 0xFFFFFFFF
_ERASED = 0xFF
_MOST_SPARE_WORDS = 1 << 24


class _Decoder(ctypes.Structure):
    """fuota_frag_t; native/fuota_frag.h describes its fields."""

    _fields_ = (
        *((name, ctypes.c_void_p) for name in ("read", "write", "context", "workspace")),
        ("workspace_words", ctypes.c_uint32),
        *((name, ctypes.c_uint16) for name in ("nb_frag", "capacity", "scratch")),
        *((name, ctypes.c_uint8) for name in ("frag_size", "granularity", "version", "frag_index")),
        ("own_octets", ctypes.c_uint8 * 2),
        ("own", ctypes.c_uint16 * 10),
    )


class _Memory(ctypes.Structure):
    """memory_t; native/host/memory.h describes its fields."""

    _fields_ = (
        ("content", ctypes.c_void_p),
        *((name, ctypes.c_uint32) for name in ("size", "rows_end", "row", "granularity")),
        *((name, ctypes.c_uint32) for name in ("row_reads", "row_writes", "mark_reads", "mark_writes")),
        *((name, ctypes.c_uint32) for name in ("rewritten", "faults", "writes_left", "reads_left", "torn")),
    )


class _Crc32(ctypes.Structure):
    _fields_ = (("padding", ctypes.c_uint8), ("row", ctypes.c_uint16), ("crc", ctypes.c_uint32))


class _Sha256(ctypes.Structure):
    _fields_ = (
        ("padding", ctypes.c_uint8),
        ("row", ctypes.c_uint16),
        ("digest", ctypes.c_uint8 * 32),
        ("own", ctypes.c_uint32 * 25),
    )


_Update = ctypes.CFUNCTYPE(None, ctypes.c_void_p, ctypes.c_void_p, ctypes.c_uint32)
_Finish = ctypes.CFUNCTYPE(None, ctypes.c_void_p, ctypes.c_void_p)


class _Mic(ctypes.Structure):
    _fields_ = (
        ("update", _Update),
        ("finish", _Finish),
        ("context", ctypes.c_void_p),
        ("padding", ctypes.c_uint8),
        ("row", ctypes.c_uint16),
        ("session_cnt", ctypes.c_uint16),
        ("descriptor", ctypes.c_uint8 * 4),
        ("mic", ctypes.c_uint8 * 4),
    )


@dataclass(frozen=True, slots=True, kw_only=True)
class DecoderMemory:
    """Memory that a device gives the decoder.

    capacity: number of uncoded fragments that may be lost, 1 or more; None means all.
    scratch: rows of the storage for coded fragments; None means `capacity` and 8.
    spare_words: words of workspace beyond the minimum, which save reads.
    granularity: bytes that the storage writes at once: 1, 2, 4, 8, 16 or 32.
    """

    capacity: int | None = None
    scratch: int | None = None
    spare_words: int = 0
    granularity: int = 1

    def __post_init__(self) -> None:
        rules.optional_integer("capacity", self.capacity, 0)
        rules.optional_integer("scratch", self.scratch, 0)
        rules.integer("spare_words", self.spare_words, 0, _MOST_SPARE_WORDS)
        rules.integer("granularity", self.granularity, 0)


@dataclass(frozen=True, slots=True, kw_only=True)
class StorageUse:
    """Accesses of the decoder to its storage.

    row_reads, row_writes: accesses to rows, which hold one fragment each. mark_reads, mark_writes: accesses to marks.
    rewritten: writes to bytes that were not erased. faults: accesses that the contract forbids, and bits that a flash cannot set.
    """

    row_reads: int
    row_writes: int
    mark_reads: int
    mark_writes: int
    rewritten: int
    faults: int


class NativeDecoder:
    """FragDecoder by native/fuota_frag.c. The library is compiled on first use, which needs a C compiler.

    nb_frag, frag_size, padding, version, variant: as for FragDecoder. memory: memory of the device; by default enough for any loss.

    With full capacity, `missing` is exact after every fragment. With less, coded fragments do not count in `missing` while more
    than `capacity` uncoded fragments are unknown; if more are lost than the memory holds, `gave_up` is true for ever.
    Raises ParameterError for an impossible session or memory, StorageError if there is no compiler.
    """

    def __init__(
        self,
        *,
        nb_frag: int,
        frag_size: int,
        padding: int = 0,
        version: int = 1,
        variant: Variant = "deployed",
        memory: DecoderMemory | None = None,
    ) -> None:
        check_frag_size(frag_size)
        ParityCode(nb_frag=nb_frag, version=version, variant=variant)
        check_padding(padding, frag_size)
        self.nb_frag, self.frag_size, self.padding = nb_frag, frag_size, padding
        memory = memory or DecoderMemory()
        capacity = nb_frag if memory.capacity is None else memory.capacity
        scratch = capacity + 8 if memory.scratch is None else memory.scratch
        self._library = _library()
        self._memory, self._content = _storage(nb_frag + capacity + scratch, frag_size, memory.granularity)
        self._workspace = (ctypes.c_uint32 * (self._min_words(capacity, memory.granularity) + memory.spare_words))()
        self._decoder = _Decoder(
            **_callbacks(self._library),
            context=ctypes.addressof(self._memory),
            workspace=ctypes.addressof(self._workspace),
            workspace_words=len(self._workspace),
            nb_frag=nb_frag,
            capacity=capacity,
            scratch=scratch,
            frag_size=frag_size,
            granularity=memory.granularity,
            version=_VERSIONS[version, variant],
        )
        self._seen = bytearray(MAX_FRAGMENT_NUMBER + 1)
        self._result: int = self._library.fuota_frag_init(ctypes.byref(self._decoder))
        if self._result < 0:
            raise ParameterError(
                f"capacity must be 1 to nb_frag ({nb_frag}) and granularity 1, 2, 4, 8, 16 or 32, got capacity {capacity} and"
                f" granularity {memory.granularity}"
            )

    def _min_words(self, capacity: int, granularity: int) -> int:
        """Return FUOTA_FRAG_WORKSPACE in words."""
        row_words = _words(8 * _row(self.frag_size, granularity))
        triangle = _words(capacity * (capacity + 1) // 2)
        work = max(_words(self.nb_frag), 2 * row_words)
        return _words(self.nb_frag) + _words(capacity) + triangle + work

    @property
    def missing(self) -> int:
        """Rank still missing: at least this number of further fragments is needed to complete the block."""
        return int(self._library.fuota_frag_missing(ctypes.byref(self._decoder)))

    @property
    def received(self) -> int:
        """Number of distinct fragments received so far, uncoded and coded; fragments after completion do not count."""
        return self._seen.count(1)

    @property
    def complete(self) -> bool:
        """Whether every byte of the block is determined. `data` solves for the lost fragments."""
        return self.missing == 0

    @property
    def gave_up(self) -> bool:
        """Whether more fragments were lost than the memory holds."""
        return self._result == _TOO_MANY

    @property
    def storage_use(self) -> StorageUse:
        """Accesses to the storage so far."""
        return StorageUse(**{name: getattr(self._memory, name) for name in StorageUse.__slots__})

    @property
    def memory_bytes(self) -> int:
        """Bytes of RAM of the decoder on this machine: its struct, whose pointers are longer here, and the workspace."""
        return ctypes.sizeof(self._decoder) + ctypes.sizeof(self._workspace)

    def feed(self, n: int, payload: bytes) -> bool:
        """Take a fragment and return whether the block is complete. Repeats, and fragments after completion, are dropped.

        n: fragment number, 1 to 16383. payload: its bytes. Raises ParameterError, and changes nothing, for a number or a length
        that the session cannot have; StorageError if the power failed.
        """
        try:
            payload = bytes(memoryview(payload))  # bytes(48) would be 48 zeros
            fits = 1 <= n <= MAX_FRAGMENT_NUMBER and len(payload) == self.frag_size
            n = operator.index(n)
        except TypeError:
            raise kind_error(n, payload) from None
        if not fits:
            raise fragment_error(n, payload, self.frag_size)
        if self.complete or self.gave_up:
            return self.complete
        self._record_result(self._library.fuota_frag_feed(ctypes.byref(self._decoder), n, payload, len(payload)))
        if not self.gave_up:
            self._seen[n] = 1
        return self.complete

    def step(self) -> bool:
        """Do a bounded part of the work after completion, and return whether work is left. Raises StorageError."""
        self._record_result(self._library.fuota_frag_step(ctypes.byref(self._decoder)))
        return self._result == _MORE and self.complete

    def data(self) -> bytes:
        """Return the data block without its padding. Raises IncompleteError while `missing` is not 0, StorageError as `feed`."""
        if not self.complete:
            raise IncompleteError(
                f"the data block is not complete: {self.missing} more useful fragments are needed of a rank of {self.nb_frag}"
            )
        while self.step():
            pass
        row = self._memory.row
        rows = bytes(self._content[: self.nb_frag * row])
        block = b"".join(rows[start : start + self.frag_size] for start in range(0, len(rows), row))
        return block[: len(block) - self.padding]

    def crc32(self) -> int:
        """Return the CRC-32 of the block, computed by the decoder. Raises as `data`."""
        self.data()
        check = _Crc32(padding=self.padding)
        self._check_rows(self._library.fuota_frag_crc32, check)
        return int(check.crc)

    def sha256(self) -> bytes:
        """Return the SHA-256 of the block, 32 bytes, computed by the decoder. Raises as `data`."""
        self.data()
        check = _Sha256(padding=self.padding)
        self._check_rows(self._library.fuota_frag_sha256, check)
        return bytes(check.digest)

    def has_mic(self, mic: bytes, *, key: bytes, session_cnt: int, descriptor: bytes, frag_index: int = 0) -> bool:
        """Return whether the block has this MIC (TS004-2.0.0), computed by the decoder. Raises as `data`.

        mic, descriptor: 4 bytes each. key: DataBlockIntKey. session_cnt, frag_index: as in the setup of the session.
        """
        from cryptography.hazmat.primitives.ciphers.algorithms import AES
        from cryptography.hazmat.primitives.cmac import CMAC

        self.data()
        cmac = CMAC(AES(key))
        self._decoder.frag_index = frag_index
        check = _Mic(
            update=_Update(lambda _, data, length: cmac.update(ctypes.string_at(data, length))),
            finish=_Finish(lambda _, mac: ctypes.memmove(mac, cmac.finalize(), 16) and None),
            padding=self.padding,
            session_cnt=session_cnt,
            descriptor=(ctypes.c_uint8 * 4)(*descriptor),
            mic=(ctypes.c_uint8 * 4)(*mic),
        )
        return self._check_rows(self._library.fuota_frag_check_mic, check) == _DONE

    def _check_rows(self, check: Callable[..., int], state: ctypes.Structure) -> int:
        while (result := check(ctypes.byref(self._decoder), ctypes.byref(state))) == _MORE:
            pass
        self._record_result(result)
        return result

    def cut_power(self, after_writes: int, *, torn: int = 0) -> None:
        """Let the power fail in the write after `after_writes` writes. Its first `torn` bytes still reach the storage."""
        self._memory.writes_left, self._memory.torn = after_writes, torn

    def reset(self) -> None:
        """Restart the device: its RAM is lost, and it continues from its storage. Raises StorageError."""
        self._memory.writes_left = _ENDLESS
        ctypes.memset(self._workspace, 0xA5, ctypes.sizeof(self._workspace))
        self._record_result(self._library.fuota_frag_resume(ctypes.byref(self._decoder)))

    def _record_result(self, result: int) -> None:
        if result != _MISMATCH:
            self._result = result
        if result == _STORAGE:
            raise StorageError("the power of the device failed during a write: reset it to continue")


def _words(bits: int) -> int:
    return (bits + 31) // 32


def _row(frag_size: int, granularity: int) -> int:
    """Return the bytes in a row: a fragment, rounded up to a unit that the storage writes."""
    return -(-frag_size // max(granularity, 1)) * max(granularity, 1)


def _storage(rows: int, frag_size: int, granularity: int) -> tuple[_Memory, ctypes.Array[ctypes.c_uint8]]:
    row = _row(frag_size, granularity)
    size = rows * (row + max(granularity, 4))
    content = (ctypes.c_uint8 * size)()
    ctypes.memset(content, _ERASED, size)
    shape = {"size": size, "rows_end": rows * row, "row": row, "granularity": granularity}
    return _Memory(content=ctypes.addressof(content), **shape, writes_left=_ENDLESS, reads_left=_ENDLESS), content


def _callbacks(loaded: ctypes.CDLL) -> dict[str, int | None]:
    return {
        "read": ctypes.cast(loaded.memory_read, ctypes.c_void_p).value,
        "write": ctypes.cast(loaded.memory_write, ctypes.c_void_p).value,
    }


@functools.cache
def _library() -> ctypes.CDLL:
    path = library()
    try:
        loaded = ctypes.CDLL(str(path))
    except OSError as error:
        raise StorageError(f"the compiled decoder {path} cannot be loaded: {error}") from None
    loaded.fuota_frag_feed.argtypes = [ctypes.c_void_p, ctypes.c_uint32, ctypes.c_char_p, ctypes.c_uint32]
    loaded.fuota_frag_missing.restype = ctypes.c_uint32
    return loaded
