"""The contexts one can choose from: those of kubeconfig files, and those in use. Pure."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Iterator, Mapping

from kfwd.api_contexts import ContextItem, ContextList
from kfwd.errors import ConfigError
from kfwd.kube.kubeconfig import Kubeconfig
from kfwd.model import ContextRef, ContextState, ContextView, Wanted


def listed(
    known: Kubeconfig, in_use: Mapping[ContextRef, ContextView], entries: Iterable[Wanted]
) -> ContextList:
    """By name; one in use that the files do not have comes from files of somebody else."""
    counts = Counter(entry.context for entry in entries)
    own = [ContextRef(kubeconfig=known.paths, name=name) for name in known.names()]
    others = [ref for ref in in_use if ref not in own]
    servers = dict(_servers(known))
    items = [
        ContextItem(
            name=ref.name,
            server=in_use[ref].server if ref in in_use else servers.get(ref.name, ""),
            state=in_use[ref].state if ref in in_use else ContextState.UNKNOWN,
            current=ref in own and ref.name == known.current_context,
            in_use=ref in in_use,
            entries=counts[ref],
            kubeconfig=ref.kubeconfig,
        )
        for ref in sorted((*own, *others), key=lambda ref: (ref.name, ref.kubeconfig))
    ]
    return ContextList(contexts=tuple(items))


def _servers(known: Kubeconfig) -> Iterator[tuple[str, str]]:
    """Where each context leads, unless it is broken."""
    for name in known.names():
        try:
            yield name, known.context(name).cluster.server
        except ConfigError:
            continue
