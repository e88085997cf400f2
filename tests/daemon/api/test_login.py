"""Logins over the control API."""

from __future__ import annotations

from pathlib import Path

from tests.daemon.rig import Rig
from tests.kube.configs import document, exec_credential, exec_user, write


async def test_a_login_is_for_a_context_and_its_credential_is_taken(rig: Rig) -> None:
    write(Path(rig.kubeconfig), document(exec_user("/bin/false"), {"server": "http://127.0.0.1:1"}))
    status, target = await rig.call("GET", "/v1/login?context=dev")
    assert (status, target) == (200, {"context": "dev", "kubeconfig": [rig.kubeconfig]})
    body = {**target, "credential": exec_credential(token="given")}
    status, result = await rig.call("POST", "/v1/login", body)
    assert (status, result) == (
        200,
        {"context": "dev", "state": "unreachable", "login_expires": None},
    )


async def test_failures_have_their_status_and_exit_code(rig: Rig) -> None:
    status, answer = await rig.call("GET", "/v1/login?context=none")
    assert (status, answer["error"]["exit_code"]) == (404, 4)
    write(Path(rig.kubeconfig), document(exec_user("/bin/false"), {"server": "http://127.0.0.1:1"}))
    body = {"context": "dev", "kubeconfig": [rig.kubeconfig], "credential": "nonsense"}
    status, answer = await rig.call("POST", "/v1/login", body)
    assert (status, answer["error"]["exit_code"]) == (403, 7)
