"""Which entries the overview shows, in which order and in which groups. Pure."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from typing import Any

from msgspec import Struct

from kfwd.model import ADHOC, EntryView, State
from kfwd.tui.picture import Picture

AD_HOC = "ad hoc"
WORST = (
    State.FAILED,
    State.DEGRADED,
    State.WAITING,
    State.STARTING,
    State.STOPPING,
    State.PAUSED,
    State.READY,
)
Key = Callable[[Picture, EntryView], Any]
SORTS: Mapping[str, Key] = {
    "by name": lambda picture, entry: 0,
    "worst first": lambda picture, entry: WORST.index(entry.state),
    "most traffic": lambda picture, entry: -picture.rate(entry.id).down - picture.rate(entry.id).up,
    "youngest first": lambda picture, entry: -entry.since.timestamp(),
}


class Wish(Struct, frozen=True, kw_only=True):
    """What the user has asked to see."""

    sort: str = next(iter(SORTS))
    find: str = ""
    only_problems: bool = False
    folded: frozenset[str] = frozenset()


class Group(Struct, frozen=True, kw_only=True):
    """A profile (or the ad-hoc entries): those shown, and how many of `all` are ready."""

    profile: str
    shown: tuple[EntryView, ...]
    folded: bool
    ready: int
    all: int

    @property
    def title(self) -> str:
        return AD_HOC if self.profile == ADHOC else self.profile


def outline(picture: Picture, wish: Wish) -> list[Group]:
    """Groups by name, ad-hoc entries last; those without anything to show are left out."""
    by_profile: dict[str, list[EntryView]] = {}
    for entry in picture.entries.values():
        by_profile.setdefault(entry.profile, []).append(entry)
    names = sorted(by_profile, key=lambda name: (name == ADHOC, name))
    groups = [_group(picture, name, by_profile[name], wish) for name in names]
    return [group for group in groups if group.shown]


def _group(picture: Picture, profile: str, entries: Sequence[EntryView], wish: Wish) -> Group:
    shown = [entry for entry in entries if _wished(entry, wish)]
    shown.sort(key=lambda entry: (SORTS[wish.sort](picture, entry), entry.name))
    return Group(
        profile=profile,
        shown=tuple(shown),
        folded=profile in wish.folded and not wish.find,
        ready=sum(entry.state is State.READY for entry in entries),
        all=len(entries),
    )


def _wished(entry: EntryView, wish: Wish) -> bool:
    if wish.only_problems and entry.problem is None:
        return False
    words = wish.find.casefold().split()
    return not words or _has(entry, words)


def _has(entry: EntryView, words: Sequence[str]) -> bool:
    """Every word is somewhere in what names the entry."""
    facts = [entry.id, entry.target, entry.context, entry.namespace, entry.state.value]
    facts += [address for port in entry.ports for address in port.listen]
    facts += [endpoint.label for endpoint in entry.endpoints]
    text = " ".join(fact for fact in facts if fact).casefold()
    return all(word in text for word in words)
