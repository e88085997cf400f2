"""One hop after another, each told as it is walked and bounded in time; what is behind a broken one
is skipped.
"""

from __future__ import annotations

import asyncio
from collections.abc import Coroutine
from typing import Any

from msgspec import Struct

from kfwd.api_doctor import Hop, HopState, HopWalked
from kfwd.errors import KfwdError
from kfwd.masking import mask

STEP_S = 5.0


class Told(Struct, frozen=True, kw_only=True):
    """What came of one hop."""

    text: str
    state: HopState = "ok"
    code: str | None = None
    hint: str | None = None
    latency_ms: float | None = None


def broken(error: KfwdError) -> Told:
    return Told(state="broken", text=error.text, code=error.code, hint=error.hint)


def skipped(text: str) -> Told:
    return Told(state="skipped", text=text)


class Walk:
    """The hops of one thing. Iterating gives what was told, and ends after `end`."""

    def __init__(self, about: str) -> None:
        self.about = about
        self.broken: Hop | None = None
        self._told: asyncio.Queue[HopWalked | None] = asyncio.Queue()

    async def take(
        self, hop: Hop, look: Coroutine[Any, Any, Told], within_s: float = STEP_S
    ) -> bool:
        """Walk a hop, unless one before it is broken. Returns whether that one is not."""
        if self.broken is not None:
            look.close()
            self.tell(hop, skipped(f"{self.broken} is broken"))
            return False
        self.tell(hop, Told(state="running", text=""))
        told = await _bounded(look, within_s)
        self.tell(hop, told)
        if told.state == "broken":
            self.broken = hop
        return self.broken is None

    def tell(self, hop: Hop, told: Told) -> None:
        """Say what is known of a hop."""
        latency = None if told.latency_ms is None else round(told.latency_ms, 1)
        self._told.put_nowait(
            HopWalked(
                about=self.about,
                hop=hop,
                state=told.state,
                text=mask(told.text),
                code=told.code,
                hint=told.hint and mask(told.hint),
                latency_ms=latency,
            )
        )

    def end(self) -> None:
        """Nothing more will be told."""
        self._told.put_nowait(None)

    def __aiter__(self) -> Walk:
        return self

    async def __anext__(self) -> HopWalked:
        if (step := await self._told.get()) is None:
            raise StopAsyncIteration
        return step


async def _bounded(look: Coroutine[Any, Any, Told], within_s: float) -> Told:
    try:
        async with asyncio.timeout(within_s):
            return await look
    except KfwdError as error:
        return broken(error)
    except TimeoutError:
        return Told(state="broken", text=f"no answer within {within_s:g} s", code="timeout")
