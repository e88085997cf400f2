"""The lists on the way to an object: contexts, then namespaces. Pure."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from functools import partial

from kfwd.api_contexts import ContextItem
from kfwd.api_model import NamespaceList, ObjectView
from kfwd.profiles import words as profile_words
from kfwd.profiles.forwards import plain
from kfwd.text import clean
from kfwd.tui import words
from kfwd.tui.pieces import Piece, Pieces, Tone, fit, shorten
from kfwd.tui.widgets.line_table import Item, remark

EVERYWHERE = "*"
"""Stands for all namespaces; no namespace can be named so."""
TARGETS = ("svc", "pod", "deploy", "sts", "ds", "rs", "job")
NAME = 32


def start(contexts: Sequence[ContextItem]) -> ContextItem | None:
    """Where to begin: the only context in use, else the current one, else the only one."""
    used = [context for context in contexts if context.in_use]
    current = [context for context in contexts if context.current]
    return next((found[0] for found in (used, current, contexts) if len(found) == 1), None)


def has(text: str, find: str) -> bool:
    """Every word is somewhere in it."""
    return all(word in text.casefold() for word in find.casefold().split())


def context_key(context: ContextItem) -> str:
    """Contexts of different files may have the same name."""
    return "\n".join((context.name, *context.kubeconfig))


def context_items(contexts: Iterable[ContextItem], find: str) -> Iterator[Item]:
    for context in contexts:
        if has(f"{context.name} {context.server}", find):
            yield Item(context_key(context), partial(_context, context))


def _context(context: ContextItem, cells: int) -> Pieces:
    glyph, tone = words.CONTEXTS[context.state] if context.in_use else (" ", "dim")
    state = context.state.value.replace("-", " ") if context.in_use else "not in use"
    facts = [state, *(["current"] if context.current else [])]
    return (
        Piece(f"   {glyph} ", tone),
        Piece(fit(context.name, NAME) + "  ", "title"),
        Piece(fit(" · ".join(facts), 22) + "  ", "dim"),
        Piece(shorten(context.server or "its kubeconfig is broken", max(0, cells - 63)), "dim"),
    )


def namespace_items(found: NamespaceList, find: str) -> Iterator[Item]:
    """All of them first; at the end what was typed, where that is no namespace that is listed."""
    if has("all namespaces", find) and found.problem is None:
        yield Item(EVERYWHERE, _line("all namespaces", "dim"))
    for name in found.namespaces:
        if has(name, find):
            said = f"{name}  (the context's own)" if name == found.current else name
            yield Item(name, _line(said, "plain"))
    if find not in found.namespaces and _is_namespace(find):
        yield Item(find, _line(f'look into "{find}"', "accent"))
    if found.problem is not None:
        yield remark(found.problem, "warn")
        yield remark("type the name of another one")


def typed(find: str, namespace: str, known: Iterable[ObjectView]) -> ObjectView | None:
    """What was typed as a target and is not among the `known`: who may not list may still use it.

    The namespace is the context's own where it is empty.
    """
    target = plain(find) if "/" in find else ""
    if target.partition("/")[0] not in TARGETS or any(view.target == target for view in known):
        return None
    return ObjectView(kind="target", namespace=namespace, name=target, target=target)


def unread(problems: Mapping[str, str]) -> Iterator[str]:
    """Why kinds cannot be read, each reason once."""
    kinds: dict[str, list[str]] = {}
    for kind, why in problems.items():
        kinds.setdefault(why, []).append(kind)
    for why, same in kinds.items():
        more = f" and {len(same) - 1} more" if len(same) > 1 else ""
        yield f"{same[0]}{more} cannot be read: {why}"


def _is_namespace(text: str) -> bool:
    try:
        return bool(profile_words.namespace(text))
    except ValueError:
        return False


def _line(text: str, tone: Tone) -> Callable[[int], Pieces]:
    return lambda cells: (Piece(shorten(f"   {clean(text)}", cells), tone),)
