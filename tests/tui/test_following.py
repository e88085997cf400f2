"""A stream that is followed: it begins again when it breaks, and ends when it is left."""

from __future__ import annotations

import threading
from collections.abc import AsyncIterator, Iterator
from pathlib import Path

import pytest

from kfwd.api_model import ObjectsPage, ObjectView
from kfwd.client import feeds
from kfwd.client.calls import Client
from kfwd.errors import KfwdError
from kfwd.tasks import TaskSet
from kfwd.tui.following import Following
from tests.standin import Request, StandIn, chunk, standing_in
from tests.until import until

CALL = "GET /v1/contexts/dev/objects"
FEED = feeds.objects("dev", ["/k"], follow=True)


def page(name: str) -> ObjectsPage:
    view = ObjectView(kind="pod", namespace="shop", name=name, target=f"pod/{name}")
    return ObjectsPage(objects=(view,), complete=True)


class Seen:
    """What came of it."""

    def __init__(self) -> None:
        self.pages: list[tuple[str, bool]] = []
        self.errors: list[str] = []

    def took(self, pages: list[ObjectsPage], begins: bool) -> None:
        self.pages += [(page.objects[0].name, begins) for page in pages]

    def failed(self, error: KfwdError) -> None:
        self.errors.append(error.text)


@pytest.fixture
def server() -> Iterator[StandIn]:
    with standing_in() as server:
        yield server


@pytest.fixture
def seen() -> Seen:
    return Seen()


@pytest.fixture
async def following(server: StandIn, seen: Seen) -> AsyncIterator[Following[ObjectsPage]]:
    tasks = TaskSet("test")
    yield Following(Client([server.folder]), tasks, seen.took, seen.failed)
    await tasks.close()


async def test_a_stream_that_ends_is_opened_again_and_begins_anew(
    server: StandIn, seen: Seen, following: Following[ObjectsPage]
) -> None:
    server.on_lines(CALL, page("a"))
    server.on_lines(CALL, page("b"))
    following.follow(FEED)
    await until(lambda: len(seen.pages) >= 2)
    assert seen.pages[:2] == [("a", True), ("b", True)]


async def test_a_refusal_is_told_and_tried_again(
    server: StandIn, seen: Seen, following: Following[ObjectsPage]
) -> None:
    server.fail(CALL, 403, code="forbidden", text="you may not", exit_code=7)
    server.on_lines(CALL, page("a"))
    following.follow(FEED)
    await until(lambda: seen.pages)
    assert seen.errors == ["you may not"]


async def test_nothing_comes_from_what_was_left(
    server: StandIn, seen: Seen, following: Following[ObjectsPage], tmp_path: Path
) -> None:
    gate = threading.Event()

    def slow(request: Request, connection: object) -> None:
        connection.sendall(server.stream_head() + chunk(page("a")))  # type: ignore[attr-defined]  # a socket
        gate.wait(5)

    server.on_raw(CALL, slow)
    following.follow(FEED)
    await until(lambda: seen.pages)
    following.stop()
    gate.set()
    server.on_lines("GET /v1/contexts/prod/objects", page("b"))
    following.follow(feeds.objects("prod", ()))
    await until(lambda: len(seen.pages) == 2)
    assert seen.pages == [("a", True), ("b", True)]
