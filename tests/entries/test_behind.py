from __future__ import annotations

from collections.abc import AsyncIterator
from pathlib import Path
from typing import Any

import pytest

from kfwd.entries.behind import WholeApi, answers
from kfwd.model import ContextState, ProxyFlags, ProxySpec
from kfwd.proxy.decision import Answer, Forward
from kfwd.proxy.upstream import Client
from kfwd.wire.http1 import RequestHead, indexed
from tests.entries.proxy_rig import ProxyRig, proxied


@pytest.fixture
async def rig() -> AsyncIterator[ProxyRig]:
    async with proxied() as rig:
        yield rig


def api(rig: ProxyRig, **flags: Any) -> WholeApi:
    context: Any = rig.context
    return WholeApi(ProxySpec(name="api", flags=ProxyFlags(**flags)), context)


async def decide(behind: WholeApi, target: str, host: str = "localhost") -> Any:
    lines = (("Host", host),)
    request = RequestHead(lines, indexed(lines), 1, "GET", target)
    return await behind.handler.decide(request, Client("127.0.0.1:1", "127.0.0.1:2"))


@pytest.mark.parametrize(
    ("state", "answered"),
    [
        (ContextState.OK, True),
        (ContextState.FORBIDDEN, True),
        (ContextState.UNREACHABLE, False),
        (ContextState.LOGIN_NEEDED, False),
        (ContextState.UNKNOWN, False),
    ],
)
async def test_whether_the_server_answers(
    rig: ProxyRig, state: ContextState, answered: bool
) -> None:
    context: Any = rig.context
    assert not answers(context)
    rig.cluster.state = state
    rig.ready()
    assert answers(context) is answered
    assert api(rig).facts(bound=True, bind=None).proven is answered


async def test_the_flags_decide_what_is_served(rig: ProxyRig, tmp_path: Path) -> None:
    (tmp_path / "a").write_text("x")
    plain = api(rig)
    assert isinstance(await decide(plain, "/version"), Forward)
    assert (await decide(plain, "/version", "evil.com")).status == 403
    assert isinstance(await decide(api(rig, disable_filter=True), "/a", "evil.com"), Forward)
    files = api(rig, www=str(tmp_path), www_prefix="/w/", api_prefix="/k/")
    assert isinstance(await decide(files, "/w/a"), Answer)
    assert (await decide(files, "/k/version")).target == "/version"
    assert await plain.close() == []
