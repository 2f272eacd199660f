"""Ctrl-C is not lost, even if it arrives while Python runs a finalizer."""

from __future__ import annotations

import signal
import sys
import weakref

import pytest

from fuota.cli.interruption import Interruption


class Closed:
    pass


def test_a_dropped_interruption_is_raised_at_the_next_check(monkeypatch):
    dropped = []
    monkeypatch.setattr(sys, "unraisablehook", dropped.append)
    monkeypatch.setattr(sys, "excepthook", lambda *facts: dropped.append(facts))
    before = signal.signal(signal.SIGINT, signal.default_int_handler)
    try:
        with Interruption() as interruption:
            interruption.check()
            closed = Closed()
            weakref.finalize(closed, signal.raise_signal, signal.SIGINT)
            del closed
            assert dropped == [], "no traceback"
            with pytest.raises(KeyboardInterrupt):
                interruption.check()
        assert signal.getsignal(signal.SIGINT) is signal.default_int_handler
    finally:
        signal.signal(signal.SIGINT, before)


def test_an_ignored_interruption_stays_ignored():
    before = signal.signal(signal.SIGINT, signal.SIG_IGN)
    try:
        with Interruption() as interruption:
            assert signal.getsignal(signal.SIGINT) is signal.SIG_IGN
            signal.raise_signal(signal.SIGINT)
            interruption.check()
    finally:
        signal.signal(signal.SIGINT, before)
