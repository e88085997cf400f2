"""Who is examined, and that each cause is told once."""

from __future__ import annotations

import socket
from collections.abc import AsyncIterator
from datetime import timedelta
from pathlib import Path
from typing import Any

import pytest

from kfwd.api_doctor import DoctorQuery
from kfwd.daemon.doctor import examine
from kfwd.daemon.doctor.examine import groups
from kfwd.errors import NotFound
from kfwd.kube import dial
from kfwd.model import Problem, Severity, State, utcnow
from kfwd.tunnel.podref import PodRef, SessionCut
from tests.daemon.doctor.rig import Examined, examined
from tests.standin import entry
from tests.until import until

MANY = 40


@pytest.fixture
async def rig(tmp_path: Path) -> AsyncIterator[Examined]:
    async with examined(tmp_path) as rig:
        yield rig


def ailing(id: str, code: str, text: str = "", **fields: Any) -> Any:
    severity: Severity = fields.pop("severity", "error")
    cause = fields.pop("cause", None)
    problem = Problem(code=code, severity=severity, text=text or code, cause=cause)
    return entry(id, problem=problem, **fields)


def test_entries_with_the_same_problem_are_walked_once() -> None:
    entries = [
        entry("p/well"),
        ailing("p/a", "upgrade-failed"),
        ailing("p/b", "upgrade-failed", cause="kind"),  # no walk to a context opens a session
        ailing("p/c", "upgrade-failed", context="other"),
        ailing("p/d", "portforward-forbidden", "pod d"),
        ailing("p/e", "portforward-forbidden", "pod e"),
        ailing("p/f", "portforward-forbidden", "pod f", namespace="other"),
        ailing("p/g", "no-endpoints", "g has no pods"),
        ailing("p/h", "no-endpoints", "h has no pods"),
        ailing("p/i", "dns-failed", cause="kind"),
        ailing("p/j", "api-proxy-limits", severity="info"),
    ]
    assert groups(entries) == {
        "p/a": ["p/b"],
        "p/c": [],
        "p/d": ["p/e"],
        "p/f": [],
        "p/g": [],
        "p/h": [],
    }


async def test_an_entry_that_is_not_there(rig: Examined) -> None:
    with pytest.raises(NotFound):
        await rig.walk(entry="-/none")


async def test_forty_forwards_behind_a_dead_context_are_one_problem(rig: Examined) -> None:
    for number in range(MANY):
        await rig.add(f"w{number}")
    store = rig.rig.daemon.store
    await until(lambda: all(e.state is State.READY for e in store.snapshot().entries))
    assert store.snapshot().problems == ()
    assert (await rig.walk()).diagnosis.well
    rig.faults(api_down=True)
    await until(lambda: [problem.about for problem in store.snapshot().problems] == ["sim"])
    assert {e.state for e in store.snapshot().entries} == {State.WAITING}
    assert {e.problem and e.problem.cause for e in store.snapshot().entries} == {"sim"}
    found = await rig.walk()
    assert [each.about for each in found.diagnosis.findings] == ["sim"]
    assert {step.about for step in found.steps} == {"sim"}


async def test_without_a_name_those_with_a_problem_are_walked_each_cause_once(
    rig: Examined,
) -> None:
    rig.faults(forbid=["create pods/portforward"])
    for name in ("a", "b", "c"):
        await rig.add(name)
        await rig.problem(f"-/{name}")
    await rig.add("lost", target="svc/none")
    await rig.problem("-/lost")
    found = await rig.walk()
    assert [(each.about, each.hop, each.also) for each in found.diagnosis.findings] == [
        ("-/a", "rbac", ("-/b", "-/c", "-/lost")),
    ]
    rig.faults(forbid=[])
    for name in ("a", "b", "c"):
        await rig.rig.daemon.restart(f"-/{name}")
        await rig.state(f"-/{name}", State.READY)
    found = await rig.walk()
    assert [(each.about, each.hop) for each in found.diagnosis.findings] == [("-/lost", "pod")]


async def test_a_callers_kubeconfig_that_cannot_be_read_is_told_beside_what_is_well(
    rig: Examined, tmp_path: Path
) -> None:
    await rig.add("web")
    await rig.state("-/web", State.READY)
    (broken := tmp_path / "broken").write_text("a: [")
    found = (await rig.walk(kubeconfig=(str(broken),))).diagnosis
    assert [(each.about, each.code) for each in found.findings] == [
        ("your kubeconfig", "kubeconfig-invalid")
    ]
    assert found.exit_code == 0
    assert (await rig.walk(kubeconfig=(str(broken),), entry="-/web")).diagnosis.well


async def test_of_too_many_is_told_what_is_known(
    rig: Examined, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(examine, "TRIED_MAX", 1)
    for name in ("a", "b"):
        await rig.add(name, target=f"svc/{name}")
        await rig.problem(f"-/{name}")
    found = await rig.walk()
    assert found.states("-/a")["rbac"] == "ok"
    assert found.states("-/b") == {"pod": "broken"}
    assert [each.about for each in found.diagnosis.findings] == ["-/a", "-/b"]


async def test_an_entry_whose_cluster_is_just_back_is_waited_for(rig: Examined) -> None:
    id = await rig.add("web")
    await rig.state(id, State.READY)
    rig.faults(api_down=True)
    await until(lambda: (problem := rig.rig.view(id).problem) and problem.cause)
    rig.faults(api_down=False)
    found = await rig.walk(entry=id)
    assert found.diagnosis.well


async def test_nothing_is_contacted_but_the_api_server(
    rig: Examined, monkeypatch: pytest.MonkeyPatch
) -> None:
    contacted, connect = set(), dial._connect_to

    async def noted(address: dial.Address) -> socket.socket:
        contacted.add(address[1][:2])
        return await connect(address)

    monkeypatch.setattr(dial, "_connect_to", noted)
    id = await rig.add("web")
    await rig.walk(entry=id)
    assert contacted == {("127.0.0.1", rig.sim_port)}


async def test_a_limit_on_the_way_is_recognised_from_what_was_cut(
    rig: Examined, monkeypatch: pytest.MonkeyPatch
) -> None:
    times = iter(utcnow() + timedelta(hours=hour) for hour in range(10))
    monkeypatch.setattr("kfwd.daemon.history.utcnow", lambda: next(times))
    cut = SessionCut(pod=PodRef("demo", "web", "uid"), age_s=300.0, idle_s=1.0, reason="it ended")
    for _ in range(3):
        rig.rig.daemon.history.note_cut("sim", cut)
    monkeypatch.undo()
    found = await rig.walk()
    assert found["sim", "cuts"].code == "age-limit"
    assert "5 min old" in found["sim", "cuts"].text
    assert (found.diagnosis.well, found.diagnosis.exit_code) == (False, 0)


async def test_a_walk_that_nobody_waits_for_ends(rig: Examined) -> None:
    rig.faults(freeze="all")
    walk = rig.rig.daemon.doctor.examine(DoctorQuery(kubeconfig=(rig.rig.kubeconfig,)))
    await anext(walk)
    await walk.aclose()
