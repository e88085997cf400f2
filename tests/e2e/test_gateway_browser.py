"""The gateway in a real browser: the start page, links, WebSockets, and what other sites get."""

from __future__ import annotations

import os
from collections.abc import Iterator

import pytest

from tests.e2e.chromium import CHROMIUM, chromium
from tests.e2e.conftest import Sim, simulated_only
from tests.e2e.gateway_rig import GatewayRig, gateway

pytestmark = [
    pytest.mark.e2e,
    pytest.mark.skipif(CHROMIUM is None and "CI" not in os.environ, reason="there is no chromium"),
]

SOCKET = """
new Promise(done => {
  const socket = new WebSocket('%s');
  socket.onopen = () => socket.send('hello');
  socket.onmessage = event => { socket.close(); done(event.data); };
  socket.onerror = () => done('refused');
})
"""

SCRIPT = """
new Promise(done => {
  const script = document.createElement('script');
  script.onload = () => done('loaded');
  script.onerror = () => done('blocked');
  script.src = '%s';
  document.head.append(script);
})
"""


@pytest.fixture(scope="module")
def rig(sim: Sim, tmp_path_factory: pytest.TempPathFactory) -> Iterator[GatewayRig]:
    with gateway(sim, tmp_path_factory.mktemp("gateway")) as rig:
        yield rig


def refused_sockets(rig: GatewayRig) -> list[str]:
    lines = rig.requests().splitlines()
    return [line for line in lines if " 403 " in line and line.endswith(" /ws")]


@simulated_only
async def test_a_browser_goes_from_the_start_page_to_an_app_that_works(rig: GatewayRig) -> None:
    start, app = f"http://localhost:{rig.port}/", f"http://{rig.web}/"
    async with chromium() as page:
        await page.open(start)
        assert await page.run("document.title") == f"{rig.entry['context']} - kfwd"
        assert "2 ready" in await page.text
        await page.follow(app)
        assert (await page.text).startswith("pod=web-")
        assert f"host={rig.web}" in await page.text

        await page.open(f"{app}html")
        link = await page.run("document.querySelector('a').href")
        assert link.startswith(app)
        assert await page.run(f"fetch('{link}').then(answer => answer.status)") == 200
        assert await page.run(f"fetch('{app}redirect').then(a => a.url)") == f"{app}html"

        assert await page.run(SOCKET % f"ws://{rig.web}/ws") == "hello"
        other = f"web.demo.localhost:{rig.port}"
        assert await page.run(SOCKET % f"ws://{other}/ws") == "refused"
        assert await page.run(SCRIPT % f"{start}proxy.pac") == "blocked"
        await page.open(f"http://{other}/")
        assert (await page.text).startswith("pod=web-")

        await page.open(f"http://localhost:{rig.port}/{rig.namespace}/web/x")
        assert await page.run("location.href") == f"{app}x"
    assert refused_sockets(rig)


async def test_a_browser_with_the_pac_file_uses_the_names_of_the_cluster(rig: GatewayRig) -> None:
    host = f"{rig.namespace}.bar.com"
    rig.fan_out(host)
    before = len(refused_sockets(rig))
    pac = f"--proxy-pac-url=http://localhost:{rig.port}/proxy.pac"
    async with chromium(pac) as page:
        await page.open(f"http://{host}/bar")
        assert (await page.text).startswith("pod=service2-")
        assert "path=/ " in await page.text
        await page.open(f"http://web.{rig.namespace}.svc.cluster.local/x")
        assert (await page.text).startswith("pod=web-")
        own = f"ws://web.{rig.namespace}.svc.cluster.local/ws"
        assert await page.run(SOCKET % own) == "hello"
        other = f"ws://service1.{rig.namespace}.svc.cluster.local:4200/ws"
        assert await page.run(SOCKET % other) == "refused"
    assert len(refused_sockets(rig)) > before
