"""The last thing that can be taken back, for a while."""

from __future__ import annotations

import time
from collections.abc import Callable

from msgspec.structs import replace

from kfwd.api_model import EntryRequest
from kfwd.model import EntryView, ForwardSpec, PortSpec, PortView

KEPT_S = 10.0


class Undo:
    """`offer` something, `take` it back within `KEPT_S`. A newer offer replaces an older one."""

    def __init__(self, clock: Callable[[], float] = time.monotonic) -> None:
        self._clock = clock
        self._back: Callable[[], None] | None = None
        self._until = 0.0

    def __bool__(self) -> bool:
        return self._back is not None and self._clock() < self._until

    def offer(self, back: Callable[[], None]) -> None:
        self._back, self._until = back, self._clock() + KEPT_S

    def take(self) -> bool:
        """Take it back; whether there was something."""
        back, self._back = (self._back if self else None), None
        if back is not None:
            back()
        return back is not None


def as_it_was(request: EntryRequest, entry: EntryView) -> EntryRequest:
    """The request that makes a removed entry again, on the ports that it had."""
    if len(entry.ports) != len(request.spec.ports):
        return request
    pairs = zip(request.spec.ports, entry.ports, strict=True)
    ports = tuple(_port(asked, had) for asked, had in pairs)
    spec = request.spec
    if isinstance(spec, ForwardSpec):
        return replace(request, spec=replace(spec, ports=ports))
    return replace(request, spec=replace(spec, port=ports[0].local))


def _port(asked: PortSpec, had: PortView) -> PortSpec:
    numbers = [address.rpartition(":")[2] for address in had.listen]
    local = next((int(number) for number in numbers if number.isdigit()), 0)
    return asked if asked.local else replace(asked, local=local)
