"""Bodies of the control API about contexts; its table is in `kfwd.api_model`."""

from __future__ import annotations

from msgspec import Struct

from kfwd.model import ContextState


class ContextItem(Struct, frozen=True, kw_only=True):
    """A context to choose: of the caller's kubeconfig files, or of others but `in_use`.

    `server` is empty where the kubeconfig is broken; `current` is the files' own choice. `state` is
    unknown where it is not in use; `entries` are those that are in it. `namespace` is its own,
    empty where the files do not tell.
    """

    name: str
    server: str
    state: ContextState
    current: bool
    in_use: bool
    entries: int
    kubeconfig: tuple[str, ...]
    namespace: str = ""


class ContextList(Struct, frozen=True, kw_only=True):
    contexts: tuple[ContextItem, ...] = ()


class SwitchRequest(Struct, frozen=True, kw_only=True):
    """Entries in `source` go on in `to`, a context of the caller's `kubeconfig` (absolute paths).

    `end`: connections that are open are ended; else they stay where they are until they end.
    """

    source: str
    to: str
    kubeconfig: tuple[str, ...]
    end: bool = False
