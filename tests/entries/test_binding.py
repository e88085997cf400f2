"""Getting a local port: a free one, the one it was before, and one that is busy."""

from __future__ import annotations

import socket
from collections.abc import Mapping, Sequence

import pytest

from kfwd.entries import binding as module
from kfwd.entries.binding import PATIENCE, Binding
from kfwd.errors import KfwdError
from kfwd.front.listener import PortInUse
from tests.entries.rig import Kept


class Place:
    """What is bound to; `failure` is what it says instead."""

    def __init__(self) -> None:
        self.failure: KfwdError | None = None
        self.asked: list[int] = []

    def bind(
        self, addresses: Sequence[str], port: int, inherited: Mapping[str, socket.socket]
    ) -> tuple[str, ...]:
        self.asked.append(port)
        if self.failure is not None:
            raise self.failure
        return tuple(f"{each}:{port or 5000}" for each in addresses)


def binding(place: Place, port: int = 0, kept: Kept | None = None) -> Binding:
    return Binding(port, ("127.0.0.1",), kept if kept is not None else Kept(), "http", place.bind)


def test_a_free_port_is_kept_and_had_again() -> None:
    place, kept = Place(), Kept()
    first = binding(place, kept=kept)
    first.bind()
    assert (first.bound, first.number, kept) == (True, 5000, {"http": 5000})
    binding(place, kept=kept).bind()
    assert place.asked == [0, 5000]


def test_a_kept_port_that_stays_busy_is_given_up_after_a_while() -> None:
    place, kept = Place(), Kept(http=6000)
    each = binding(place, kept=kept)
    place.failure = PortInUse("port 6000 is in use")
    for _ in range(PATIENCE + 1):
        each.bind()
    assert place.asked == [6000] * PATIENCE + [0]


def test_a_port_that_was_asked_for_is_asked_for_again_and_not_kept() -> None:
    place, kept = Place(), Kept()
    each = binding(place, 8080, kept)
    place.failure = PortInUse("port 8080 is in use")
    each.bind()
    assert each.fault is not None
    assert (each.fault.problem.code, each.fault.heals, each.bound) == ("port-in-use", True, False)
    place.failure = None
    each.bind()
    each.bind()
    assert (each.bound, each.fault, place.asked, kept) == (True, None, [8080, 8080], {})


@pytest.mark.parametrize(("code", "heals"), [("port-privileged", False), ("bind-failed", True)])
def test_whether_time_may_help(code: str, heals: bool) -> None:
    place = Place()
    place.failure = KfwdError("no", code=code)
    each = binding(place, 80)
    each.bind()
    assert each.fault is not None
    assert (each.fault.problem.code, each.fault.heals) == (code, heals)


async def test_who_has_a_busy_port_is_named(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(module, "port_holder", lambda port: f"nginx (pid {port})")
    place = Place()
    place.failure = PortInUse("port 80 is in use", port=80)
    each = binding(place, 80)
    each.bind()
    await each.name_holder()
    assert each.fault is not None
    assert each.fault.problem.text == "port 80 is in use by nginx (pid 80)"


def test_a_unix_socket_has_no_number() -> None:
    each = Binding(0, ("unix:/x",), Kept(), "http", lambda addresses, port, inherited: ("unix:/x",))
    each.bind()
    assert (each.bound, each.number) == (True, None)
