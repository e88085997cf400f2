"""From what was picked in a cluster to forwards: words to edit first, then specs. Pure."""

from __future__ import annotations

from collections.abc import Callable, Collection, Iterable, Iterator, Sequence

from msgspec import Struct

from kfwd.api_model import ObjectPort, ObjectView
from kfwd.client import local_ports
from kfwd.errors import UsageError
from kfwd.model import EntryView, ForwardSpec
from kfwd.profiles.forwards import forward


class Place(Struct, frozen=True, kw_only=True):
    """The context where things were picked, and the files it is in. `current`: the caller's own
    choice, which profiles without a context stand for.
    """

    context: str
    kubeconfig: tuple[str, ...]
    current: str | None = None


class Draft(Struct, frozen=True, kw_only=True):
    """A forward to be; `ports` are the words of `kfwd add`, as they are shown and edited.

    `namespace` is the context's own where it is empty.
    """

    target: str
    namespace: str
    ports: str
    via: str | None = None


Choose = Callable[[Sequence[int], Collection[int]], list[int]]


def of_objects(
    views: Iterable[ObjectView], taken: Iterable[int], choose: Choose = local_ports.choose
) -> list[Draft]:
    """A draft for each that can be forwarded: all its TCP ports, none of them on `taken` ones; for
    an ingress, one for each service that it leads to.
    """
    used = set(taken)
    drafts = []
    for target, namespace, ports in _targets(views):
        chosen = choose([number for _, number in ports], used)
        used.update(chosen)
        pairs = zip(chosen, ports, strict=True)
        words = " ".join(f"{local or ''}:{remote}" for local, (remote, _) in pairs)
        drafts.append(Draft(target=target, namespace=namespace, ports=words))
    return drafts


def can_be_forwarded(view: ObjectView) -> bool:
    return view.target is not None or bool(view.leads_to)


def _targets(views: Iterable[ObjectView]) -> Iterator[tuple[str, str, list[tuple[str, int]]]]:
    """Target, namespace and ports: how each is called and its number, 0 if that is not known."""
    for view in views:
        if view.target is not None:
            tcp = [port for port in view.ports if port.protocol == "TCP"]
            yield view.target, view.namespace, [(_remote(view, port), port.number) for port in tcp]
        for behind in view.leads_to:
            target, _, port = behind.rpartition(":")
            yield target, view.namespace, [(port, int(port) if port.isdigit() else 0)]


def of_route(
    target: str,
    port: str,
    namespace: str,
    taken: Iterable[int],
    *,
    via: str | None = None,
    choose: Choose = local_ports.choose,
) -> Draft:
    """A draft for one port (a number or a name) of a target."""
    (local,) = choose([int(port) if port.isdigit() else 0], set(taken))
    return Draft(target=target, namespace=namespace, ports=f"{local or ''}:{port}", via=via)


def _remote(view: ObjectView, port: ObjectPort) -> str:
    """A service's ports have names of their own; those of containers may be anything."""
    return port.name if view.kind == "service" and port.name else str(port.number)


def specs(drafts: Iterable[Draft]) -> list[ForwardSpec]:
    """What the drafts ask for. Raises `UsageError` for the first one that cannot be read."""
    return [_spec(draft) for draft in drafts]


def _spec(draft: Draft) -> ForwardSpec:
    words = draft.ports.replace(",", " ").split()
    if not words:
        raise UsageError(f"{draft.target}: say a port, as LOCAL:REMOTE or one number for both")
    try:
        return forward(draft.target, words, namespace=draft.namespace or None, via=draft.via)
    except UsageError as error:
        raise UsageError(f"{draft.target}: {error.text}") from None


def preview(found: Iterable[ForwardSpec]) -> Iterator[str]:
    """`localhost:8080 → svc/web:http` for each port."""
    for spec in found:
        for port in spec.ports:
            local = f"localhost:{port.local}" if port.local else "a free port"
            yield f"{local} → {spec.target}:{port.remote}"


def local_numbers(entries: Iterable[EntryView]) -> set[int]:
    """The local ports that entries have."""
    found = (address for entry in entries for port in entry.ports for address in port.listen)
    numbers = (address.rpartition(":")[2] for address in found if not address.startswith("unix:"))
    return {int(number) for number in numbers if number.isdigit()}
