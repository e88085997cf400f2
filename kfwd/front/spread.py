"""Which of several places that are equally fit a new connection gets. Pure.

Places come best first and are told apart by their `uid`; they come and go between two choices.
"""

from __future__ import annotations

import hashlib
from collections.abc import Callable, Mapping, Sequence
from typing import Protocol, TypeVar

from kfwd.model import Spread


class Candidate(Protocol):
    """Where a connection may go."""

    @property
    def uid(self) -> str: ...


P = TypeVar("P", bound=Candidate)


class Spreader:
    """One policy and what it remembers: in which turn each place was chosen last."""

    def __init__(self, policy: Spread) -> None:
        self.policy = policy
        self._turn = 0
        self._chosen: dict[str, int] = {}

    def choose(
        self, places: Sequence[P], *, client: str, load: Callable[[], Mapping[str, int]]
    ) -> P | None:
        """The place for a connection of `client`; `load` counts the connections of each `uid`."""
        if not places:
            return None
        if self.policy == "first":
            return places[0]
        if self.policy == "sticky":
            return max(places, key=lambda place: weight(client, place.uid))
        if self.policy == "least-connections":
            counts = load()
            fewest = min(counts.get(place.uid, 0) for place in places)
            places = [place for place in places if counts.get(place.uid, 0) == fewest]
        return self._least_recent(places)

    def _least_recent(self, places: Sequence[P]) -> P:
        """A turn for each, whatever order they come in; a new place is next."""
        place = min(places, key=lambda place: self._chosen.get(place.uid, 0))
        self._turn += 1
        self._chosen[place.uid] = self._turn
        return place

    def forget(self, known: Sequence[Candidate]) -> None:
        """Remember only the places that are there."""
        uids = {place.uid for place in known}
        self._chosen = {uid: turn for uid, turn in self._chosen.items() if uid in uids}


def weight(client: str, uid: str) -> bytes:
    """Rendezvous hashing: who loses a place moves, everybody else stays (Thaler, Ravishankar)."""
    return hashlib.blake2b(f"{client}\0{uid}".encode(), digest_size=8).digest()
