"""fuota encode, fuota decode: a file to TS004 fragments and back.

The fragments travel as JSON Lines: one line that describes the session, and one for each fragment with its number and its
octets in hexadecimal. The lines may come in any order and more than once, so `shuf` and `grep` can play the air.
"""

from __future__ import annotations

import hashlib
import json
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from itertools import chain
from typing import IO, TYPE_CHECKING, Any

import click

from fuota.cli.image_input import content_of
from fuota.cli.output import Output, with_output
from fuota.cli.render.notice import patience_at_first_use
from fuota.errors import ImageError, MessageError

if TYPE_CHECKING:
    from fuota.device.native import NativeDecoder
    from fuota.fragmentation import FragDecoder


def parse_redundancy(text: str) -> float | int:
    """A share of the uncoded fragments ("0.3", "30%") or a count ("25"). Raises click.BadParameter."""
    try:
        if text.endswith("%"):
            return float(text[:-1]) / 100
        return int(text) if text.isdecimal() else float(text)
    except ValueError:
        raise click.BadParameter(f"{text!r} is neither a share (0.3, 30%) nor a count (25)") from None


def output_option(described: str) -> Callable[[Any], Any]:
    """--output, -o"""
    path = click.Path(allow_dash=True, dir_okay=False)
    return click.option("--output", "-o", type=path, default="-", help=described)


@click.command()
@click.argument("image", type=click.File("rb"))
@output_option("File of fragments; - is stdout.")
@click.option(
    "--frag-size", "-s", type=int, help="Octets per fragment.  [default: the largest that the data rate carries]"
)
@click.option(
    "--redundancy",
    "-r",
    type=parse_redundancy,
    metavar="SHARE|COUNT",
    default="0.3",
    show_default=True,
    help="0.3, 30% or a count of coded fragments.",
)
@click.option(
    "--region", "region_name", default="EU868", show_default=True, help="Channel plan that the fragments must fit."
)
@click.option(
    "--data-rate", "-d", type=int, default=5, show_default=True, help="Data rate that the fragments must fit."
)
@click.option("--version", type=click.Choice(["1", "2"]), default="1", show_default=True, help="TS004 version.")
@click.option(
    "--variant",
    type=click.Choice(["deployed", "literal"]),
    default="deployed",
    show_default=True,
    help="Reading of version 2.",
)
@click.option(
    "--coded",
    type=click.Choice(["consecutive", "chosen"]),
    default="consecutive",
    show_default=True,
    help="Numbers of the coded fragments: the next ones, or chosen to repair more.",
)
@with_output
def encode(  # noqa: PLR0913 - options
    *,
    image: IO[bytes],
    output: str,
    frag_size: int | None,
    redundancy: float | int,
    region_name: str,
    data_rate: int,
    version: str,
    variant: Any,
    coded: Any,
    out: Output,
) -> int:
    """Cut IMAGE into TS004 fragments, coded ones included. IMAGE may be - for a pipe."""
    from fuota.fragmentation import FragmentationSession
    from fuota.radio import check_frag_size, largest_frag_size, region

    plan = region(region_name)
    if frag_size is not None:
        check_frag_size(plan, data_rate, frag_size)
    session = FragmentationSession.fit(
        content_of(image),
        frag_size=frag_size or largest_frag_size(plan, data_rate),
        redundancy=redundancy,
        version=int(version),
        variant=variant,
        coded=coded,
    )
    described = {
        "nb_frag": session.nb_frag,
        "frag_size": session.frag_size,
        "padding": session.padding,
        "version": session.version,
        "variant": session.code.variant,
        "sha256": hashlib.sha256(session.data).hexdigest(),
    }
    with patience_at_first_use(out):
        fragments = session.fragments()
        first = next(fragments)
    with opened_output(output, "w") as file:
        file.write(json.dumps({"session": described}) + "\n")
        for fragment in chain([first], fragments):
            file.write(f'{{"n": {fragment.n}, "payload": "{fragment.payload.hex()}"}}\n')
    if output != "-":
        out.event("encoded", output=output, nb_coded=session.nb_coded, **described)
    out.say(
        f"{len(session.data)} bytes in {session.nb_frag} uncoded and {session.nb_coded} coded fragments of"
        f" {session.frag_size} bytes, {session.padding} of padding (TS004 version {session.version})"
    )
    return 0


