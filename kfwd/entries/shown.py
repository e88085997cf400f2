"""What is shown of where the connections of some fronts go."""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence

from kfwd.front.forwarder import Front
from kfwd.model import EndpointView
from kfwd.resolve.direct import Address, Destination


def via(fronts: Sequence[Front]) -> str | None:
    """`tunnel`, `direct`, `mixed`, or None where connections have nowhere to go."""
    ways = set().union(*(front.ways for front in fronts))
    return "mixed" if len(ways) > 1 else next(iter(ways), None)


def endpoints(fronts: Sequence[Front]) -> tuple[EndpointView, ...]:
    """Addresses, pods that new connections may get, and whatever still has connections."""
    known: dict[str, Destination] = {}
    usable: set[str] = set()
    open_at: Counter[str] = Counter()
    for front in fronts:
        pods = () if front.direct.answering else front.endpoints
        known |= {address.uid: address for address in front.direct.addresses}
        known |= {pod.uid: pod for pod in pods}
        usable |= front.direct.good | {each.uid for each in pods if each.ready}
    for front in fronts:
        for connection in front.connections:
            if (place := connection.endpoint) is not None:
                known.setdefault(place.uid, place)
                open_at[place.uid] += 1
    return tuple(_shown(each, uid in usable, open_at[uid]) for uid, each in known.items())


def _shown(each: Destination, ready: bool, open_: int) -> EndpointView:
    address = each.uid if isinstance(each, Address) else None
    return EndpointView(pod=each.pod, address=address, ready=ready, open=open_)
