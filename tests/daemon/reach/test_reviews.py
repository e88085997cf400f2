"""Rights are asked for once."""

from __future__ import annotations

import asyncio
from typing import Any

from kfwd.daemon.reach.reviews import Reviews
from kfwd.errors import Unreachable


class Api:
    """Allows what a test says; an empty name is any."""

    def __init__(self, *names: str, silent: bool = False) -> None:
        self.names = names
        self.silent = silent
        self.asked: list[str] = []

    async def allowed(self, verb: str, resource: str, namespace: str, **more: str) -> bool:
        self.asked.append(more["name"])
        await asyncio.sleep(0)
        if self.silent:
            raise Unreachable("nobody there")
        return more["name"] in self.names


def reviews(api: Any) -> Reviews:
    return Reviews(api)


async def ask(reviews: Reviews, *names: str) -> list[bool]:
    question = ("get", "services", "shop", "proxy")
    return await asyncio.gather(*(reviews.allowed(*question, name) for name in names))


async def test_who_may_do_it_to_all_is_asked_once_for_many() -> None:
    api = Api("")
    assert await ask(reviews(api), "a", "b", "a") == [True, True, True]
    assert api.asked == [""]


async def test_who_may_do_it_to_one_is_asked_by_name_as_well() -> None:
    api = Api("b")
    assert await ask(reviews(api), "a", "b", "b") == [False, True, True]
    assert sorted(api.asked) == ["", "a", "b"]


async def test_an_api_server_that_does_not_say_forbids_nothing() -> None:
    assert await ask(reviews(Api(silent=True)), "a") == [True]
