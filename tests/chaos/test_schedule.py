from __future__ import annotations

from itertools import pairwise

from tests.chaos.schedule import EXCLUSIVE, FREE, Kind, deal

SEEDS = range(50)


def test_a_seed_always_deals_the_same_and_another_one_something_else() -> None:
    assert deal(1, 60) == deal(1, 60)
    assert deal(1, 60) != deal(2, 60)


def test_every_kind_is_in_one_deck_and_comes_in_a_run_of_two_minutes() -> None:
    assert {*EXCLUSIVE, *FREE} == set(Kind)
    assert not EXCLUSIVE.keys() & FREE.keys()
    for seed in SEEDS:
        assert {event.kind for event in deal(seed, 120)} == set(Kind)


def test_nothing_begins_or_lasts_beyond_the_end() -> None:
    for seed in SEEDS:
        events = deal(seed, 30)
        assert all(0 < event.at <= event.at + event.lasts <= 30 for event in events)
        assert len(events) > 15


def test_what_owns_the_same_switch_never_overlaps() -> None:
    for seed in SEEDS:
        alone = [event for event in deal(seed, 60) if event.kind in EXCLUSIVE]
        assert all(one.at + one.lasts < two.at for one, two in pairwise(alone))
