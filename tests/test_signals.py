"""Signals unwind the stack, and handlers are put back."""

from __future__ import annotations

import signal

import pytest

from kfwd.signals import terminable


def test_a_termination_unwinds_the_stack_and_handlers_are_put_back() -> None:
    before = signal.getsignal(signal.SIGTERM)
    with pytest.raises(SystemExit) as raised, terminable():
        signal.raise_signal(signal.SIGTERM)
    assert raised.value.code == 128 + signal.SIGTERM
    assert signal.getsignal(signal.SIGTERM) is before


def test_an_interrupt_that_was_ignored_ends_only_who_asks_for_it() -> None:
    before = signal.signal(signal.SIGINT, signal.SIG_IGN)
    try:
        with terminable():
            signal.raise_signal(signal.SIGINT)
        with pytest.raises(KeyboardInterrupt), terminable(interrupt=True):
            signal.raise_signal(signal.SIGINT)
        assert signal.getsignal(signal.SIGINT) is signal.SIG_IGN
    finally:
        signal.signal(signal.SIGINT, before)
