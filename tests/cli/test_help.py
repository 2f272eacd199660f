"""Help: complete, and instant."""

from __future__ import annotations

import os
import resource
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import click
import pytest

from fuota.cli import cli

HEAVY = ("numba", "numpy", "requests", "fastapi", "uvicorn", "rich", "sqlite3", "cryptography")


def commands(group: click.Group, path: tuple[str, ...] = ()) -> Iterator[tuple[tuple[str, ...], click.Command]]:
    for name, command in group.commands.items():
        yield (*path, name), command
        if isinstance(command, click.Group):
            yield from commands(command, (*path, name))


COMMANDS = dict(commands(cli))


def squeezed(text: str) -> str:
    """Without white space, since help is wrapped."""
    return "".join(text.split())


def test_the_commands_are_those_of_the_design():
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
    }


@pytest.mark.parametrize("path", COMMANDS, ids=" ".join)
@pytest.mark.parametrize("flag", ["--help", "-h"])
def test_help_of_a_command_says_what_it_does_and_what_each_parameter_means(fuota, path, flag):
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


@pytest.mark.parametrize("path", [path for path, one in COMMANDS.items() if not isinstance(one, click.Group)])
def test_json_is_everywhere(path):
    assert any("--json" in parameter.opts for parameter in COMMANDS[path].params)


def test_the_help_names_every_exit_code_and_the_version_is_shown(fuota):
    shown = fuota("--help").out
    assert all(f"{code} " in shown.split("Exit codes:")[1] for code in range(9))
    assert fuota("--version").out.startswith("fuota, version ")


@pytest.mark.parametrize("path", [(), ("transfer",), ("sandbox",)])
def test_without_a_command_the_help_is_shown_as_it_is(fuota, path):
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
def test_a_wrong_command_line_is_one_line_and_exit_code_2(fuota, arguments, complaint):
    result = fuota(*arguments)
    assert result.code == 2
    assert complaint in result.complaint


def test_help_loads_nothing_heavy():
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


def test_help_takes_less_than_300_ms_of_processor_time():
    def processor_s() -> float:
        used = resource.getrusage(resource.RUSAGE_CHILDREN)
        return used.ru_utime + used.ru_stime

    environment = {name: value for name, value in os.environ.items() if name != "PYTHONDONTWRITEBYTECODE"}
    taken = []
    for _ in range(3):  # the first may write bytecode
        before = processor_s()
        program = Path(sys.executable).parent / "fuota"
        subprocess.run([program, "--help"], env=environment, stdout=subprocess.DEVNULL, check=True)
        taken.append(processor_s() - before)
    assert min(taken) < 0.3
