"""Every target over its seeds and over all that was kept, without the fuzzer."""

from __future__ import annotations

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from tests.fuzz import target

TARGETS = {name: target.load(name) for name in target.names()}


@pytest.mark.parametrize("name", TARGETS)
def test_the_seeds_are_understood(name: str) -> None:
    """A fuzzer that starts from what is refused tests little behind the first check."""
    loaded = TARGETS[name]
    seeds = list(loaded.seeds())
    assert len(seeds) > 2
    assert [seed for seed in seeds if not loaded.check(seed)] == []


@pytest.mark.parametrize("name", TARGETS)
def test_what_was_found_is_read_or_refused(name: str) -> None:
    loaded = TARGETS[name]
    kept = list(target.kept(name))
    assert kept
    for path in kept:
        loaded.check(path.read_bytes())


@pytest.mark.parametrize("name", TARGETS)
@settings(max_examples=60, deadline=None, derandomize=True)
@given(st.data())
def test_damaged_messages_are_read_or_refused(name: str, draw: st.DataObject) -> None:
    loaded = TARGETS[name]
    data = bytearray(draw.draw(st.sampled_from(list(loaded.seeds()))))
    for _ in range(draw.draw(st.integers(1, 4))):
        start = draw.draw(st.integers(0, len(data)))
        length = draw.draw(st.integers(0, 8))
        data[start : start + length] = draw.draw(st.binary(max_size=8))
    loaded.check(bytes(data))
