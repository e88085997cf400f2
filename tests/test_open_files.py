"""The limit of this process is left alone: what would be asked of the system is noted."""

from __future__ import annotations

import resource

import pytest

from kfwd import open_files
from kfwd.open_files import OPEN_MAX

UNLIMITED = resource.RLIM_INFINITY
Limits = tuple[int, int]


def asked(
    monkeypatch: pytest.MonkeyPatch, has: Limits, *, refused: int | None = None
) -> list[Limits]:
    """What was set on a system that refuses one number."""
    done = list[Limits]()

    def setrlimit(what: int, limits: Limits) -> None:
        if limits[0] == refused:
            raise ValueError("current limit exceeds maximum limit")
        done.append(limits)

    monkeypatch.setattr(resource, "getrlimit", lambda what: has)
    monkeypatch.setattr(resource, "setrlimit", setrlimit)
    open_files.raise_limit()
    return done


def test_as_many_as_the_system_lets_us_have(monkeypatch: pytest.MonkeyPatch) -> None:
    assert asked(monkeypatch, (1024, 524_288)) == [(524_288, 524_288)]
    assert asked(monkeypatch, (524_288, 524_288)) == []


def test_where_unlimited_is_refused_it_is_a_number(monkeypatch: pytest.MonkeyPatch) -> None:
    found = asked(monkeypatch, (256, UNLIMITED), refused=UNLIMITED)
    assert found == [(OPEN_MAX, UNLIMITED)]
    more = asked(monkeypatch, (61_440, UNLIMITED), refused=UNLIMITED)
    assert more == [(61_440, UNLIMITED)]
