"""The contexts one can choose from: those of kubeconfig files, and those in use. Pure."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Iterator, Mapping

from kfwd.api_contexts import ContextItem, ContextList
from kfwd.errors import ConfigError
from kfwd.kube.kubeconfig import Context, Kubeconfig
from kfwd.model import ContextRef, ContextState, ContextView, Wanted


def listed(
    known: Kubeconfig, in_use: Mapping[ContextRef, ContextView], entries: Iterable[Wanted]
) -> ContextList:
    """By name; one in use that the files do not have comes from files of somebody else."""
    counts = Counter(entry.context for entry in entries)
    own = [ContextRef(kubeconfig=known.paths, name=name) for name in known.names()]
    others = [ref for ref in in_use if ref not in own]
    whole = {context.ref.name: context for context in _whole(known)}
    items = [
        ContextItem(
            name=ref.name,
            server=_server(in_use.get(ref), whole.get(ref.name)),
            state=in_use[ref].state if ref in in_use else ContextState.UNKNOWN,
            current=ref in own and ref.name == known.current_context,
            in_use=ref in in_use,
            entries=counts[ref],
            kubeconfig=ref.kubeconfig,
            namespace=whole[ref.name].namespace if ref in own and ref.name in whole else "",
        )
        for ref in sorted((*own, *others), key=lambda ref: (ref.name, ref.kubeconfig))
    ]
    return ContextList(contexts=tuple(items))


def _server(view: ContextView | None, context: Context | None) -> str:
    if view is not None:
        return view.server
    return context.cluster.server if context is not None else ""


def _whole(known: Kubeconfig) -> Iterator[Context]:
    """The contexts that are not broken."""
    for name in known.names():
        try:
            yield known.context(name)
        except ConfigError:
            continue
