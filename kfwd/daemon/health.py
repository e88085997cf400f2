"""Which problems to show. Pure.

A problem that follows from another one that is shown (`cause`) is hidden: a hundred entries
behind one dead context are one problem, not a hundred and one. So are a hundred that say the same
of one namespace: it is shown of the first, with the names of the others.
"""

from __future__ import annotations

from collections.abc import Hashable, Iterable, Iterator

from msgspec.structs import asdict, replace

from kfwd.model import EntryView, Problem, ProblemView, ProfileView

DAEMON = "daemon"

OF_THE_NAMESPACE = frozenset({"portforward-forbidden"})
"""Codes of problems whose words name a pod, though they are alike for the whole namespace."""


def about(subject: str, problem: Problem) -> ProblemView:
    """`problem` with what it is about: an entry id, a context, a profile, or `daemon`."""
    return ProblemView(about=subject, **asdict(problem))


def standing(
    *,
    own: Iterable[ProblemView],
    contexts: Iterable[ProblemView],
    profiles: Iterable[ProfileView],
    entries: Iterable[EntryView],
) -> tuple[ProblemView, ...]:
    """All problems worth showing: the daemon's, then contexts, profiles and entries by id."""
    shown = [
        *own,
        *contexts,
        *(about(profile.name, profile.problem) for profile in profiles if profile.problem),
    ]
    causes = {problem.about for problem in shown}
    behind = (
        (entry, entry.problem)
        for entry in sorted(entries, key=lambda entry: entry.id)
        if entry.problem is not None and entry.problem.cause not in causes
    )
    return (*shown, *_each_once(behind))


def _each_once(found: Iterable[tuple[EntryView, Problem]]) -> Iterator[ProblemView]:
    alike: dict[Hashable, list[tuple[EntryView, Problem]]] = {}
    for entry, problem in found:
        alike.setdefault(_likeness(entry, problem), []).append((entry, problem))
    for (entry, problem), *others in alike.values():
        also = tuple(other.id for other, _ in others)
        since = min((problem.since, *(each.since for _, each in others)))
        yield replace(about(entry.id, problem), also=also, since=since)


def _likeness(entry: EntryView, problem: Problem) -> Hashable:
    of_all = problem.code in OF_THE_NAMESPACE
    words = None if of_all else (problem.text, problem.hint, problem.cause)
    return entry.context, entry.namespace, problem.code, problem.severity, words
