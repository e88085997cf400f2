"""The TUI in a browser: what is served to whom, and how it ends."""

from __future__ import annotations

import asyncio
import os
import signal
import subprocess
import sys
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path

import aiohttp
import pytest

from kfwd.errors import KfwdError
from kfwd.tasks import TaskSet
from kfwd.tui.web import serve as web
from tests.e2e.chromium import CHROMIUM, chromium
from tests.tui.conftest import Place, folders

# Speaks textual-serve's packets: says hello, then sends back what it is sent, until `quit`.
APP = r"""
import os, struct, sys
said = lambda kind, data: os.write(1, kind + struct.pack(">I", len(data)) + data)
os.write(1, b"__GANGLION__\n")
said(b"D", b"hello %d" % os.getpid())
while head := sys.stdin.buffer.read(5):
    data = sys.stdin.buffer.read(struct.unpack(">I", head[1:])[0])
    if b'"quit"' in data:
        break
    said(b"D", data)
"""
COMMAND = (sys.executable, "-S", "-c", APP)
STEP_S = 10.0


class Served:
    """What is served, and a browser's session."""

    def __init__(self, link: str, session: aiohttp.ClientSession) -> None:
        self.link = link
        self.base = link.partition("/?")[0]
        self.session = session
        self.page = ""

    async def enter(self) -> None:
        async with self.session.get(self.link) as answer:
            assert answer.status == 200
            self.page = self.base + (await answer.text()).partition("url=")[2].partition('"')[0]

    def tab(self, **headers: str) -> aiohttp.client._WSRequestContextManager:
        return self.session.ws_connect(f"{self.page}ws", headers={"Origin": self.base, **headers})


@asynccontextmanager
async def serving(command: tuple[str, ...] = COMMAND) -> AsyncIterator[Served]:
    link: asyncio.Future[str] = asyncio.get_running_loop().create_future()
    ended, tasks = asyncio.Event(), TaskSet("test")
    jar = aiohttp.CookieJar(unsafe=True)
    with web.listen(0) as bound:
        server = tasks.spawn(web.serve(bound, link.set_result, ended, command), "server")
        async with aiohttp.ClientSession(cookie_jar=jar) as session, asyncio.timeout(STEP_S):
            yield Served(await link, session)
            ended.set()
            await server


async def status(served: Served, url: str, **headers: str) -> int:
    async with served.session.get(url, headers=headers) as answer:
        return answer.status


async def hello(socket: aiohttp.ClientWebSocketResponse) -> int:
    """The process behind a tab."""
    return int((await socket.receive_bytes()).removeprefix(b"hello "))


SERVED = ("", "static/js/textual.js", "static/css/xterm.css", "focus.js")
OTHER = ("ws", "download/x", "nothing")


async def test_without_the_link_nothing_is_served() -> None:
    async with serving() as served:
        await served.enter()
        assert [await status(served, served.page + path) for path in SERVED] == [200] * 4
        served.session.cookie_jar.clear()
        for path in (*SERVED, *OTHER):
            assert await status(served, served.page + path) == 403
        assert await status(served, served.base + "/") == 403
        assert await status(served, served.base + "/static/js/textual.js") == 403


async def test_the_link_works_once() -> None:
    async with serving() as served:
        await served.enter()
        assert await status(served, served.link) == 403
        assert await status(served, served.page) == 200


async def test_the_cookie_is_for_our_path_and_kept_from_scripts_and_other_sites() -> None:
    async with serving() as served, served.session.get(served.link) as answer:
        (cookie,) = answer.cookies.values()
        assert cookie["path"] in await answer.text()
        assert len(cookie["path"]) > 20
        assert (cookie["httponly"], cookie["samesite"], cookie["domain"]) == (True, "Strict", "")


async def test_foreign_hosts_and_pages_are_refused() -> None:
    async with serving() as served:
        await served.enter()
        assert await status(served, served.page, Host="evil.example") == 403
        assert await status(served, served.page, Origin="http://localhost:8080") == 403
        for headers in ({"Origin": "http://evil.example"}, {"Host": "evil.example"}):
            with pytest.raises(aiohttp.WSServerHandshakeError) as refused:
                await served.tab(**headers)
            assert refused.value.status == 403


async def test_a_websocket_needs_the_cookie() -> None:
    async with serving() as served:
        await served.enter()
        served.session.cookie_jar.clear()
        with pytest.raises(aiohttp.WSServerHandshakeError) as refused:
            await served.tab()
        assert refused.value.status == 403


