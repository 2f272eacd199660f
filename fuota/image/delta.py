"""Patches: what a device that runs one image needs to make another (detools), applied and compared before they are given out."""

from __future__ import annotations

import hashlib
import io
from dataclasses import dataclass, field
from types import ModuleType
from typing import Literal, get_args

from fuota.errors import ImageError, ParameterError
from fuota.findings import Findings, warning

Compression = Literal["heatshrink", "crle", "lzma", "bz2", "none"]
PatchType = Literal["sequential", "in-place"]

_BZ2_BYTES = 3_700_000
"""bzip2(1), memory management: 100 kB and four times the block of 900 kB."""
_LZMA_BYTES = 8 * 1024 * 1024
"""The dictionary of liblzma's preset 6, which the stream asks for however small it is (xz(1), DictSize)."""
_LARGE_RAM_BYTES = 64 * 1024
"""What many devices of this kind have in all."""


@dataclass(frozen=True, slots=True, kw_only=True)
class DeltaRecipe:
    """How a patch is made. Raises ParameterError.

    `compression`: what the device can unpack; `window` and `lookahead` of heatshrink, as exponents of 2 (detools' C library is
    built for 8 and 7). `in_place`: the device has no room for a second image, so the patch moves the running one within
    `memory_size` octets, by default what it takes, in segments of `segment_size`, a multiple of the flash page.
    """

    compression: Compression = "heatshrink"
    window: int = 8
    lookahead: int = 7
    in_place: bool = False
    memory_size: int | None = None
    segment_size: int = 4096

    def __post_init__(self) -> None:
        if self.compression not in get_args(Compression):
            raise ParameterError(
                f"compression {self.compression!r} was given: there are {', '.join(get_args(Compression))}"
            )
        if not 4 <= self.window <= 15 or not 3 <= self.lookahead < self.window:
            raise ParameterError(
                f"a window of {self.window} and a lookahead of {self.lookahead} were given: heatshrink takes windows of 4 to 15,"
                " and lookaheads from 3 to below the window; the usual ones are 8 and 7"
            )
        if self.segment_size < 1:
            raise ParameterError(f"segment_size {self.segment_size} was given: it is 1 or more, such as 4096")
        if self.memory_size is not None and not self.in_place:
            raise ParameterError("a memory_size was given, and the patch is not in place: leave one of them out")

    def memory_for(self, base_bytes: int, target_bytes: int) -> int:
        """Octets within which an in-place patch works: two segments more than the larger image. Raises ParameterError."""
        segments = -(-max(base_bytes, target_bytes) // self.segment_size)
        least = segments * self.segment_size
        if self.memory_size is None:
            return least + 2 * self.segment_size
        if self.memory_size < least or self.memory_size % self.segment_size:
            up = -(-self.memory_size // self.segment_size) * self.segment_size
            raise ParameterError(
                f"memory_size {self.memory_size} was given: it is a multiple of the segment of {self.segment_size}, and holds"
                f" the larger image; the nearest is {max(least, up)}"
            )
        return self.memory_size


@dataclass(frozen=True, slots=True, kw_only=True)
class Delta:
    """A patch that was applied to its base and gave its target, octet for octet.

    `data`: what is sent. `base_sha256`, `target_sha256`: hexadecimal, of the images before and after. `ram_bytes`: for unpacking,
    beside detools' own few hundred. `flash_bytes`: for all that lies in flash while it is applied: base, target and patch, or the
    memory within which it works in place, and the patch.
    """

    data: bytes = field(repr=False)
    base_sha256: str
    target_sha256: str
    base_bytes: int
    target_bytes: int
    patch_type: PatchType
    compression: Compression
    ram_bytes: int
    flash_bytes: int
    name: str = "delta.patch"

    @property
    def sha256(self) -> str:
        """SHA-256 of the patch itself, hexadecimal."""
        return hashlib.sha256(self.data).hexdigest()

    @property
    def ratio(self) -> float:
        """Octets of the patch for one of the target: below 1 it saves airtime."""
        return len(self.data) / self.target_bytes

    @property
    def findings(self) -> Findings:
        """What speaks against sending it (docs/images.md)."""
        found = []
        if self.ratio >= 1:
            found.append(
                warning(
                    "delta-larger",
                    f"the patch has {len(self.data)} bytes, its target {self.target_bytes}: send the target itself",
                )
            )
        if self.ram_bytes > _LARGE_RAM_BYTES:
            found.append(
                warning(
                    "delta-ram",
                    f"to unpack {self.compression} takes {self.ram_bytes} bytes of RAM: few devices have that; heatshrink takes"
                    " 256 bytes, crle next to none",
                )
            )
        return Findings(tuple(found))


def make_delta(base: bytes, target: bytes, recipe: DeltaRecipe | None = None) -> Delta:
    """The patch from `base` to `target`. Raises ImageError for an empty image, and where the patch does not give the target.

    Raises ParameterError for sizes that do not go together, and where the package detools is not installed.
    """
    recipe = recipe or DeltaRecipe()
    for image, name in ((base, "base"), (target, "target")):
        if not image:
            raise ImageError(f"the {name} has no bytes: a patch leads from one image to another")
    memory = recipe.memory_for(len(base), len(target)) if recipe.in_place else None
    patch = _made(base, target, recipe, memory)
    if apply(base, patch) != target:
        raise ImageError("the patch was applied to its base, and the target did not come out: it is not given out")
    return Delta(
        data=patch,
        base_sha256=hashlib.sha256(base).hexdigest(),
        target_sha256=hashlib.sha256(target).hexdigest(),
        base_bytes=len(base),
        target_bytes=len(target),
        patch_type="in-place" if recipe.in_place else "sequential",
        compression=recipe.compression,
        ram_bytes=_ram_bytes(recipe),
        flash_bytes=len(patch) + (len(base) + len(target) if memory is None else memory),
    )


def apply(base: bytes, patch: bytes) -> bytes:
    """The image that a patch (detools, or BSDIFF40) makes of its base. Raises ImageError for a damaged patch, or another base."""
    from fuota.image.formats import bsdiff_patch

    try:
        made = (_bspatched if bsdiff_patch.recognises(patch) else _applied)(base, patch)
    except (ImageError, ParameterError):
        raise
    except Exception as exc:  # these parsers promise nothing of what they raise for damaged input
        raise ImageError(
            f"the patch cannot be applied to this base ({type(exc).__name__}: {str(exc)[:100]}): it is damaged, or for another"
        ) from None
    if not made:
        raise ImageError("it makes no image of this base: it is no patch")
    return made


def bound(base: bytes, patch: bytes) -> tuple[str, str]:
    """SHA-256, hexadecimal, of the base of a patch and of what it makes. Raises ImageError as `apply` does."""
    return hashlib.sha256(base).hexdigest(), hashlib.sha256(apply(base, patch)).hexdigest()


def _bspatched(base: bytes, patch: bytes) -> bytes:
    from fuota.image.formats import bsdiff_patch

    bsdiff_patch.checked(patch)
    if not patch.startswith(bsdiff_patch.THREE):
        raise ImageError(
            "the patch is of ENDSLEY/BSDIFF43, which is not applied here: BSDIFF40 and those of detools are"
        )
    return bytes(_package("bsdiff4").patch(base, patch))


def _applied(base: bytes, patch: bytes) -> bytes:
    """By detools, once the patch was seen to make sense: it follows any, and fills all memory."""
    from fuota.image.formats.detools_patch import IN_PLACE, checked

    found, damage = checked(patch)
    if damage is not None:
        raise ImageError(f"the patch cannot be applied: {damage.message}")
    detools = _package("detools")
    if found.kind != IN_PLACE:
        made = io.BytesIO()
        detools.apply_patch(io.BytesIO(base), io.BytesIO(patch), made)
        return made.getvalue()
    memory, from_size = found.memory_bytes or 0, found.base_bytes or 0
    if len(base) != from_size:
        raise ImageError(f"the patch is for a base of {from_size} bytes, in {memory}; this one has {len(base)}")
    flash = io.BytesIO(base.ljust(memory, b"\xff"))
    detools.apply_patch_in_place(flash, io.BytesIO(patch))
    return flash.getvalue()[: found.target_bytes]


def _made(base: bytes, target: bytes, recipe: DeltaRecipe, memory: int | None) -> bytes:
    patch = io.BytesIO()
    in_place = {"patch_type": "in-place", "memory_size": memory, "segment_size": recipe.segment_size}
    _package("detools").create_patch(
        io.BytesIO(base),
        io.BytesIO(target),
        patch,
        compression=recipe.compression,
        heatshrink_window_sz2=recipe.window,
        heatshrink_lookahead_sz2=recipe.lookahead,
        **({} if memory is None else in_place),
    )
    return patch.getvalue()


def _ram_bytes(recipe: DeltaRecipe) -> int:
    """What the decoder of the compression allocates."""
    return {"heatshrink": 1 << recipe.window, "bz2": _BZ2_BYTES, "lzma": _LZMA_BYTES}.get(recipe.compression, 0)


def _package(name: str) -> ModuleType:
    from importlib import import_module

    try:
        return import_module(name)
    except ModuleNotFoundError:
        raise ParameterError(f"patches need the package {name!r}: pip install 'fuota[delta]'") from None
