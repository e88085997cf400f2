"""Input that arrives in any pieces."""

from __future__ import annotations

from collections.abc import Iterator, Sequence

from hypothesis import strategies as st


def cuts() -> st.SearchStrategy[list[int]]:
    """Where to cut: sizes of pieces, used over and over."""
    return st.lists(st.integers(1, 40), min_size=1, max_size=8)


def pieces(data: bytes, sizes: Sequence[int]) -> Iterator[memoryview]:
    """`data` in pieces of these sizes.

    Each piece is overwritten once the next is asked for, as a receive buffer would be: whoever
    keeps a view for longer reads rubbish.
    """
    at, turn = 0, 0
    while at < len(data):
        buffer = bytearray(data[at : at + sizes[turn % len(sizes)]])
        yield memoryview(buffer)
        at, turn = at + len(buffer), turn + 1
        buffer[:] = b"\xee" * len(buffer)
