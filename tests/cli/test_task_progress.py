"""Progress of a task: on stderr, and in a pipe one line per chunk."""

from __future__ import annotations

import io
import sys

import pytest

from fuota.cli.output import Output
from fuota.cli.render.progress import shown, title
from fuota.network.senra import Chunk, TaskRef, TaskStatus

STATUS = TaskStatus.from_answer({"state": "RUNNING", "pctDone": 40})


class Terminal(io.StringIO):
    def isatty(self) -> bool:
        return True


def report_twice() -> None:
    with shown(Output(as_json=False)) as report:
        report("chunk 1 of 2, 5 devices", None)
        report("chunk 1 of 2, 5 devices", STATUS)
        report("chunk 2 of 2, 5 devices", STATUS)


def test_pipe_gets_one_line_per_chunk(capsys):
    report_twice()
    assert capsys.readouterr() == ("", "chunk 1 of 2, 5 devices\nchunk 2 of 2, 5 devices\n")


def test_terminal_gets_a_bar(monkeypatch, capsys):
    terminal = Terminal()
    monkeypatch.setattr(sys, "stderr", terminal)
    monkeypatch.setenv("TERM", "xterm")
    report_twice()
    assert capsys.readouterr().out == ""
    assert "chunk 2 of 2, 5 devices" in terminal.getvalue()
    assert "40%" in terminal.getvalue()


@pytest.mark.parametrize(("number", "of", "words"), [(1, 1, "job, 2 devices"), (3, 9, "job, chunk 3 of 9, 2 devices")])
def test_title_of_a_chunk(number, of, words):
    task = TaskRef(request_id="job", status_url="", raw={})
    assert title(Chunk(number=number, count=of, dev_euis=("a", "b"), task=task)) == words
