"""Help of the commands: complete, with examples, and fast."""

from __future__ import annotations

import os
import shlex
import subprocess
import sys
from collections.abc import Iterator

import click
import pytest

from fuota.cli import SECTIONS, cli
from tests.cli.conftest import SAMPLE

HEAVY = ("numba", "numpy", "requests", "fastapi", "uvicorn", "rich", "sqlite3", "cryptography")


def commands(group: click.Group, path: tuple[str, ...] = ()) -> Iterator[tuple[tuple[str, ...], click.Command]]:
    context = click.Context(group)
    for name in group.list_commands(context):
        command = group.get_command(context, name)
        yield (*path, name), command
        if isinstance(command, click.Group):
            yield from commands(command, (*path, name))


COMMANDS = dict(commands(cli))


def squeezed(text: str) -> str:
    """Return the text without white space, because help is wrapped."""
    return "".join(text.split())


def test_all_commands_exist():
    assert {" ".join(path) for path in COMMANDS} == {
        "demo",
        "plan",
        "simulate",
        "launch",
        "watch",
        "cancel",
        "transfer",
        "transfer start",
        "transfer status",
        "transfer cancel",
        "encode",
        "decode",
        "device",
        "device register",
        "device activate",
        "device activate-one",
        "device deactivate",
        "device update",
        "device export",
        "device transfer",
        "device task",
        "downlink",
        "downlink send",
        "downlink multicast",
        "downlink clear",
        "group",
        "group setup",
        "group add",
        "group remove",
        "group status",
        "group send",
        "group delete",
        "image",
        "image inspect",
        "image check",
        "image convert",
        "image delta",
        "message",
        "message encode",
        "message decode",
        "uplinks",
        "uplinks decode",
        "uplinks listen",
        "doctor",
        "sandbox",
        "sandbox serve",
        "airtime",
        "region",
        "region list",
        "region show",
        "journal",
        "journal check",
        "journal salvage",
    }


@pytest.mark.parametrize("path", COMMANDS, ids=" ".join)
@pytest.mark.parametrize("flag", ["--help", "-h"])
def test_help_describes_the_command_and_each_parameter(fuota, path, flag):
    command = COMMANDS[path]
    result = fuota(*path, flag)
    assert (result.code, result.err) == (0, "")
    shown = squeezed(result.out)
    assert squeezed((command.help or "-").split("\n")[0]) in shown
    for parameter in command.params:
        if isinstance(parameter, click.Option):
            assert parameter.help, f"{parameter.name} has no help"
            assert squeezed(parameter.help.split("[default")[0]) in shown, f"the help of {parameter.name} is not shown"
            assert all(name in shown for name in parameter.opts)
        else:
            assert (parameter.metavar or str(parameter.name).upper()) in shown


@pytest.mark.parametrize("path", [path for path, command in COMMANDS.items() if not isinstance(command, click.Group)])
def test_every_command_has_json(path):
    assert any("--json" in parameter.opts for parameter in COMMANDS[path].params)


def test_help_names_every_exit_code_and_version_is_shown(fuota):
    shown = fuota("--help").out
    assert all(f"{code} " in shown.split("Exit codes:")[1] for code in range(9))
    assert fuota("--version").out.startswith("fuota, version ")


@pytest.mark.parametrize("path", [(), ("transfer",), ("sandbox",)])
def test_group_without_command_shows_its_help(fuota, path):
    result = fuota(*path)
    assert result.out + result.err == fuota(*path, "--help").out
    assert "(see fuota" not in result.err


@pytest.mark.parametrize(
    ("arguments", "complaint"),
    [
        (["lunch"], "fuota: No such command 'lunch'."),
        (["airtime"], "fuota: Missing argument 'BYTES'. (see fuota airtime --help)"),
        (["encode", "/no/such/file"], "No such file or directory"),
        (["airtime", "20", "--region", "EU86"], "unknown region 'EU86'"),
        (["launch", "/", "--json"], "Is a directory"),
    ],
)
def test_wrong_command_line_gives_one_line_and_exit_code_2(fuota, arguments, complaint):
    result = fuota(*arguments)
    assert result.code == 2
    assert complaint in result.complaint


