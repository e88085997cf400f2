"""Profiles over the API."""

from __future__ import annotations

from tests.daemon.rig import Rig

UNKNOWN_KEY = "version: 1\ncolour: red\n"


async def test_up_and_down_answer_with_the_plan_they_carried_out(rig: Rig) -> None:
    rig.profile("dev")
    status, plan = await rig.up()
    assert (status, plan["profiles"]) == (200, ["dev"])
    assert [(item["id"], item["action"]) for item in plan["items"]] == [("dev/web", "start")]
    _, plan = await rig.call("POST", "/v1/down", {"profiles": ["dev"]})
    assert [(item["id"], item["action"]) for item in plan["items"]] == [("dev/web", "stop")]
    assert rig.ids() == []


async def test_one_profile_goes_up_and_down_by_its_path(rig: Rig) -> None:
    rig.profile("a")
    rig.profile("b")
    body = {"kubeconfig": [rig.kubeconfig]}
    assert (await rig.call("POST", "/v1/profiles/b/up", body))[0] == 200
    assert rig.ids() == ["b/web"]
    assert (await rig.call("POST", "/v1/profiles/b/down"))[0] == 200
    assert rig.ids() == []


async def test_plan_tells_what_up_would_do(rig: Rig) -> None:
    rig.profile("dev")
    _, plan = await rig.call("GET", f"/v1/plan?profile=dev&kubeconfig={rig.kubeconfig}")
    assert [item["action"] for item in plan["items"]] == ["start"]
    assert rig.ids() == []


async def test_an_invalid_profile_is_refused_with_every_fault(rig: Rig) -> None:
    (rig.paths.profiles / "bad.yaml").write_text(UNKNOWN_KEY + "shape: round\n")
    status, body = await rig.up("bad")
    assert (status, body["error"]["exit_code"]) == (422, 5)
    assert len(body["error"]["text"].splitlines()) == 2


async def test_a_profile_nobody_knows_is_not_found(rig: Rig) -> None:
    rig.profile("dev")
    status, body = await rig.up("prd")
    assert (status, body["error"]["hint"]) == (404, "there are: dev")


async def test_a_file_is_read_and_replaced(rig: Rig) -> None:
    path = rig.profile("dev")
    _, body = await rig.call("GET", "/v1/profiles/dev")
    assert body == {"text": path.read_text(), "name": "dev"}
    text = body["text"] + "# more\n"
    assert await rig.call("PUT", "/v1/profiles/dev", {"text": text}) == (200, {"faults": []})
    assert path.read_text() == text


async def test_a_text_with_faults_is_not_written(rig: Rig) -> None:
    path = rig.profile("dev")
    before = path.read_text()
    _, body = await rig.call("PUT", "/v1/profiles/dev", {"text": UNKNOWN_KEY})
    (fault,) = body["faults"]
    assert (fault["line"], fault["column"]) == (2, 1)
    assert fault["message"].startswith('unknown key "colour"')
    assert path.read_text() == before
    assert (await rig.call("PUT", "/v1/profiles/No%20Name", {"text": ""}))[0] == 400


async def test_validate_counts_what_is_up(rig: Rig) -> None:
    path = rig.profile("a", 18080)
    await rig.up("a")
    body = {"text": path.read_text(), "name": "b"}
    _, found = await rig.call("POST", "/v1/validate", body)
    assert [fault["message"] for fault in found["faults"]] == ["127.0.0.1:18080 is taken by a/web"]
    body = {"text": path.read_text(), "name": "a"}
    assert (await rig.call("POST", "/v1/validate", body))[1] == {"faults": []}