@click.command()
@click.argument("fragments", type=click.File("rb"))
@output_option("File for the image; - is stdout.")
@click.option("--native", is_flag=True, help="With the decoder in C that devices run; needs a C compiler, once.")
@with_output
def decode(fragments: IO[bytes], output: str, native: bool, out: Output) -> int:
    """Reassemble an image from FRAGMENTS, as `fuota encode` writes them: any order, any that are there."""
    described, lines = _read(fragments)
    with patience_at_first_use(out):
        decoder, sha256 = _reassembled(described, lines, native)
    image = decoder.data()
    _check(image, getattr(decoder, "contradictions", 0), sha256)
    with opened_output(output, "wb") as file:
        file.write(image)
    digest = hashlib.sha256(image).hexdigest()
    if output != "-":
        out.event("decoded", output=output, bytes=len(image), sha256=digest, fragments=decoder.received)
    out.say(f"{len(image)} bytes from {decoder.received} fragments, SHA-256 {digest}")
    return 0


def _read(lines: IO[bytes]) -> tuple[dict[str, Any], list[tuple[int, bytes]]]:
    """The session and the fragments. The line that describes the session may be anywhere among them, and repeated."""
    described: dict[str, Any] | None = None
    fragments = []
    for number, line in enumerate(lines, start=1):
        try:
            record = json.loads(line)
            if "session" not in record:
                fragments.append((_whole(record["n"]), bytes.fromhex(record["payload"])))
                continue
        except (ValueError, KeyError, TypeError, RecursionError) as error:
            reason = str(error).split(";")[0] or type(error).__name__
            raise MessageError(f"line {number} is no fragment: {reason}; `fuota encode` shows the form") from None
        if described not in (None, record["session"]):
            raise MessageError(f"line {number} describes another session: these are fragments of two images")
        described = record["session"]
    if described is None:
        raise MessageError('no line describes the session ({"session": {"nb_frag": ..., "frag_size": ...}})')
    return described, fragments


def _whole(value: object) -> int:
    if isinstance(value, bool) or not isinstance(value, int):
        raise TypeError(f"{value!r} is no whole number")
    return value


def _reassembled(
    described: object, fragments: list[tuple[int, bytes]], native: bool
) -> tuple[FragDecoder | NativeDecoder, str | None]:
    """A decoder that has had all the fragments, and the SHA-256 that the session line names, if it does."""
    session = dict(described) if isinstance(described, dict) else {}
    sha256 = session.pop("sha256", None)
    variant = session.pop("variant", "deployed")
    if not {"nb_frag", "frag_size"} <= set(session) <= {"nb_frag", "frag_size", "padding", "version"}:
        raise MessageError("the session line is not understood: `fuota encode` shows the form")
    try:
        numbers: dict[str, Any] = {name: _whole(value) for name, value in session.items()}
    except TypeError as error:
        raise MessageError(f"the session line is not understood: {error}") from None
    decoder = _decoder(native)(**numbers, variant=variant)
    for n, payload in fragments:
        decoder.feed(n, payload)
    return decoder, sha256


def _decoder(native: bool) -> type[FragDecoder | NativeDecoder]:
    """The decoder in C notices no contradictions: it keeps no fragment beyond those that it needs."""
    if native:
        from fuota.device.native import NativeDecoder

        return NativeDecoder
    from fuota.fragmentation import FragDecoder

    return FragDecoder


def _check(image: bytes, contradictions: int, sha256: str | None) -> None:
    """Raise ImageError where what was reassembled is not what was encoded, as far as anything tells."""
    digest = hashlib.sha256(image).hexdigest()
    if sha256 not in (None, digest):
        raise ImageError(
            f"the image reassembled has SHA-256 {digest}, the one encoded had {sha256}: fragments are damaged, or of another"
            " image, version or variant; nothing was written"
        )
    if contradictions:
        raise ImageError(
            f"{contradictions} fragments contradict the others: they are damaged, or of another image, version or variant;"
            " nothing was written"
        )


@contextmanager
def opened_output(path: str, mode: str) -> Iterator[IO[Any]]:
    """The file to write, stdout for -. Raises StorageError where it cannot be opened or takes no more."""
    from fuota.errors import StorageError

    try:
        with click.open_file(path, mode) as file:
            yield file
    except OSError as error:
        if path == "-":
            raise  # stdout, which is not ours alone: see with_output
        raise StorageError(f"{path} cannot be written: {error.strerror}") from None
