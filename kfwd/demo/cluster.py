"""What the demo does to the cluster, by its API: delete pods, restart a deployment."""

from __future__ import annotations

import base64
import json
import ssl
import urllib.error
import urllib.request
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

from kfwd import yamldoc
from kfwd.demo.stage import until
from kfwd.errors import KfwdError

TIMEOUT_S = 10.0
ROLLOUT_S = 60.0
PODS = "/api/v1/namespaces/demo/pods"
DEPLOYMENTS = "/apis/apps/v1/namespaces/demo/deployments"


class Cluster:
    """The cluster of a kubeconfig that holds a token."""

    def __init__(self, kubeconfig: Path) -> None:
        config = yamldoc.load(kubeconfig.read_text())
        cluster = config["clusters"][0]["cluster"]
        self._server = cluster["server"]
        self._token = next(u["user"]["token"] for u in config["users"] if "token" in u["user"])
        authority = base64.b64decode(cluster["certificate-authority-data"]).decode()
        # The environment's proxies are not meant: the cluster is on this machine.
        self._opener = urllib.request.build_opener(
            urllib.request.ProxyHandler({}),
            urllib.request.HTTPSHandler(context=ssl.create_default_context(cadata=authority)),
        )

    def call(self, method: str, path: str, body: Any = None, kind: str = "application/json") -> Any:
        request = urllib.request.Request(  # noqa: S310  # the scheme is the kubeconfig's, https
            self._server + path,
            method=method,
            data=None if body is None else json.dumps(body).encode(),
            headers={"Authorization": f"Bearer {self._token}", "Content-Type": kind},
        )
        try:
            with self._opener.open(request, timeout=TIMEOUT_S) as response:
                return json.load(response)
        except urllib.error.HTTPError as error:
            with error:
                raise KfwdError(f"{method} {path} was answered {error.code}") from error
        except OSError as error:
            raise KfwdError(f"{method} {path} failed: {error}") from error

    def pods(self, app: str, *, going: bool = False) -> list[str]:
        """Names of the pods of `app`; with `going` those that are being deleted too."""
        items = self.call("GET", f"{PODS}?labelSelector=app%3D{app}")["items"]
        found = [item["metadata"] for item in items]
        return [meta["name"] for meta in found if going or "deletionTimestamp" not in meta]

    def delete_pod(self, name: str) -> None:
        self.call("DELETE", f"{PODS}/{name}")

    def restart(self, deployment: str) -> None:
        """`kubectl rollout restart`; returns when `kubectl rollout status` would."""
        at = datetime.now(UTC).isoformat()
        annotations = {"kubectl.kubernetes.io/restartedAt": at}
        patch = {"spec": {"template": {"metadata": {"annotations": annotations}}}}
        path = f"{DEPLOYMENTS}/{deployment}"
        self.call("PATCH", path, patch, "application/strategic-merge-patch+json")
        if not until(lambda: rolled_out(self.call("GET", path)), ROLLOUT_S):
            raise KfwdError(f"deployment {deployment} was not rolled out in {ROLLOUT_S:g} s")


def rolled_out(deployment: dict[str, Any]) -> bool:
    """Whether every replica is new and available, and no old one is left."""
    wanted = deployment["spec"]["replicas"]
    status = deployment["status"]
    counts = [status.get(f"{word}eplicas", 0) for word in ("r", "updatedR", "availableR")]
    seen = status.get("observedGeneration", 0) >= deployment["metadata"]["generation"]
    return seen and counts == [wanted] * 3