async def test_the_page_takes_nothing_from_elsewhere_and_cannot_be_framed() -> None:
    async with serving() as served:
        await served.enter()
        async with served.session.get(served.page) as answer:
            text = await answer.text()
            policy = answer.headers["Content-Security-Policy"]
        named = {part.split("/")[0] for part in text.split("//")[1:]}
        assert named == {served.base.removeprefix("http://")}
        assert "default-src 'none'" in policy
        assert "frame-ancestors 'none'" in policy
        assert "*" not in policy


async def test_a_tab_is_a_process_that_ends_with_it() -> None:
    async with serving() as served:
        await served.enter()
        async with served.tab() as one, served.tab() as other:
            first, second = await hello(one), await hello(other)
            assert first != second
            await one.send_json(["stdin", "typed"])
            assert await one.receive_bytes() == b"typed"
        await gone(first, second)


async def test_tabs_have_a_bound(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(web, "TABS_MAX", 1)
    async with serving() as served:
        await served.enter()
        async with served.tab() as one:
            await hello(one)
            with pytest.raises(aiohttp.WSServerHandshakeError) as refused:
                await served.tab()
            assert refused.value.status == 503
        async with asyncio.timeout(STEP_S):
            while True:
                try:
                    async with served.tab() as again:
                        await hello(again)
                        break
                except aiohttp.WSServerHandshakeError:  # the first one is still ending
                    await asyncio.sleep(0.02)


async def test_the_end_closes_tabs_and_ends_their_apps() -> None:
    tasks = TaskSet("tab")
    async with serving() as served:
        await served.enter()
        socket = await served.tab()
        process = await hello(socket)
        told = tasks.spawn(socket.receive(), "receive")
    assert (await told).type in (aiohttp.WSMsgType.CLOSE, aiohttp.WSMsgType.CLOSED)
    await gone(process)


async def gone(*processes: int) -> None:
    for process in processes:
        async with asyncio.timeout(STEP_S):
            while Path(f"/proc/{process}").exists():  # noqa: ASYNC110, ASYNC240  # no child of ours
                await asyncio.sleep(0.02)


def test_it_listens_on_loopback() -> None:
    with web.listen(0) as bound:
        assert bound.getsockname()[0] == "127.0.0.1"


async def test_a_port_that_is_taken_is_said() -> None:
    with web.listen(0) as bound, pytest.raises(KfwdError, match="in use") as raised:
        web.listen(bound.getsockname()[1])
    assert raised.value.code == "port-in-use"


def test_an_app_ends_when_nobody_holds_its_pipe(tmp_path: Path) -> None:
    env = {**os.environ, **folders(tmp_path)}
    env["TEXTUAL_DRIVER"] = "textual.drivers.web_driver:WebDriver"
    app = subprocess.Popen(
        [sys.executable, "-m", "kfwd.tui"],
        env=env,
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
    )
    assert app.stdin is not None
    assert app.stdout is not None
    try:
        assert app.stdout.readline() == b"__GANGLION__\n"
        app.stdin.close()
        app.stdout.read()
        assert app.wait(STEP_S) == 0
    finally:
        app.kill()
        app.wait()
        app.stdout.close()


@pytest.mark.e2e
@pytest.mark.skipif(CHROMIUM is None and "CI" not in os.environ, reason="there is no chromium")
async def test_a_browser_shows_it_takes_keys_and_is_told_of_the_end(nobody: Place) -> None:
    command = [sys.executable, "-m", "kfwd", "tui", "--web"]
    server = await asyncio.create_subprocess_exec(
        *command, env=nobody.env, stdout=subprocess.PIPE, stderr=subprocess.DEVNULL
    )
    assert server.stdout is not None
    try:
        link = (await server.stdout.readline()).decode().strip()
        async with chromium() as page:
            await page.open(link)
            await page.until("document.body?.classList.contains('-first-byte')")
            await page.call("Input.insertText", text="q")
            await page.until("document.body.classList.contains('-closed')")
            assert "kfwd has ended here" in await page.text
            await page.run("document.querySelector('.ended a').click()")
            await page.until("!document.body?.classList.contains('-closed')")
            await page.until("document.body?.classList.contains('-first-byte')")
            server.send_signal(signal.SIGTERM)
            await page.until("document.body.classList.contains('-closed')")
        assert await server.wait() == 0
    finally:
        if server.returncode is None:
            server.kill()
            await server.wait()