def test_every_command_is_below_a_heading_of_the_top_level_help(fuota):
    shown = fuota("--help").out
    for heading, commands in SECTIONS.items():
        section = shown.split(f"{heading}:\n")[1].split("\n\n")[0]
        assert [line.split()[0] for line in section.splitlines() if line[:3].strip()] == list(commands)
    assert sorted(name for commands in SECTIONS.values() for name in commands) == cli.list_commands(click.Context(cli))


@pytest.mark.parametrize("path", [(), *COMMANDS], ids=" ".join)
def test_lines_of_help_fit_80_columns_uncut(fuota, monkeypatch, path):
    monkeypatch.setenv("COLUMNS", "80")
    shown = fuota(*path, "--help").out
    assert max(map(len, shown.splitlines())) <= 80
    assert "..." not in shown.replace("...]", "").replace("]...", "").replace("[ARGS]...", "").replace("0x...", "")


@pytest.mark.parametrize("path", [(), *COMMANDS], ids=" ".join)
def test_examples_in_help_are_valid_command_lines(path):
    examples = getattr(COMMANDS[path] if path else cli, "examples", ())
    assert examples
    for example in examples:
        for command_line in example.replace("\\\n", " ").split("|"):
            program, *words = shlex.split(command_line)
            if program == "fuota":
                parse(cli, words)


def parse(command: click.Command, words: list[str]) -> None:
    """Parse a command line without running it. Raises UsageError for unknown options and missing arguments."""
    context = click.Context(command, info_name="fuota")
    while isinstance(context.command, click.Group):
        name, subcommand, words = context.command.resolve_command(context, words)
        assert subcommand is not None
        context = click.Context(subcommand, info_name=name, parent=context)
    values, rest, _ = context.command.make_parser(context).parse_args(list(words))
    assert not rest
    for parameter in context.command.params:
        missing = values.get(parameter.name) is None or type(values[parameter.name]).__name__ == "Sentinel"
        assert not (parameter.required and missing and parameter.default is None), f"{parameter.name} is missing"


IMPORTS = [
    (["--help"], HEAVY),
    (["image", "check", str(SAMPLE)], ("numba", "numpy", "requests", "fastapi", "sqlite3")),
    (["downlink", "send", "0000000000000001", "01", "--dry-run"], ("numba", "numpy", "requests", "fastapi", "sqlite3")),
    (["device", "activate", "--dev-eui", "0000000000000001", "--dry-run"], ("numba", "numpy", "fastapi", "sqlite3")),
]


@pytest.mark.parametrize(("arguments", "heavy"), IMPORTS, ids=lambda value: value[0])
def test_light_commands_do_not_load_heavy_modules(arguments, heavy):
    script = f"""
import sys
from fuota.cli import main
try:
    main({arguments!r})
except SystemExit as exited:
    assert exited.code == 0
print("loaded:", *sorted(set({heavy!r}) & set(sys.modules)))
"""
    environment = os.environ | {"FUOTA_API_KEY": "AK2:x"}
    done = subprocess.run([sys.executable, "-c", script], capture_output=True, text=True, check=True, env=environment)
    assert done.stdout.splitlines()[-1] == "loaded:"


def test_help_of_every_command_loads_nothing_heavy():
    script = f"""
import sys, fuota
from fuota.cli import main
for arguments in [["--help"], *{[[*path, "--help"] for path in COMMANDS]!r}]:
    try:
        main(arguments)
    except SystemExit as exited:
        assert exited.code == 0, arguments
print("loaded:", *sorted(set({HEAVY!r}) & set(sys.modules)))
"""
    done = subprocess.run([sys.executable, "-c", script], capture_output=True, text=True, check=True)
    assert done.stdout.splitlines()[-1] == "loaded:"
