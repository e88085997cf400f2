"""When bytes are left to gather."""

from __future__ import annotations

from kfwd.kube.flood import EBB_S, ENOUGH, RATE, Flood

PIECE = 32 * 1024


def last(flood: Flood, pieces: int, bytes_a_second: float, begin: float = 0.0) -> bool:
    """What is said of the last of so many pieces."""
    said = [flood.came(PIECE, begin + n * PIECE / bytes_a_second) for n in range(pieces)]
    return said[-1]


def test_what_comes_fast_is_a_flood_once_there_was_enough_of_it() -> None:
    assert not last(Flood(), ENOUGH // PIECE, 6 * RATE)
    assert last(Flood(), 2 * ENOUGH // PIECE, 6 * RATE)


def test_what_comes_slowly_never_is() -> None:
    assert not last(Flood(), 100_000, RATE)


def test_a_dialogue_never_is_however_fast() -> None:
    flood = Flood()
    for turn in range(1000):
        assert not flood.came(ENOUGH, turn / 1e4)
        flood.answered()


def test_a_flood_is_over_soon_after_it_ebbs() -> None:
    flood = Flood()
    assert last(flood, 100_000, 100 * RATE)
    assert not flood.came(1, 100_000 * PIECE / (100 * RATE) + 1.1 * EBB_S)
