from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from kfwd.sim.pattern import blocks
from tests.chaos.streams import BLOCK, PROBE, Checker, Stream, WrongByte, coded

TOTAL = 3 * BLOCK + 17


@given(st.integers(0, TOTAL), st.integers(0, TOTAL))
def test_a_piece_is_the_same_wherever_it_is_cut(offset: int, length: int) -> None:
    stream = coded("x")
    whole = stream.piece(0, 2 * TOTAL)
    assert stream.piece(offset, length) == whole[offset : offset + length]


def test_the_probes_stream_is_what_its_source_sends() -> None:
    total = 3 * PROBE.size + 5
    assert PROBE.piece(0, total) == b"".join(blocks(total))


def test_no_two_streams_and_no_two_blocks_are_alike() -> None:
    first, second = coded("1"), coded("2")
    assert first.piece(0, BLOCK) != second.piece(0, BLOCK)
    assert first.piece(0, BLOCK) != first.piece(BLOCK, BLOCK)


def fed(stream: Stream, *pieces: bytes, total: int = TOTAL) -> Checker:
    checker = Checker(stream, total)
    for piece in pieces:
        checker.feed(piece)
    return checker


def test_what_was_sent_passes_and_is_complete_at_its_end_only() -> None:
    stream = coded("x")
    assert not fed(stream, stream.piece(0, TOTAL - 1)).complete
    assert fed(stream, stream.piece(0, 100), stream.piece(100, TOTAL - 100)).complete


@given(st.integers(0, TOTAL - 1), st.integers(1, 255))
def test_a_changed_byte_is_found_wherever_it_is(place: int, change: int) -> None:
    data = bytearray(coded("x").piece(0, TOTAL))
    data[place] ^= change
    with pytest.raises(WrongByte):
        fed(coded("x"), bytes(data))


@pytest.mark.parametrize(
    "pieces",
    [
        [(BLOCK, BLOCK), (0, BLOCK)],  # swapped
        [(0, BLOCK), (0, BLOCK)],  # repeated
        [(0, BLOCK), (2 * BLOCK, BLOCK)],  # one lost
        [(1, 10)],
        [(0, TOTAL), (TOTAL, 1)],  # beyond the end
    ],
)
def test_lost_repeated_and_swapped_pieces_are_found(pieces: list[tuple[int, int]]) -> None:
    stream = coded("x")
    with pytest.raises(WrongByte):
        fed(stream, *(stream.piece(*piece) for piece in pieces))
