"""The process over the API: its log and its end."""

from __future__ import annotations

import asyncio
import logging
import os

import msgspec
import pytest
from aiohttp import web

from kfwd.api_model import LogLine
from kfwd.daemon.api import server, snapshot
from tests.daemon.rig import Rig

log = logging.getLogger("kfwd.test")
LINE = msgspec.json.Decoder(LogLine)


async def test_the_newest_lines_oldest_first(rig: Rig) -> None:
    for number in range(3):
        log.info("line %d", number)
    async with rig.http.get("http://kfwd/v1/logs?n=2") as answer:
        lines = [LINE.decode(line) for line in (await answer.read()).splitlines()]
    assert [line.text for line in lines] == ["line 1", "line 2"]


async def test_the_lines_of_one_entry_as_they_come(rig: Rig) -> None:
    log.info("before", extra={"entry": "dev/web"})
    async with rig.http.get("http://kfwd/v1/logs?entry=dev/web&follow=1") as answer:
        async with asyncio.timeout(5):
            assert LINE.decode(await answer.content.readline()).text == "before"
            log.info("of another", extra={"entry": "dev/db"})
            log.info("after", extra={"entry": "dev/web"})
            assert LINE.decode(await answer.content.readline()).text == "after"


async def test_a_quiet_log_sends_empty_lines(rig: Rig, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(snapshot.beating, "__defaults__", (0.01,))
    async with rig.http.get("http://kfwd/v1/logs?n=0&follow=1") as answer:
        async with asyncio.timeout(5):
            assert await answer.content.readline() == b"\n"


async def test_stop_is_answered_before_it_happens(rig: Rig) -> None:
    assert await rig.call("POST", "/v1/stop") == (200, {"pid": os.getpid()})
    assert rig.daemon.stopping.is_set()


async def test_a_daemon_that_was_replaced_sends_who_stops_it_to_the_next(rig: Rig) -> None:
    rig.daemon.leave()
    status, answer = await rig.call("POST", "/v1/stop")
    assert (status, answer["error"]["code"]) == (500, "daemon-replaced")
    assert not rig.daemon.stopping.is_set()


async def test_who_stops_it_while_it_is_replaced_is_sent_to_the_next_as_well(
    rig: Rig, monkeypatch: pytest.MonkeyPatch
) -> None:
    read = server.decode_body

    async def read_meanwhile(request: web.BaseRequest, shape: type[msgspec.Struct]) -> object:
        rig.daemon.leave()
        return await read(request, shape)

    monkeypatch.setattr(server, "decode_body", read_meanwhile)
    status, answer = await rig.call("POST", "/v1/stop")
    assert (status, answer["error"]["code"]) == (500, "daemon-replaced")
    assert not rig.daemon.stopping.is_set()
