"""What the overview shows, and in which order."""

from __future__ import annotations

import pytest

from kfwd.model import EntryView, Problem, SnapshotEvent, State
from kfwd.tui.outline import SORTS, WORST, Wish, outline
from kfwd.tui.picture import Picture
from tests.standin import entry, snapshot

PROBLEM = Problem(code="x", severity="error", text="broken")
ENTRIES = (
    entry("shop/web"),
    entry("-/tmp", state=State.PAUSED),
    entry("shop/db", state=State.FAILED, problem=PROBLEM, target="sts/db"),
    entry("infra/web"),
)


def picture(*entries: EntryView) -> Picture:
    found = Picture()
    found.apply([SnapshotEvent(seq=1, snapshot=snapshot(*entries))])
    return found


def shown(wish: Wish) -> dict[str, list[str]]:
    groups = outline(picture(*ENTRIES), wish)
    return {group.title: [one.name for one in group.shown] for group in groups}


def test_groups_are_in_order_with_the_ad_hoc_entries_last() -> None:
    assert shown(Wish()) == {"infra": ["web"], "shop": ["db", "web"], "ad hoc": ["tmp"]}
    groups = outline(picture(*ENTRIES), Wish())
    assert [(group.ready, group.all) for group in groups] == [(1, 1), (1, 2), (0, 1)]


@pytest.mark.parametrize(
    ("find", "found"),
    [
        ("STS", {"shop": ["db"]}),
        ("shop/web", {"shop": ["web"]}),
        ("paused", {"ad hoc": ["tmp"]}),
        ("web infra", {"infra": ["web"]}),
        ("nonsense", {}),
    ],
)
def test_every_word_must_be_somewhere(find: str, found: dict[str, list[str]]) -> None:
    assert shown(Wish(find=find)) == found


def test_only_problems() -> None:
    assert shown(Wish(only_problems=True)) == {"shop": ["db"]}


def test_a_folded_profile_is_open_while_something_is_looked_for() -> None:
    folded = frozenset({"shop"})
    groups = outline(picture(*ENTRIES), Wish(folded=folded))
    assert [group.folded for group in groups] == [False, True, False]
    assert not any(g.folded for g in outline(picture(*ENTRIES), Wish(folded=folded, find="db")))


def test_the_worst_first_and_every_sort_is_one() -> None:
    assert shown(Wish(sort="worst first"))["shop"] == ["db", "web"]
    assert set(WORST) == set(State)
    for sort in SORTS:
        assert sorted(shown(Wish(sort=sort))["shop"]) == ["db", "web"]
