"""Hops in order: the first that is broken ends the way, and none takes longer than it may."""

from __future__ import annotations

import asyncio

from kfwd.daemon.doctor.walk import Told, Walk, skipped
from kfwd.errors import Unreachable


async def fine() -> Told:
    return Told(text="fine", latency_ms=1.26)


async def bad() -> Told:
    raise Unreachable("no way", hint="make one")


async def endless() -> Told:
    await asyncio.Event().wait()
    return skipped("never")


async def test_what_lies_behind_a_broken_hop_is_skipped() -> None:
    walk = Walk("dev")
    assert await walk.take("dns", fine())
    assert not await walk.take("tcp", bad())
    assert not await walk.take("tls", fine())
    walk.end()
    steps = [(step.hop, step.state, step.text) async for step in walk]
    assert steps == [
        ("dns", "running", ""),
        ("dns", "ok", "fine"),
        ("tcp", "running", ""),
        ("tcp", "broken", "no way"),
        ("tls", "skipped", "tcp is broken"),
    ]


async def test_a_hop_is_told_with_all_that_is_known_of_it() -> None:
    walk = Walk("dev")
    await walk.take("dns", fine())
    await walk.take("tcp", bad())
    walk.end()
    _, dns, _, tcp = [step async for step in walk]
    assert (dns.about, dns.latency_ms) == ("dev", 1.3)
    assert (tcp.code, tcp.hint) == ("unreachable", "make one")


async def test_what_looks_like_a_secret_is_not_told() -> None:
    walk = Walk("dev")
    hint = "Authorization: Bearer hunter22hunter22"
    walk.tell("kubeconfig", Told(text="https://me:hunter22@api", hint=hint))
    walk.end()
    (step,) = [step async for step in walk]
    assert "hunter22" not in f"{step.text} {step.hint}"


async def test_a_hop_that_takes_too_long_is_broken() -> None:
    walk = Walk("dev")
    assert not await walk.take("login", endless(), 0.01)
    walk.end()
    *_, step = [step async for step in walk]
    assert (step.state, step.code, step.text) == ("broken", "timeout", "no answer within 0.01 s")
