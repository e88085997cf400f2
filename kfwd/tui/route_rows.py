"""Routes to a target as lines of a list, and what can be done with each. Pure."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence

from msgspec import Struct

from kfwd.api_model import RouteState, RouteView
from kfwd.client.address import authority, local_address, url
from kfwd.client.ways import WITHOUT_URL, target_of, url_of
from kfwd.errors import KfwdError
from kfwd.model import EntryView, PortView, State
from kfwd.profiles.forwards import plain
from kfwd.tui import words
from kfwd.tui.pieces import Piece, Pieces, Tone, fit, shorten

STATES: Mapping[RouteState, tuple[str, Tone]] = {
    "works": ("●", "good"),
    "unknown": ("◌", "dim"),
    "pending": ("◌", "warn"),
    "fails": ("✖", "bad"),
}
DIRECT = {"node-port", "load-balancer", "host-port", "host-network"}
"""What a forward with `via: direct` goes through."""
KIND = 13
LATENCY = 8
UP = (State.READY, State.DEGRADED, State.WAITING)


class About(Struct, frozen=True, kw_only=True):
    """What routes are asked for: a target, where it is, and perhaps one of its ports.

    `names` are those of its ports, by number. `kubeconfig` None: the files of the context in use.
    """

    target: str
    namespace: str
    context: str
    port: str | None = None
    kubeconfig: tuple[str, ...] | None = None
    names: Mapping[str, str] = {}

    @property
    def asked(self) -> str:
        return f"{self.target}:{self.port}" if self.port else self.target


class Way(Struct, frozen=True, kw_only=True):
    """A route; `address` is where it is on this machine, where an entry leads there already.

    `url` is None for what a browser cannot open.
    """

    route: RouteView
    address: str
    url: str | None
    up: bool = False

    @property
    def key(self) -> str:
        return f"{self.route.kind} {self.route.address}"

    @property
    def opens(self) -> bool:
        """Whether it is certainly for a browser."""
        return self.url is not None and self.route.state == "works" and self.route.layer == 7


def of_entry(entry: EntryView) -> About | None:
    """What an entry leads to; None for one that stands for a whole cluster."""
    if entry.target is None:
        return None
    port = entry.ports[0].remote if len(entry.ports) == 1 else None
    target, _, own = entry.target.partition(":")
    return About(
        target=target, namespace=entry.namespace, context=entry.context, port=port or own or None
    )


def ways(routes: Iterable[RouteView], about: About, entries: Iterable[EntryView]) -> list[Way]:
    """The routes with what the entries of this machine make of them."""
    near = [e for e in entries if e.context == about.context and e.state in UP]
    return [_way(route, about, near) for route in routes]


def _way(route: RouteView, about: About, entries: Sequence[EntryView]) -> Way:
    if route.kind == "port-forward":
        port = _forwarded(route, about, entries)
        local = authority(port) if port else None
        if port is not None and local is not None:
            return Way(route=route, address=local, url=url(local, port.remote or ""), up=True)
    if route.kind == "api-proxy":
        base = _api_proxy(entries)
        if base is not None:
            found = f"http://{base}{route.address}"
            return Way(route=route, address=found, url=found, up=True)
    return Way(
        route=route,
        address=route.address,
        url=None if route.kind in WITHOUT_URL else url_of(route),
    )


def _forwarded(route: RouteView, about: About, entries: Sequence[EntryView]) -> PortView | None:
    """The local port that leads where a port-forward would."""
    target, number = target_of(route)
    wanted = {number, about.names.get(number, number)}
    wanted |= {about.port} if about.port else set()
    for entry in entries:
        if entry.kind == "forward" and entry.target and entry.namespace == about.namespace:
            ports = entry.ports if plain(entry.target) == target else ()
            found = next((port for port in ports if port.remote in wanted), None)
            if found is not None:
                return found
    return None


def _api_proxy(entries: Iterable[EntryView]) -> str | None:
    """Where the whole API is served on this machine."""
    for entry in entries:
        if entry.kind == "proxy" and entry.target is None:
            try:
                return local_address(entry)
            except KfwdError:
                continue
    return None


def steady(before: Sequence[RouteView], now: Sequence[RouteView]) -> list[RouteView]:
    """`now` in the order of `before` where no route came, went or changed its state: rows that are
    looked at do not change places because a round trip took longer.
    """
    places = {(r.kind, r.address, r.state): place for place, r in enumerate(before)}
    if places.keys() != {(r.kind, r.address, r.state) for r in now}:
        return list(now)
    return sorted(now, key=lambda r: places[r.kind, r.address, r.state])


def row(way: Way, cells: int) -> Pieces:
    """State, kind, address, one round trip, and what it costs or why not."""
    glyph, tone = STATES[way.route.state]
    left = max(0, cells - 5 - KIND - LATENCY - 6)
    address = left * 2 // 5
    took = way.route.latency_ms
    latency = way.route.state if took is None else words.latency(took)
    note = "up now" if way.up else way.route.note
    return (
        Piece(f"   {glyph} ", tone),
        Piece(fit(way.route.kind, KIND) + "  ", "plain" if tone == "good" else "dim"),
        Piece(fit(way.address, address) + "  ", "accent" if way.up else "plain"),
        Piece(fit(latency, LATENCY, right=True) + "  ", "dim"),
        Piece(shorten(note, left - address), "good" if way.up else "dim"),
    )


def forward_port(chosen: Way | None, found: Sequence[Way]) -> tuple[str, str | None] | None:
    """The port to forward for a line of the list, and the `via`; None where there is none.

    Which port an address of a node or a balancer leads to is known where there is only one.
    """
    forwards = [way.route for way in found if way.route.kind == "port-forward"]
    if chosen is not None and chosen.route in forwards:
        return target_of(chosen.route)[1], None
    if not forwards:
        return None
    best = next((route for route in forwards if route.state == "works"), forwards[0])
    direct = chosen is not None and chosen.route.kind in DIRECT and len(forwards) == 1
    return target_of(best)[1], "direct" if direct else None
