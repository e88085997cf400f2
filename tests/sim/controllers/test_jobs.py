from __future__ import annotations

from typing import Any

from kfwd.sim.controllers.jobs import Jobs
from kfwd.sim.store import Store
from tests.sim.builders import create, filled, pod
from tests.sim.turns import acting, active, quiet


def job(**spec: object) -> dict[str, Any]:
    template = {"spec": pod("x")["spec"]}
    meta = {"name": "j"}
    body = {"template": template, **spec}
    return {"kind": "Job", "apiVersion": "batch/v1", "metadata": meta, "spec": body}


def end(store: Store, phase: str) -> None:
    """All pods end with this phase."""
    for found in store.objects("pods"):
        name = found["metadata"]["name"]
        store.update("pods", "demo", name, lambda o: o["status"].update(phase=phase))


def running(store: Store) -> int:
    return len([p for p in active(store) if p["status"]["phase"] == "Pending"])


async def test_a_job_is_complete_when_enough_pods_have_succeeded() -> None:
    store = filled()
    async with acting(store, Jobs):
        create(store, job(completions=3, parallelism=2))
        await quiet(store)
        assert running(store) == 2
        end(store, "Succeeded")
        await quiet(store)
        assert running(store) == 1
        end(store, "Succeeded")
        await quiet(store)
        assert running(store) == 0
    status = store.objects("jobs")[0]["status"]
    assert (status["succeeded"], status["active"]) == (3, 0)
    assert status["conditions"][0]["type"] == "Complete"
    assert status["completionTime"]


async def test_failed_pods_are_tried_again_until_the_limit() -> None:
    store = filled()
    async with acting(store, Jobs):
        create(store, job(backoffLimit=1))
        for _ in range(3):
            await quiet(store)
            end(store, "Failed")
        await quiet(store)
    status = store.objects("jobs")[0]["status"]
    assert (status["failed"], status["conditions"][0]["reason"]) == (2, "BackoffLimitExceeded")


async def test_a_jobs_pods_carry_what_selects_them() -> None:
    store = filled()
    async with acting(store, Jobs):
        create(store, job())
        await quiet(store)
    [found] = store.objects("pods")
    selector = store.objects("jobs")[0]["spec"]["selector"]["matchLabels"]
    assert selector.items() <= found["metadata"]["labels"].items()
    assert found["metadata"]["labels"]["job-name"] == "j"
    assert found["spec"]["restartPolicy"] == "Never"
