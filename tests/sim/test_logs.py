"""Which lines of a log a request gets."""

from __future__ import annotations

import asyncio
import itertools
from datetime import UTC, datetime, timedelta

import pytest

from kfwd.sim import logs
from kfwd.sim.podlog import PodLog
from kfwd.sim.status import StatusError
from tests.sim.builders import pod

BEGUN = datetime(2026, 1, 1, tzinfo=UTC)
NOW = BEGUN + timedelta(seconds=4)


def running(name: str = "a") -> dict[str, object]:
    return {**pod(name), "status": {"phase": "Running"}}


def written() -> PodLog:
    """Lines `0` to `3`, a second apart, the last one a second ago."""
    seconds = itertools.count()
    log = PodLog(clock=lambda: BEGUN + timedelta(seconds=next(seconds)))
    for number in range(4):
        log.write(str(number))
    return log


async def read(log: PodLog, **query: str) -> bytes:
    answer = logs.answer(running(), log, query, NOW)
    return b"".join([chunk async for chunk in answer.chunks()])


@pytest.mark.parametrize(
    ("query", "text"),
    [
        ({}, b"0\n1\n2\n3\n"),
        ({"tailLines": "2"}, b"2\n3\n"),
        ({"tailLines": "0"}, b""),
        ({"sinceSeconds": "2"}, b"2\n3\n"),
        ({"sinceTime": "2026-01-01T00:00:03Z"}, b"3\n"),
        ({"limitBytes": "3"}, b"0\n1"),
        ({"timestamps": "true", "tailLines": "1"}, b"2026-01-01T00:00:03.000000000Z 3\n"),
    ],
)
async def test_options_choose_lines(query: dict[str, str], text: bytes) -> None:
    assert await read(written(), **query) == text


async def test_following_goes_on_where_the_first_lines_ended() -> None:
    log = written()

    async def write_more() -> None:
        log.write("4")
        await asyncio.sleep(0)
        log.end()

    text, _ = await asyncio.gather(read(log, follow="true", tailLines="0"), write_more())
    assert text == b"4\n"


def refusal(query: dict[str, str], found: object = None) -> StatusError:
    with pytest.raises(StatusError) as caught:
        logs.answer(found or running(), written(), query, NOW)  # type: ignore[arg-type]  # a pod
    return caught.value


def test_what_is_not_there_is_said() -> None:
    assert "container x is not valid for pod a" in refusal({"container": "x"}).message
    assert "previous terminated container" in refusal({"previous": "true"}).message
    assert refusal({"tailLines": "-1"}).code == 422
    assert "no RFC 3339 time" in refusal({"sinceTime": "now"}).message


def test_of_several_containers_one_must_be_named() -> None:
    found = running()
    found["spec"] = {"containers": [{"name": "c"}, {"name": "d"}]}
    assert refusal({}, found).message == (
        "a container name must be specified for pod a, choose one of: [c d]"
    )


def test_a_pod_that_has_not_started_has_no_log() -> None:
    waiting = {**pod("a"), "status": {"phase": "Pending"}}
    assert "waiting to start: ContainerCreating" in refusal({}, waiting).message
    with pytest.raises(StatusError):
        logs.answer(running(), None, {}, NOW)
