"""A headless Chromium that reaches nothing but this machine, driven by the DevTools protocol.

https://chromedevtools.github.io/devtools-protocol/
"""

from __future__ import annotations

import asyncio
import itertools
import os
import shutil
import signal
import subprocess
import tempfile
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Any

import aiohttp

CHROMIUM = shutil.which("chromium")
START_S = 30.0
STEP_S = 10.0
FLAGS = [
    *("--headless", "--no-sandbox", "--disable-gpu", "--disable-quic", "--no-first-run"),
    *("--disable-background-networking", "--disable-component-update", "--disable-sync"),
    *("--disable-default-apps", "--disable-extensions", "--disable-domain-reliability"),
    *("--no-pings", "--disable-dev-shm-usage", "--disable-client-side-phishing-detection"),
    "--disable-features=OptimizationHints,MediaRouter,Translate",
    "--host-resolver-rules=MAP * ~NOTFOUND, EXCLUDE localhost, EXCLUDE *.localhost, "
    "EXCLUDE 127.0.0.1",
]


class Page:
    """One tab."""

    def __init__(self, socket: aiohttp.ClientWebSocketResponse) -> None:
        self._socket = socket
        self._ids = itertools.count(1)

    async def call(self, method: str, **params: Any) -> dict[str, Any]:
        """One command and its result."""
        number = next(self._ids)
        await self._socket.send_json({"id": number, "method": method, "params": params})
        async with asyncio.timeout(STEP_S):
            while True:
                message = await self._socket.receive_json()
                if message.get("id") == number:
                    assert "error" not in message, message
                    result: dict[str, Any] = message["result"]
                    return result

    async def event(self, name: str) -> None:
        async with asyncio.timeout(STEP_S):
            while (await self._socket.receive_json()).get("method") != name:
                pass

    async def open(self, url: str) -> None:
        """Load a page, all of it."""
        result = await self.call("Page.navigate", url=url)
        assert not result.get("errorText"), f"{url}: {result['errorText']}"
        await self.event("Page.loadEventFired")

    async def run(self, script: str) -> Any:
        """The value of an expression in the page, awaited where it is a promise."""
        result = await self.call(
            "Runtime.evaluate", expression=script, awaitPromise=True, returnByValue=True
        )
        assert "exceptionDetails" not in result, result
        return result["result"].get("value")

    async def until(self, script: str) -> None:
        """Wait until an expression holds, in whatever page there is by then."""
        async with asyncio.timeout(STEP_S):
            while not await self.run(script):  # noqa: ASYNC110  # a page has no event for all
                await asyncio.sleep(0.05)

    async def follow(self, link: str) -> None:
        """Click the link to `link`, and wait until that has loaded."""
        found = await self.run(
            f"(a => a ? (a.click(), true) : false)(document.querySelector('a[href=\"{link}\"]'))"
        )
        assert found, f"no link to {link}"
        async with asyncio.timeout(STEP_S):
            while await self.run("location.href") != link:
                await self.event("Page.loadEventFired")

    @property
    async def text(self) -> str:
        return str(await self.run("document.body.innerText"))


@asynccontextmanager
async def chromium(*flags: str) -> AsyncIterator[Page]:
    """A new browser with a profile of its own, and its first tab."""
    assert CHROMIUM is not None
    folder = Path(tempfile.mkdtemp(prefix="chromium-"))
    process = subprocess.Popen(  # noqa: ASYNC220  # ends with this test, in its own group
        [
            *(CHROMIUM, *FLAGS, *flags),
            *(f"--user-data-dir={folder}", "--remote-debugging-port=0", "about:blank"),
        ],
        env={"PATH": os.environ["PATH"], "HOME": str(folder)},
        stdout=subprocess.DEVNULL,
        stderr=subprocess.DEVNULL,
        start_new_session=True,
    )
    try:
        async with aiohttp.ClientSession() as session:
            address = await _debugger(session, folder, process)
            async with session.ws_connect(address, max_msg_size=0) as socket:
                page = Page(socket)
                await page.call("Page.enable")
                yield page
    finally:
        os.killpg(process.pid, signal.SIGKILL)
        process.wait()
        await asyncio.to_thread(shutil.rmtree, folder, ignore_errors=True)


async def _debugger(
    session: aiohttp.ClientSession, folder: Path, process: subprocess.Popen[bytes]
) -> str:
    """The address of the first tab's debugger, once there is one."""
    told = folder / "DevToolsActivePort"
    async with asyncio.timeout(START_S):
        while True:
            assert process.poll() is None, "the browser did not start"
            lines = told.read_text().splitlines() if told.exists() else []
            if len(lines) == 2:
                async with session.get(f"http://127.0.0.1:{lines[0]}/json/list") as response:
                    pages = [tab for tab in await response.json() if tab["type"] == "page"]
                if pages:
                    return str(pages[0]["webSocketDebuggerUrl"])
            await asyncio.sleep(0.05)
