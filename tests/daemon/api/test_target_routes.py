"""GET /v1/routes over the control socket."""

from __future__ import annotations

from tests.daemon.rig import Rig


async def test_a_target_that_nobody_understands_is_named(rig: Rig) -> None:
    status, body = await rig.call("GET", "/v1/routes?target=dog/rex")
    assert status == 400
    assert "dog" in body["error"]["text"]


async def test_a_question_without_a_target_is_refused(rig: Rig) -> None:
    status, body = await rig.call("GET", "/v1/routes")
    assert status == 400
    assert body["error"]["code"]
