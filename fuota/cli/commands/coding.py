"""Commands `fuota encode` and `fuota decode`: a file to TS004 fragments and back (see fuota.fragmentation.fragment_file)."""

from __future__ import annotations

from dataclasses import dataclass
from itertools import chain, islice
from typing import IO, TYPE_CHECKING, Literal

import click

from fuota.cli.help import Command, OptionsUnder, fragment_option, radio_option
from fuota.cli.image_input import content_of
from fuota.cli.options.group import option_group
from fuota.cli.output import Output, with_output
from fuota.cli.output_file import open_output, stream_option
from fuota.cli.render.notice import notice_if_slow

if TYPE_CHECKING:
    from fuota.device.native import NativeDecoder
    from fuota.fragmentation import FragDecoder, FragmentationSession
    from fuota.fragmentation.fragment_file import SessionLine

decoder_option = OptionsUnder("Decoder")


@dataclass(frozen=True, slots=True, kw_only=True)
class CodingOptions:
    """Parameters of the fragmentation. redundancy: a share (float) or a number of coded fragments (int)."""

    frag_size: int | None
    redundancy: float | int
    coded: Literal["consecutive", "chosen"]
    version: str
    variant: Literal["deployed", "literal"]
    region_name: str
    data_rate: int

    def session(self, content: bytes) -> FragmentationSession:
        """Return the session that carries `content`. Raises PlanError, ImageError and ParameterError."""
        from fuota.fragmentation import FragmentationSession
        from fuota.radio import check_frag_size, largest_frag_size, region

        channel_plan = region(self.region_name)
        if self.frag_size is not None:
            check_frag_size(channel_plan, self.data_rate, self.frag_size)
        return FragmentationSession.fit(
            content,
            frag_size=self.frag_size or largest_frag_size(channel_plan, self.data_rate),
            redundancy=self.redundancy,
            version=int(self.version),
            variant=self.variant,
            coded=self.coded,
        )


def parse_redundancy(text: str) -> float | int:
    """Parse a share of the uncoded fragments ("0.3", "30%") or a number of coded fragments ("25"). Raises click.BadParameter."""
    try:
        if text.endswith("%"):
            return float(text[:-1]) / 100
        return int(text) if text.isdecimal() else float(text)
    except ValueError:
        raise click.BadParameter(f"{text!r} is neither a share (0.3, 30%) nor a number of fragments (25)") from None


@click.command(
    cls=Command,
    examples=(
        "fuota encode app.bin -o app.fragments",
        "fuota encode app.bin --redundancy 30% | shuf | fuota decode - -o copy.bin",
    ),
)
@click.argument("image", type=click.File("rb"))
@stream_option("File of fragments; - is stdout.")
@option_group(
    "coding",
    CodingOptions,
    fragment_option(
        "--frag-size",
        "-s",
        type=int,
        metavar="BYTES",
        help="Bytes per fragment.  [default: the largest that fits the data rate]",
    ),
    fragment_option(
        "--redundancy",
        "-r",
        type=parse_redundancy,
        metavar="SHARE|COUNT",
        default="0.3",
        show_default=True,
        help="Coded fragments: a share (0.3 or 30%) or a number (25).",
    ),
    fragment_option(
        "--coded",
        type=click.Choice(["consecutive", "chosen"]),
        default="consecutive",
        show_default=True,
        help="Numbers of the coded fragments: consecutive, or chosen to repair more losses.",
    ),
    fragment_option(
        "--version", type=click.Choice(["1", "2"]), default="1", show_default=True, help="Version of TS004."
    ),
    fragment_option(
        "--variant",
        type=click.Choice(["deployed", "literal"]),
        default="deployed",
        show_default=True,
        help="Reading of version 2: as devices implement it, or as the text has it.",
    ),
    radio_option(
        "--region",
        "region_name",
        metavar="NAME",
        default="EU868",
        show_default=True,
        help="Region whose payload sizes the fragments must fit.",
    ),
    radio_option(
        "--data-rate",
        "-d",
        type=int,
        metavar="DR",
        default=5,
        show_default=True,
        help="Data rate that the fragments must fit.",
    ),
)
@with_output
def encode(*, image: IO[bytes], output: str, coding: CodingOptions, out: Output) -> int:
    """Cut IMAGE into uncoded and coded TS004 fragments.

    IMAGE may be - for stdin. The output is JSON Lines, one line per fragment, for `fuota decode`.
    """
    from fuota.fragmentation.fragment_file import SessionLine, fragment_lines

    session = coding.session(content_of(image))
    lines = fragment_lines(session)
    with notice_if_slow(out):
        first_lines = list(islice(lines, 2))  # the first fragment is the first use of the engine
    with open_output(output, "w") as file:
        file.writelines(chain(first_lines, lines))
    if output != "-":
        out.event("encoded", output=output, nb_coded=session.nb_coded, **SessionLine.of(session).to_json())
    out.say(
        f"{len(session.data)} bytes in {session.nb_frag} uncoded and {session.nb_coded} coded fragments of"
        f" {session.frag_size} bytes, {session.padding} bytes of padding (TS004 version {session.version})"
    )
    return 0


@click.command(
    cls=Command,
    examples=(
        "fuota decode app.fragments -o app.bin",
        "fuota encode app.bin | fuota decode - --native -o copy.bin",
    ),
)
@click.argument("fragments", type=click.File("rb"))
@stream_option("File for the image; - is stdout.")
@decoder_option(
    "--native", is_flag=True, help="Use the C decoder that runs in devices; it needs a C compiler on its first use."
)
@with_output
def decode(*, fragments: IO[bytes], output: str, native: bool, out: Output) -> int:
    """Reassemble an image from FRAGMENTS, in any order.

    FRAGMENTS is a file that `fuota encode` wrote, or - for stdin. Lines may be missing or repeated.
    """
    import hashlib

    from fuota.files import read_whole
    from fuota.fragmentation.fragment_file import read_fragments

    description, received = read_fragments(read_whole(fragments, what=fragments.name).splitlines())
    with notice_if_slow(out):
        decoder = _decoder(description, native=native)
        for fragment in received:
            decoder.feed(fragment.n, fragment.payload)
    image = decoder.data()
    description.check(image, getattr(decoder, "contradictions", 0))
    with open_output(output, "wb") as file:
        file.write(image)
    digest = hashlib.sha256(image).hexdigest()
    if output != "-":
        out.event("decoded", output=output, bytes=len(image), sha256=digest, fragments=decoder.received)
    out.say(f"{len(image)} bytes from {decoder.received} fragments, SHA-256 {digest}")
    return 0


def _decoder(description: SessionLine, *, native: bool) -> FragDecoder | NativeDecoder:
    """Return a decoder for the session."""
    return _decoder_class(native=native)(
        nb_frag=description.nb_frag,
        frag_size=description.frag_size,
        padding=description.padding,
        version=description.version,
        variant=description.variant,
    )


def _decoder_class(*, native: bool) -> type[FragDecoder | NativeDecoder]:
    """Return the class; the decoder in C counts no contradictions, because it keeps no surplus fragments."""
    if native:
        from fuota.device.native import NativeDecoder

        return NativeDecoder
    from fuota.fragmentation import FragDecoder

    return FragDecoder
