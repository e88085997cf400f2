"""The keys that a user has chosen, checked: unknown actions and keys, and keys that two would have.

Textual takes a key from whoever had it, so a choice that clashes is left out and said. What shares
its key with a chosen action by design (`enter` folds a profile and opens an entry) is named with
the key that it has, since Textual would take that from it too.
"""

from __future__ import annotations

import importlib
import pkgutil
import unicodedata
from collections.abc import Iterator, Mapping, Sequence
from typing import Any

from textual.app import App
from textual.binding import Binding
from textual.keys import Keys
from textual.screen import ModalScreen, Screen

from kfwd.profiles.words import guess
from kfwd.tui import screens
from kfwd.tui.widgets.line_table import LineTable

Scope = Mapping[str, tuple[str, ...]]
"""Ids that a screen has together, each with its usual keys."""
MODIFIERS = ("ctrl+", "alt+", "shift+", "super+")


def scopes(app: type[App[Any]]) -> list[Scope]:
    """One for each screen of ours, by name. Loads them all."""
    for module in pkgutil.iter_modules(screens.__path__, f"{screens.__name__}."):
        importlib.import_module(module.name)
    found = sorted(_subclasses(Screen), key=lambda screen: screen.__qualname__)
    return [
        _scope((LineTable, screen, *(() if issubclass(screen, ModalScreen) else (app,))))
        for screen in found
    ]


def checked(chosen: Mapping[str, str], known: Sequence[Scope]) -> tuple[dict[str, str], list[str]]:
    """The key map for Textual, and a sentence for each choice that is left out. Pure."""
    ids = {id for scope in known for id in scope}
    kept, faults = {}, []
    for id, keys in chosen.items():
        wrong = [key for key in keys.split(",") if not is_key(key)]
        if id not in ids:
            faults.append(f'keys: there is no action "{id}"{guess(id, ids)}')
        elif wrong:
            faults.append(f'keys: "{wrong[0]}" is no key: {id} stays as it is')
        else:
            kept[id] = keys
    while (clash := _clash(kept, known)) is not None:
        id, key, other = clash
        del kept[id]
        faults.append(f'keys: "{key}" is taken by {other}: {id} stays as it is')
    return {**_sharing(kept, known), **kept}, faults


def is_key(text: str) -> bool:
    """Whether a key has this name: `x`, `?`, `f5`, `space`, `ctrl+x`, `question_mark`."""
    for modifier in MODIFIERS:
        text = text.removeprefix(modifier)
    if len(text) == 1 or text in {key.value for key in Keys}:
        return True
    try:
        return unicodedata.lookup(text.replace("_", " ")).isascii()
    except KeyError:
        return False


def _clash(kept: Mapping[str, str], known: Sequence[Scope]) -> tuple[str, str, str] | None:
    """A chosen action, a key of it that is taken, and by what."""
    for scope in known:
        for id in kept.keys() & scope.keys():
            for other, usual in scope.items():
                theirs = kept[other].split(",") if other in kept else usual
                shared = set(kept[id].split(",")).intersection(theirs)
                if other != id and shared - set(scope[id]).intersection(usual):
                    return id, min(shared), other
    return None


def _sharing(kept: Mapping[str, str], known: Sequence[Scope]) -> dict[str, str]:
    """What has a usual key in common with a chosen action, with the keys that it has."""
    return {
        other: ",".join(usual)
        for scope in known
        for id in kept.keys() & scope.keys()
        for other, usual in scope.items()
        if set(usual).intersection(scope[id]) and other not in kept
    }


def _subclasses(of: type[Any]) -> Iterator[type[Any]]:
    for one in of.__subclasses__():
        if one.__module__.startswith(f"{screens.__name__}."):
            yield one
        yield from _subclasses(one)


def _scope(classes: Sequence[type[Any]]) -> Scope:
    found: dict[str, tuple[str, ...]] = {}
    for one in classes:
        for base in one.__mro__:
            for binding in base.__dict__.get("BINDINGS", ()):
                if isinstance(binding, Binding) and binding.id:
                    keys = tuple(key.strip() for key in binding.key.split(","))
                    found.setdefault(binding.id, keys)
    return found
