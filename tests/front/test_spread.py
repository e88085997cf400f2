"""Policies over places that come and go."""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence

from kfwd.front.spread import Spreader
from kfwd.model import Spread
from kfwd.resolve.endpoints import Endpoint
from tests.front.rig import endpoint

A, B, C = (endpoint(name) for name in "abc")


def chosen(
    spreader: Spreader,
    places: Sequence[Endpoint],
    client: str = "",
    load: dict[str, int] | None = None,
) -> str:
    place = spreader.choose(places, client=client, load=lambda: load or {})
    assert place is not None
    return place.pod


def test_where_there_is_nothing_nothing_is_chosen() -> None:
    policies: tuple[Spread, ...] = ("first", "round-robin", "least-connections", "sticky")
    for policy in policies:
        assert Spreader(policy).choose((), client="x", load=dict) is None


def test_first_stays_at_the_first() -> None:
    spreader = Spreader("first")
    assert [chosen(spreader, (A, B, C)) for _ in range(3)] == ["a", "a", "a"]


def test_round_robin_gives_each_its_turn() -> None:
    spreader = Spreader("round-robin")
    assert [chosen(spreader, (A, B, C)) for _ in range(6)] == ["a", "b", "c", "a", "b", "c"]


def test_round_robin_survives_another_order_and_serves_new_places_next() -> None:
    spreader = Spreader("round-robin")
    assert [chosen(spreader, (A, B)) for _ in range(3)] == ["a", "b", "a"]
    assert [chosen(spreader, (C, B, A)) for _ in range(3)] == ["c", "b", "a"]


def test_a_place_that_was_forgotten_is_new() -> None:
    spreader = Spreader("round-robin")
    assert [chosen(spreader, (A, B)) for _ in range(2)] == ["a", "b"]
    spreader.forget((A,))
    assert chosen(spreader, (A, B)) == "b"


def test_least_connections_goes_where_fewest_are_and_takes_turns_among_equals() -> None:
    spreader = Spreader("least-connections")
    assert chosen(spreader, (A, B, C), load={A.uid: 2, B.uid: 1, C.uid: 3}) == "b"
    assert [chosen(spreader, (A, B, C), load={C.uid: 1}) for _ in range(2)] == ["a", "b"]


def test_sticky_keeps_a_client_where_it_is_while_its_place_is_there() -> None:
    spreader = Spreader("sticky")
    clients = [f"pid {number}" for number in range(300)]
    before = {client: chosen(spreader, (A, B, C), client) for client in clients}
    again = {client: chosen(spreader, (C, A, B), client) for client in clients}
    without_c = {client: chosen(spreader, (A, B), client) for client in clients}
    assert again == before
    assert all(without_c[client] == place for client, place in before.items() if place != "c")
    assert min(Counter(before.values()).values()) > 60
