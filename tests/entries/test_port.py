"""One port: what tells it from the others, and what is known about it."""

from __future__ import annotations

import asyncio
import socket

import pytest
from msgspec.structs import replace

from kfwd.entries import binding as binding_module
from kfwd.entries.port import Port, keys
from kfwd.entries.states import Fault
from kfwd.errors import UpgradeFailed
from kfwd.front.forwarder import Front
from kfwd.front.replay import Budget
from kfwd.model import PortSpec, Problem
from kfwd.resolve.endpoints import Endpoint, Resolution
from tests.entries.rig import Rig
from tests.until import until


def test_keys_number_what_comes_again() -> None:
    specs = tuple(PortSpec(local=0, remote=remote) for remote in ("http", "80", "http"))
    assert keys(specs) == ["http", "80", "http#2"]


def port(rig: Rig, local: int, address: tuple[str, ...] = ("127.0.0.1",)) -> Port:
    front = Front(
        "dev/web",
        rig.context.pool,
        budget=Budget(),
        hold_s=1.0,
        on_change=lambda: None,
        look_again=lambda: None,
    )
    return Port(PortSpec(local=local, remote="80"), address, front, rig.kept, "80")


def trouble(code: str) -> Problem:
    return Problem(code=code, severity="error", text=code)


async def test_a_privileged_port_needs_a_person_and_other_failures_may_heal(
    rig: Rig, monkeypatch: pytest.MonkeyPatch
) -> None:
    from kfwd.front import listener

    def refuse(*args: object) -> None:
        raise PermissionError(13, "Permission denied")

    monkeypatch.setattr(listener, "_listen", refuse)
    privileged, other = port(rig, 80), port(rig, 8080)
    for each in (privileged, other):
        each.binding.bind()
        assert not each.bound
    fault = privileged.facts(None).bind
    assert fault is not None
    assert (fault.problem.code, fault.heals) == ("port-privileged", False)
    fault = other.facts(None).bind
    assert fault is not None
    assert (fault.problem.code, fault.heals) == ("bind-failed", True)


async def test_an_address_that_is_not_there_yet_may_come(rig: Rig) -> None:
    away = port(rig, 0, ("127.0.0.1", "::2"))
    away.binding.bind()
    fault = away.facts(None).bind
    assert fault is not None
    assert fault.heals
    assert "::2" in fault.problem.text


async def test_its_number_is_that_of_its_tcp_address(rig: Rig, tmp_path: object) -> None:
    tcp, unix = port(rig, 0), port(rig, 0, (f"unix:{tmp_path}/s",))
    for each in (tcp, unix):
        each.binding.bind()
    assert tcp.view().listen == (f"127.0.0.1:{tcp.binding.number}",)
    assert rig.kept["80"] == tcp.binding.number
    assert unix.binding.number is None
    for each in (tcp, unix):
        await each.front.close()


async def test_what_hinders_reading_is_more_telling_than_that_it_cannot_be_read(
    rig: Rig,
) -> None:
    watch = Fault(replace(trouble("forbidden"), severity="warning"), heals=False)
    each = port(rig, 0)
    each.serve(Resolution(problem=trouble("not-readable")))
    found = each.facts(watch).resolution
    assert found is not None
    assert (found.problem.code, found.problem.severity) == ("forbidden", "error")
    each.serve(Resolution(problem=trouble("no-such-port"), heals=False))
    found = each.facts(watch).resolution
    assert found is not None
    assert (found.problem.code, found.heals) == ("no-such-port", False)


async def test_an_endpoint_that_terminates_is_no_ready_one(rig: Rig) -> None:
    rig.hub.gate = asyncio.Event()
    going = Endpoint(namespace="shop", pod="a", uid="a", port=80, terminating=True)
    each = port(rig, 0)
    each.serve(Resolution(endpoints=(going,)))
    facts = each.facts(None)
    assert (facts.usable, facts.ready) == (True, False)
    await each.front.close()


async def test_who_has_a_port_is_asked_seldom(rig: Rig, monkeypatch: pytest.MonkeyPatch) -> None:
    asked: list[int] = []

    def holder(port: int) -> str:
        asked.append(port)
        return f"holder {len(asked)}"

    monkeypatch.setattr(binding_module, "port_holder", holder)
    with socket.create_server(("127.0.0.1", 0)) as other:
        busy = port(rig, other.getsockname()[1])
        texts = []
        for _ in range(binding_module.NAME_EVERY + 3):
            busy.binding.bind()
            await busy.binding.name_holder()
            fault = busy.facts(None).bind
            assert fault is not None
            texts.append(fault.problem.text.rpartition(" by ")[2])
    assert texts == ["holder 1"] * (binding_module.NAME_EVERY + 1) + ["holder 2"] * 2
    busy.binding.bind()
    assert busy.facts(None).bind is None
    await busy.front.close()


async def test_the_first_place_is_where_connections_go(rig: Rig) -> None:
    refused = UpgradeFailed("error dialing backend: no route to host", status=500)
    rig.hub.lost["a"] = refused
    served = port(rig, 0)
    both = tuple(
        Endpoint(namespace="ns", pod=name, uid=f"uid-{name}", port=80) for name in ("a", "b")
    )
    served.serve(Resolution(endpoints=both))
    await until(lambda: served.front.session_up)
    assert served.facts(None).seen.places == (both[1], both[0])
    assert await served.front.close() == []
