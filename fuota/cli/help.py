"""Help of the commands: examples, options below headings, and commands below headings.

@click.command(cls=Command, examples=("fuota airtime 64 --region IN865",))
@radio_option("--region", ...)
"""

from __future__ import annotations

import re
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass
from importlib import import_module
from textwrap import indent
from typing import Any

import click

CommandFunction = Callable[..., int]
"""Function of a command; it returns the exit code."""
Decorator = Callable[[CommandFunction], CommandFunction]
"""Decorator that adds options to a command."""

OUTPUT = "Output"
"""Heading of --json, --help, and the files that a command writes; always the last heading."""
NON_BREAKING_HYPHEN = "\u2011"
MAX_SUMMARY = 160
"""Longest first sentence of a command that is shown whole in a list of commands."""


class HeadedOption(click.Option):
    """Option that the help lists below `heading`."""

    def __init__(self, *args: Any, heading: str, **attributes: Any) -> None:
        super().__init__(*args, **attributes)
        self.heading = heading

    def get_help_record(self, ctx: click.Context) -> tuple[str, str] | None:
        """Return names and text of the option, with ranges as words: "1 to 15" instead of "1<=x<=15"."""
        record = super().get_help_record(ctx)
        if record is None:
            return None
        text = re.sub(r"(\S+?)<=x<=([\d.]+)", r"\1 to \2", record[1])
        return record[0].replace(" RANGE", ""), re.sub(r"x>=([\d.]+)", r"\1 or more", text)


@dataclass(frozen=True, slots=True)
class OptionsUnder:
    """Decorator like `click.option`, for options that the help lists below `heading`."""

    heading: str

    def __call__(self, *declarations: str, **attributes: Any) -> Decorator:
        """Return a decorator that adds an option to a command; it takes the parameters of `click.option`."""
        return click.option(*declarations, cls=HeadedOption, heading=self.heading, **attributes)


image_option = OptionsUnder("Image")
fragment_option = OptionsUnder("Fragments")
radio_option = OptionsUnder("Radio")
timing_option = OptionsUnder("Timing")
target_option = OptionsUnder("Target")
fleet_option = OptionsUnder("Fleet")
watch_option = OptionsUnder("Watching")
sandbox_option = OptionsUnder("Sandbox")
server_option = OptionsUnder("Server")
output_option = OptionsUnder(OUTPUT)


class Formatter(click.HelpFormatter):
    """Formatter that breaks no line inside the name of an option, such as --dev-file."""

    def write_text(self, text: str) -> None:
        """Write a paragraph."""
        super().write_text(text.replace("-", NON_BREAKING_HYPHEN))

    def write_dl(self, rows: Iterable[tuple[str, str]], col_max: int = 30, col_spacing: int = 2) -> None:
        """Write a list of names and texts in two columns."""
        unbroken = [(name, text.replace("-", NON_BREAKING_HYPHEN)) for name, text in rows]
        super().write_dl(unbroken, col_max, col_spacing)

    def getvalue(self) -> str:
        """Return the text that was written."""
        return super().getvalue().replace(NON_BREAKING_HYPHEN, "-")


class HelpContext(click.Context):
    """Context that formats help with `Formatter`."""

    formatter_class = Formatter


class Command(click.Command):
    """Command whose help ends with examples.

    examples: command lines of at most 78 columns, which can be run as they are when their files exist. A longer one is continued
    on the next line after a backslash.
    """

    context_class = HelpContext

    def __init__(self, *args: Any, examples: Sequence[str] = (), **attributes: Any) -> None:
        super().__init__(*args, **attributes)
        self.examples = examples

    def format_options(self, ctx: click.Context, formatter: click.HelpFormatter) -> None:
        """Write the options below their headings, then the examples."""
        write_options(self.get_params(ctx), ctx, formatter)
        write_examples(self.examples, formatter)


class Group(click.Group):
    """Group of commands, whose help lists them below the headings of `sections`, and ends with examples.

    sections: names of commands, keyed by their heading. Commands that are in no section are below "Commands".
    modules: module of each command that is imported when the command is needed. It has the command under its name.
    """

    context_class = HelpContext
    command_class = Command

    def __init__(
        self,
        *args: Any,
        examples: Sequence[str] = (),
        sections: Mapping[str, Sequence[str]] | None = None,
        modules: Mapping[str, str] | None = None,
        **attributes: Any,
    ) -> None:
        super().__init__(*args, **attributes)
        self.examples = examples
        self.sections = sections or {}
        self.modules = modules or {}

    def list_commands(self, ctx: click.Context) -> list[str]:
        """Return the names of all commands, in alphabetical order."""
        return sorted({*super().list_commands(ctx), *self.modules})

    def get_command(self, ctx: click.Context, cmd_name: str) -> click.Command | None:
        """Return the command of that name, imported if necessary; None if there is no such command."""
        if cmd_name in self.modules and cmd_name not in self.commands:
            self.add_command(getattr(import_module(self.modules[cmd_name]), cmd_name))
        return super().get_command(ctx, cmd_name)

    def format_options(self, ctx: click.Context, formatter: click.HelpFormatter) -> None:
        """Write the commands, then the options, then the examples."""
        self.format_commands(ctx, formatter)
        write_options(self.get_params(ctx), ctx, formatter)
        write_examples(self.examples, formatter)

    def format_commands(self, ctx: click.Context, formatter: click.HelpFormatter) -> None:
        """Write the commands below their headings, each with the first sentence of its help."""
        placed = {name for names in self.sections.values() for name in names}
        names = self.list_commands(ctx)
        width = max(map(len, names), default=0)
        for heading, section in {**self.sections, "Commands": [name for name in names if name not in placed]}.items():
            commands = [(name, self.get_command(ctx, name)) for name in section]
            rows = [
                (f"{name:{width}}", command.get_short_help_str(limit=MAX_SUMMARY))
                for name, command in commands
                if command
            ]
            if rows:
                with formatter.section(heading):
                    formatter.write_dl(rows)


def write_options(parameters: Sequence[click.Parameter], ctx: click.Context, formatter: click.HelpFormatter) -> None:
    """Write the options below their headings, in the order in which the headings appear; the heading "Output" is last.

    Options without a heading are below "Options"; --help is below "Output" if there is such a heading.
    """
    sections: dict[str, list[tuple[str, str]]] = {}
    for parameter in parameters:
        if not isinstance(parameter, click.Option):
            continue  # the usage line has the arguments
        heading = OUTPUT if OUTPUT in sections and "--help" in parameter.opts else "Options"
        if isinstance(parameter, HeadedOption):
            heading = parameter.heading
        if (record := parameter.get_help_record(ctx)) is not None:
            sections.setdefault(heading, []).append(record)
    for heading in sorted(sections, key=OUTPUT.__eq__):
        with formatter.section(heading):
            formatter.write_dl(sections[heading])


def write_examples(examples: Sequence[str], formatter: click.HelpFormatter) -> None:
    """Write the section of the examples, unwrapped so that they can be copied."""
    if examples:
        with formatter.section("Examples"):
            for example in examples:
                formatter.write(f"{indent(example, ' ' * formatter.current_indent)}\n")
