"""The TUI in a browser: textual-serve's app behind a gate, on loopback, one process a tab."""

from __future__ import annotations

import asyncio
import errno
import os
import shlex
import signal
import socket
import sys
from collections.abc import Awaitable, Callable
from pathlib import Path
from typing import Final

from aiohttp import web
from textual_serve.server import Server

from kfwd.errors import ExitCode, KfwdError
from kfwd.tui.web import gate as gates
from kfwd.tui.web.gate import Gate, Verdict

HERE: Final = Path(__file__).parent
ADDRESS: Final = "127.0.0.1"
TABS_MAX: Final = 8
END_S: Final = 2.0
"""How long the apps of open tabs may take to end."""
COMMAND: Final = (sys.executable, "-m", "kfwd.tui")
ENTERED: Final = '<!DOCTYPE html><meta http-equiv="refresh" content="0; url={}"><title>kfwd</title>'
"""A page, not a redirect: a strict cookie goes with what comes from our own page."""
POLICY: Final = (
    "default-src 'none'; script-src 'self'; style-src 'self' 'unsafe-inline'; img-src 'self' data:;"
    " connect-src ws://{}; frame-ancestors 'none'; base-uri 'none'; form-action 'none'"
)
Handler = Callable[[web.Request], Awaitable[web.StreamResponse]]


class Apps(Server):
    """textual-serve's own, without its words on the terminal and with a page that takes nothing
    from elsewhere.
    """

    def __init__(self, host: str, command: tuple[str, ...]) -> None:
        super().__init__(
            f"exec {shlex.join(command)}",
            title="kfwd",
            public_url=f"http://{host}",
            templates_path=HERE,
        )

    async def on_startup(self, app: web.Application) -> None:
        """Nothing: who starts it says where it is."""

    async def app(self) -> web.Application:
        made = await self._make_app()
        made.router.add_get("/focus.js", _focus)
        return made


async def _focus(request: web.Request) -> web.FileResponse:
    return web.FileResponse(HERE / "focus.js")


class Door:
    """Puts the gate's verdicts into answers, and counts the tabs."""

    def __init__(self, gate: Gate) -> None:
        self._gate = gate
        self._tabs: set[asyncio.Task[object]] = set()

    @web.middleware
    async def watch(self, request: web.Request, handler: Handler) -> web.StreamResponse:
        token = request.query.get("token", "")
        match self._gate.verdict(
            request.method, request.path, token, request.headers, request.cookies
        ):
            case Verdict.PASS:
                return await self._pass(request, handler)
            case Verdict.ENTER:
                return self._enter()
            case Verdict.SPENT:
                return web.Response(status=403, text=gates.SPENT)
            case Verdict.FOREIGN:
                return web.Response(status=403, text=gates.FOREIGN)

    async def close(self) -> None:
        """End the apps of the tabs that are open."""
        tabs = [*self._tabs]
        for tab in tabs:
            tab.cancel()
        if tabs:
            await asyncio.wait(tabs, timeout=END_S)

    async def dress(self, request: web.Request, response: web.StreamResponse) -> None:
        """What every answer says to the browser."""
        response.headers.update(
            {
                "Content-Security-Policy": POLICY.format(self._gate.host),
                "Cross-Origin-Opener-Policy": "same-origin",
                "Cross-Origin-Resource-Policy": "same-origin",
                "Referrer-Policy": "no-referrer",
                "X-Content-Type-Options": "nosniff",
                "Cache-Control": "no-store",
            }
        )

    def _enter(self) -> web.Response:
        page = ENTERED.format(f"{self._gate.place}/")
        answer = web.Response(text=page, content_type="text/html")
        name, value = self._gate.cookie
        answer.set_cookie(name, value, path=self._gate.place, httponly=True, samesite="Strict")
        return answer

    async def _pass(self, request: web.Request, handler: Handler) -> web.StreamResponse:
        if "Upgrade" not in request.headers:
            return await handler(request)
        if len(self._tabs) >= TABS_MAX:
            return web.Response(status=503, text=f"There are {TABS_MAX} tabs already: close one.")
        task = asyncio.current_task()
        assert task is not None
        self._tabs.add(task)
        try:
            return await handler(request)
        finally:
            self._tabs.discard(task)


async def serve(
    bound: socket.socket,
    ready: Callable[[str], None],
    ended: asyncio.Event,
    command: tuple[str, ...] = COMMAND,
) -> None:
    """Serve on a bound socket until `ended` is set; `ready` gets the link."""
    host = f"{ADDRESS}:{bound.getsockname()[1]}"
    gate = Gate(host)
    door = Door(gate)
    outer = web.Application(middlewares=[door.watch])
    outer.on_response_prepare.append(door.dress)
    outer.add_subapp(gate.place, await Apps(host, command).app())
    runner = web.AppRunner(outer, access_log=None, handle_signals=False, shutdown_timeout=END_S)
    await runner.setup()
    try:
        await web.SockSite(runner, bound).start()
        ready(gate.link)
        await ended.wait()
        await door.close()
    finally:
        await runner.cleanup()


def listen(port: int) -> socket.socket:
    """A socket on loopback; port 0 is a free one. Raises `KfwdError` where it cannot be had."""
    try:
        return socket.create_server((ADDRESS, port))
    except OSError as error:
        code = "port-in-use" if error.errno == errno.EADDRINUSE else "bind-failed"
        text = f"cannot listen on {ADDRESS}:{port}: {os.strerror(error.errno or 0)}"
        hint = "without --port a free one is taken"
        raise KfwdError(text, hint=hint, code=code) from None


def run(port: int, say: Callable[[str], None]) -> int:
    """Serve until Ctrl-C or SIGTERM; `say` gets the link. Returns the exit status."""
    with listen(port) as bound:
        asyncio.run(_until_told(bound, say))
    return ExitCode.OK


async def _until_told(bound: socket.socket, say: Callable[[str], None]) -> None:
    ended = asyncio.Event()
    for number in (signal.SIGINT, signal.SIGTERM):
        asyncio.get_running_loop().add_signal_handler(number, ended.set)
    await serve(bound, say, ended)
