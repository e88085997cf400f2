from __future__ import annotations

import asyncio

from kfwd.sim.podlog import PodLog


def test_lines_are_counted_and_the_oldest_are_forgotten() -> None:
    log = PodLog(kept=2)
    for text in ("a", "b", "c"):
        log.write(text)
    assert [(line.number, line.text) for line in log.lines()] == [(2, "b"), (3, "c")]
    assert [line.text for line in log.lines(after=2)] == ["c"]
    assert log.last == 3


def test_each_line_is_echoed_as_it_is_written() -> None:
    said: list[str] = []
    PodLog(echo=said.append).write("a")
    assert said == ["a\n"]


async def test_who_follows_gets_new_lines_at_once_and_an_end() -> None:
    log = PodLog()
    log.write("a")
    assert [line.text for line in await log.following(0)] == ["a"]
    loop = asyncio.get_running_loop()
    loop.call_soon(log.write, "b")
    assert [line.text for line in await log.following(1)] == ["b"]
    loop.call_soon(log.end)
    assert await log.following(2) == []


async def test_lines_written_before_the_end_are_not_lost() -> None:
    log = PodLog()
    log.write("last")
    log.end()
    assert [line.text for line in await log.following(0)] == ["last"]
