"""Forwards into the file of a profile, which is made if there is none."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path

from msgspec.structs import replace

from kfwd.errors import KfwdError, NotFound, UsageError
from kfwd.model import ForwardSpec
from kfwd.profiles import edit, parse, store, words


@contextmanager
def saved(
    folder: Path,
    profile: str,
    forwards: Sequence[ForwardSpec],
    context: str | None,
    *,
    named: bool = False,
    default: str | None = None,
) -> Iterator[list[str]]:
    """Append forwards to the profile `profile` in `folder`; gives the ids of its new entries.

    `context` None is the profile's own. `default` is what a profile without one stands for. A
    forward that is not `named` by a person gets a number where its name is taken. All or nothing is
    written, and taken back where a `KfwdError` shows that it cannot be brought up: else the next
    try would add to what failed. Raises `UsageError` for another context, `ProfileInvalid` for
    faults and clashes.
    """
    text, taken = _before(folder, profile, context, default)
    ids = []
    for forward in forwards:
        name = forward.name if named else words.free_name(forward.name, taken)
        text = edit.append_forward(text, profile, replace(forward, name=name))
        taken.append(name)
        ids.append(f"{profile}/{name}")
    if faults := store.check(folder, parse.parse(text, profile)):
        raise store.invalid(store.path_of(folder, profile), faults)
    with _written(folder, profile, text):
        yield ids


@contextmanager
def _written(folder: Path, profile: str, text: str) -> Iterator[None]:
    """The file has this text, and what it had before after a `KfwdError`. One that somebody has
    changed meanwhile is left.
    """
    path, before = store.path_of(folder, profile), store.text(folder, profile)
    store.write(path, text)
    try:
        yield
    except KfwdError:
        if store.text(folder, profile) == text:
            _restore(path, before)
        raise


def _restore(path: Path, text: str | None) -> None:
    if text is None:
        path.unlink()
    else:
        store.write(path, text)


def _before(
    folder: Path, profile: str, context: str | None, default: str | None
) -> tuple[str, list[str]]:
    """The profile's text as it is and the names in it, or a new one's."""
    try:
        found = store.read(folder, profile)
    except NotFound:
        return edit.new_profile(context=context), []
    if found.parsed.spec is None:
        raise store.invalid(found.path, found.parsed.faults)
    has = found.parsed.spec.context or default
    if context is not None and context != has:
        where = f"the context {has}" if has else "no context of its own"
        raise UsageError(
            f"profile {profile} has {where}, not {context}",
            hint="save it in a profile of that context",
        )
    return found.text, [entry.name for entry in found.parsed.spec.entries]
