from __future__ import annotations

import contextlib
import itertools

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from kfwd.errors import ProtocolError
from kfwd.kube.objects import PODS, Pod
from kfwd.kube.watch import Batches, EventDecoder, EventType, LineSplitter, WatchEvent
from tests.kube.scripted import bookmark, event, expired, pod

STREAM = b"".join(
    [
        event("ADDED", pod("a", 1)),
        b"\n",
        event("MODIFIED", pod("a", 2, labels={"é": "\n"})),
        event("NOVELTY", {"what": "ever"}),
        bookmark(7),
        event("DELETED", pod("a", 8)),
        expired(),
    ]
)


def decode(*chunks: bytes) -> list[WatchEvent[Pod]]:
    events = EventDecoder(PODS)
    return [found for chunk in chunks for found in events.feed(chunk)]


def test_events_are_read() -> None:
    found = decode(STREAM)
    assert [(e.type, e.resource_version) for e in found] == [
        (EventType.ADDED, "1"),
        (EventType.MODIFIED, "2"),
        (EventType.BOOKMARK, "7"),
        (EventType.DELETED, "8"),
        (EventType.ERROR, ""),
    ]
    assert found[0].object is not None
    assert found[0].object.name == "a"
    assert found[4].status is not None
    assert found[4].status.code == 410


@settings(deadline=None, max_examples=60)
@given(st.lists(st.integers(0, len(STREAM)), max_size=12))
def test_any_split_gives_the_same_events(cuts: list[int]) -> None:
    bounds = [0, *sorted(cuts), len(STREAM)]
    chunks = [STREAM[a:b] for a, b in itertools.pairwise(bounds)]
    assert decode(*chunks) == decode(STREAM)


def test_single_bytes_give_the_same_events() -> None:
    assert decode(*(STREAM[i : i + 1] for i in range(len(STREAM)))) == decode(STREAM)


@settings(deadline=None, max_examples=100)
@given(st.lists(st.binary(max_size=40), max_size=6))
def test_garbage_raises_a_protocol_error_or_nothing(chunks: list[bytes]) -> None:
    with contextlib.suppress(ProtocolError):
        decode(*chunks, b"\n")


@pytest.mark.parametrize(
    "line",
    [
        *(b"no json", b"[]", b'{"type": "ADDED"}', b'{"type": "ADDED", "object": 7}'),
        b'{"type":"ADDED","object":{"metadata":{"name":"\xff"}}}',  # not UTF-8
        b'{"type":"ADDED","object":' + b'{"a":' * 100_000,  # deeper than a decoder goes
    ],
)
def test_what_is_no_event_breaks_the_stream(line: bytes) -> None:
    with pytest.raises(ProtocolError, match="a watch event cannot be read"):
        decode(line + b"\n")


def test_a_huge_event_in_small_pieces_is_read() -> None:
    line = event("ADDED", pod("a", 1, annotations={"big": "x" * (15 * 1024 * 1024)}))
    chunks = [line[i : i + 65536] for i in range(0, len(line), 65536)]
    assert [found.type for found in decode(*chunks)] == [EventType.ADDED]


@pytest.mark.parametrize("before", [b"", b"x" * 9])
@pytest.mark.parametrize("end", [b"", b"\n"])
def test_a_line_beyond_the_limit_breaks_the_stream(before: bytes, end: bytes) -> None:
    lines = LineSplitter(limit=10)
    lines.feed(before)
    with pytest.raises(ProtocolError, match="longer than 10 bytes"):
        lines.feed(b"x" * (11 - len(before)) + end)


def test_lines_up_to_the_limit_are_fine() -> None:
    lines = LineSplitter(limit=10)
    assert lines.feed(b"x" * 10) == []
    assert lines.feed(b"\n" + b"y" * 10 + b"\nz") == [b"x" * 10, b"y" * 10]


async def test_a_batch_is_what_one_read_completed_and_never_empty() -> None:
    one, two, three = (event("ADDED", pod(name)) for name in "abc")
    served = [one + two[:5], two[5:] + three + b"{", b'"rest', b""]

    async def read() -> bytes:
        return served.pop(0)

    batches = [len(batch) async for batch in Batches(read, EventDecoder(PODS))]
    assert batches == [1, 2]
