"""Stop before start; what is the same is left alone."""

from __future__ import annotations

import msgspec
from hypothesis import given
from hypothesis import strategies as st

from kfwd.daemon.reconcile import diff
from kfwd.model import Wanted
from tests.daemon.records import wanted


def by_id(*entries: Wanted) -> dict[str, Wanted]:
    return {entry.id: entry for entry in entries}


def test_what_is_not_wanted_stops_what_is_missing_starts_and_the_rest_stays() -> None:
    plan = diff(by_id(wanted("old"), wanted("same")), by_id(wanted("same"), wanted("new")))
    assert plan.stop == ("dev/old",)
    assert plan.start == (wanted("new"),)
    assert plan.keep == ("dev/same",)
    assert plan.changed == ()


def test_two_entries_that_swap_ports_both_stop_before_either_starts() -> None:
    running = by_id(wanted("a", local=1000), wanted("b", local=2000))
    swapped = by_id(wanted("a", local=2000), wanted("b", local=1000))
    plan = diff(running, swapped)
    assert plan.stop == plan.changed == ("dev/a", "dev/b")
    assert [entry.spec.ports[0].local for entry in plan.start] == [2000, 1000]


def test_pausing_is_a_change() -> None:
    paused = msgspec.structs.replace(wanted(), paused=True)
    assert diff(by_id(wanted()), by_id(paused)).changed == ("dev/web",)


names = st.dictionaries(st.sampled_from("abcdef"), st.integers(1, 3))


@given(names, names)
def test_carrying_out_a_plan_leaves_exactly_what_is_wanted(
    before: dict[str, int], after: dict[str, int]
) -> None:
    running = by_id(*(wanted(name, local=port) for name, port in before.items()))
    goal = by_id(*(wanted(name, local=port) for name, port in after.items()))
    plan = diff(running, goal)
    result = {id: entry for id, entry in running.items() if id not in plan.stop}
    assert set(plan.keep) == set(result)
    for entry in plan.start:
        assert entry.id not in result
        result[entry.id] = entry
    assert result == goal
    assert diff(result, goal).start == diff(result, goal).stop == ()
