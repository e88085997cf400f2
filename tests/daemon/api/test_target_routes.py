"""Routes over the API, for targets that no entry uses."""

from __future__ import annotations

import socket

import msgspec

from kfwd.api_model import ErrorBody
from tests.daemon.rig import Rig

CALL = "http://kfwd/v1/routes"


async def refused(rig: Rig, query: str) -> tuple[int, str, str]:
    async with rig.http.get(f"{CALL}?{query}") as answer:
        error = msgspec.json.decode(await answer.read(), type=ErrorBody).error
    return answer.status, error.code, error.text


async def test_what_is_asked_for_must_make_sense(rig: Rig) -> None:
    assert (await refused(rig, "namespace=x"))[:2] == (400, "bad-request")
    assert (await refused(rig, "target=dog/rex"))[:2] == (400, "unknown-kind")
    assert (await refused(rig, "target=svc/web&context=none"))[:2] == (404, "unknown-context")


async def test_a_cluster_that_is_away_is_said_and_its_context_let_go(rig: Rig) -> None:
    status, code, text = await refused(rig, "target=svc/web&namespace=shop&context=dev")
    assert (status, code) == (500, "connect-failed")
    assert "127.0.0.1:1" in text
    assert rig.daemon.store.snapshot().contexts == ()


async def test_the_kubeconfig_is_the_callers(rig: Rig) -> None:
    with socket.create_server(("127.0.0.1", 0)) as server:
        port = server.getsockname()[1]
    own = rig.root / "own"
    text = (rig.root / "kubeconfig").read_text()
    own.write_text(text.replace("http://127.0.0.1:1", f"http://127.0.0.1:{port}"))
    assert f"127.0.0.1:{port}" in (await refused(rig, f"target=svc/web&kubeconfig={own}"))[2]
