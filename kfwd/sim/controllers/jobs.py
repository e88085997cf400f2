"""Jobs: pods until enough of them have succeeded."""

from __future__ import annotations

from typing import Any

from kfwd.sim import deletion
from kfwd.sim.controllers.pods import (
    create_pod,
    is_active,
    is_ready,
    owned,
    set_status,
    with_condition,
)
from kfwd.sim.controllers.workload import WorkloadController
from kfwd.sim.store import identity

Obj = dict[str, Any]

UID = "batch.kubernetes.io/controller-uid"
NAME = "batch.kubernetes.io/job-name"


class Jobs(WorkloadController):
    """A pod succeeds or fails when its status is patched to say so: the probe never ends."""

    resource = "jobs"

    def _reconcile(self, job: Obj) -> None:
        job = self._selecting(job)
        pods = owned(self._store, "pods", job)
        active = [pod for pod in pods if is_active(pod)]
        succeeded = sum(1 for pod in pods if pod["status"].get("phase") == "Succeeded")
        failed = sum(1 for pod in pods if pod["status"].get("phase") == "Failed")
        spec, name, uid = job["spec"], job["metadata"]["name"], job["metadata"]["uid"]
        over = succeeded >= spec["completions"] or failed > spec["backoffLimit"]
        wanted = 0 if over else min(spec["parallelism"], spec["completions"] - succeeded)
        for _ in range(wanted - len(active)):
            labels = {UID: uid, NAME: name, "job-name": name}
            policy = spec["template"]["spec"].get("restartPolicy", "Never")
            own = {"restartPolicy": "Never" if policy == "Always" else policy}
            create_pod(self._store, "jobs", job, labels=labels, spec=own)
        for pod in active[wanted:]:
            deletion.begin(self._store, "pods", pod)
        self._set_status(job, succeeded, failed)

    def _selecting(self, job: Obj) -> Obj:
        """The job, with the selector of its own pods filled in."""

        def change(copy: Obj) -> None:
            copy["spec"]["selector"] = {"matchLabels": {UID: copy["metadata"]["uid"]}}

        if job["spec"].get("selector"):
            return job
        return self._store.update("jobs", *identity(job), change) or job

    def _set_status(self, job: Obj, succeeded: int, failed: int) -> None:
        old, now = job.get("status") or {}, self._store.now()
        active = [p for p in owned(self._store, "pods", job) if is_active(p)]
        status: Obj = {
            "startTime": old.get("startTime", now),
            "active": len(active),
            "ready": sum(map(is_ready, active)),
            "succeeded": succeeded,
            "failed": failed,
        }
        if "conditions" in old:
            status["conditions"] = old["conditions"]
        if succeeded >= job["spec"]["completions"]:
            status["completionTime"] = old.get("completionTime", now)
            status["conditions"] = with_condition(old, now, "Complete", True)
        elif failed > job["spec"]["backoffLimit"]:
            status["conditions"] = with_condition(
                old, now, "Failed", True, reason="BackoffLimitExceeded"
            )
        set_status(self._store, "jobs", job, status)
