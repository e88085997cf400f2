"""Which problems to show. Pure.

A problem that follows from another one that is shown (`cause`) is hidden: a hundred entries
behind one dead context are one problem, not a hundred and one.
"""

from __future__ import annotations

from collections.abc import Iterable

from msgspec.structs import asdict

from kfwd.model import EntryView, Problem, ProblemView, ProfileView

DAEMON = "daemon"


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
        about(entry.id, entry.problem)
        for entry in entries
        if entry.problem is not None and entry.problem.cause not in causes
    )
    return (*shown, *sorted(behind, key=lambda problem: problem.about))
