"""Contexts over the API."""

from __future__ import annotations

from tests.daemon.rig import Rig


async def test_the_contexts_of_the_caller_and_those_in_use(rig: Rig) -> None:
    await rig.add("web")
    status, found = await rig.call("GET", f"/v1/contexts?kubeconfig={rig.kubeconfig}")
    assert status == 200
    named = {each["name"]: each for each in found["contexts"]}
    assert (named["dev"]["entries"], named["dev"]["in_use"], named["dev"]["current"]) == (
        1,
        True,
        True,
    )
    assert (named["prod"]["state"], named["prod"]["server"]) == ("unknown", "http://127.0.0.1:1")


async def test_a_switch_that_cannot_be_is_an_error(rig: Rig) -> None:
    body = {"source": "dev", "to": "prod", "kubeconfig": [rig.kubeconfig]}
    status, answer = await rig.call("POST", "/v1/contexts/switch", body)
    assert (status, answer["error"]["code"]) == (404, "no-entry")
