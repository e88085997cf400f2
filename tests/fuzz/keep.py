"""Which of the inputs that were found are worth keeping: few that reach all code that any reaches.

Greedy set cover over the steps from line to line within kfwd, small inputs first.
"""

from __future__ import annotations

import hashlib
import sys
from collections.abc import Callable
from pathlib import Path
from types import FrameType
from typing import Any

from tests.fuzz import target

MAX_SIZE = 2048
"""Bytes of an input that is kept."""

Steps = frozenset[tuple[str, int, int]]
SOURCE = str(Path(__file__).parents[2] / "kfwd")


def keep(name: str, found: Path) -> int:
    """Copy what reaches more than seeds and corpus do from `found`; returns how many that were."""
    check = target.load(name).check
    seen: set[tuple[str, int, int]] = set()
    for seed in target.load(name).seeds():
        seen |= steps(check, seed)
    for path in target.kept(name):
        seen |= steps(check, path.read_bytes())
    inputs = sorted(
        (path.read_bytes() for path in found.glob("*")), key=lambda one: (len(one), one)
    )
    reached = [(one, steps(check, one) - seen) for one in inputs if len(one) <= MAX_SIZE]
    count = 0
    while reached:
        best, new = max(reached, key=lambda pair: len(pair[1]))
        if not new:
            break
        write(name, best)
        count += 1
        reached = [(one, rest - new) for one, rest in reached if rest - new]
    return count


def write(name: str, data: bytes) -> None:
    folder = target.CORPUS / name
    folder.mkdir(parents=True, exist_ok=True)
    (folder / hashlib.sha256(data).hexdigest()[:16]).write_bytes(data)


def steps(check: Callable[[bytes], bool], data: bytes) -> Steps:
    """From which line to which `check` went within kfwd."""
    taken: set[tuple[str, int, int]] = set()

    def follow(frame: FrameType, event: str, argument: Any) -> Any:
        file = frame.f_code.co_filename
        if not file.startswith(SOURCE):
            return None
        before = 0

        def line(frame: FrameType, event: str, argument: Any) -> Any:
            nonlocal before
            taken.add((file, before, frame.f_lineno))
            before = frame.f_lineno
            return line

        return line

    sys.settrace(follow)
    try:
        check(data)
    finally:
        sys.settrace(None)
    return frozenset(taken)
