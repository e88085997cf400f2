"""Each hop to an API server, broken on its own: it is the one that is named, with the fix."""

from __future__ import annotations

import base64
import socket
from collections.abc import AsyncIterator
from pathlib import Path
from typing import Any

import pytest
import trustme

from kfwd.daemon.doctor import context as module
from tests.daemon.doctor.rig import Examined, examined
from tests.kube.configs import exec_credential, exec_user, script
from tests.kube.servers import Through, answer, serving

BEFORE_LOGIN = {"kubeconfig": "ok", "dns": "skipped", "tcp": "ok", "proxy": "skipped", "tls": "ok"}


@pytest.fixture
async def rig(tmp_path: Path) -> AsyncIterator[Examined]:
    async with examined(tmp_path) as rig:
        yield rig


def closed_port() -> int:
    with socket.create_server(("127.0.0.1", 0)) as server:
        return int(server.getsockname()[1])


def plugin(rig: Examined, **more: Any) -> None:
    """Have the user of `sim-token` log in with a plugin."""
    users = {user["name"]: user for user in rig.document["users"]}
    users["sim-token"]["user"] = exec_user(**more)
    rig.use("sim-token")


async def test_all_is_well(rig: Examined) -> None:
    found = await rig.walk()
    assert found.states("sim") == {**BEFORE_LOGIN, "login": "ok", "api": "ok", "cuts": "ok"}
    assert (found.diagnosis.well, found.diagnosis.exit_code) == (True, 0)
    assert found["sim", "api"].text.startswith("Kubernetes v1.")
    assert found["sim", "api"].latency_ms is not None
    assert "TLSv1.3" in found["sim", "tls"].text
    assert "it ends in" in found["sim", "login"].text


async def test_what_the_kubeconfig_says_wrong(
    rig: Examined, monkeypatch: pytest.MonkeyPatch
) -> None:
    def unknown(host: str, *args: object, **more: object) -> None:
        raise socket.gaierror(socket.EAI_NONAME, "Name or service not known")

    other = base64.b64encode(trustme.CA().cert_pem.bytes()).decode()
    spoilt: list[tuple[dict[str, Any], str, str]] = [
        ({"server": ""}, "kubeconfig", "kubeconfig-invalid"),
        ({"proxy-url": "ftp://127.0.0.1"}, "kubeconfig", "proxy-unsupported"),
        ({"server": "https://api.example:6443"}, "dns", "dns-failed"),
        ({"server": f"https://127.0.0.1:{closed_port()}"}, "tcp", "connect-failed"),
        ({"proxy-url": f"http://127.0.0.1:{closed_port()}"}, "tcp", "connect-failed"),
        ({"certificate-authority-data": other}, "tls", "tls-failed"),
        ({"tls-server-name": "other"}, "tls", "tls-failed"),
    ]
    for cluster, hop, code in spoilt:
        rig.use("sim", **cluster)
        with monkeypatch.context() as patched:
            if hop == "dns":
                patched.setattr(socket, "getaddrinfo", unknown)
            found = await rig.walk(context="sim")
        assert found.first == ("sim", hop, code), cluster
        assert found.diagnosis.exit_code == 1
        behind = list(found.states("sim").values())
        assert set(behind[behind.index("broken") + 1 : -1]) <= {"skipped"}


async def test_a_context_that_is_not_there(rig: Examined) -> None:
    found = await rig.walk(context="none")
    assert found.first == ("none", "kubeconfig", "unknown-context")
    found = await rig.walk(kubeconfig=("/nowhere",))
    assert found.first == ("current context", "kubeconfig", "no-kubeconfig")


async def test_a_kubeconfig_that_breaks_while_it_is_used_is_odd_and_no_more(rig: Examined) -> None:
    await rig.add("web")
    assert (await rig.walk()).diagnosis.well
    rig.spoil("{")
    found = await rig.walk()
    assert found["sim", "kubeconfig"].state == "warning"
    assert found["sim", "api"].state == "ok"


async def test_proxies_are_hops_of_their_own(rig: Examined) -> None:
    async with serving(Through(rig.sim_port).http) as way:
        rig.use("sim", **{"proxy-url": f"http://127.0.0.1:{way}"})
        found = await rig.walk()
        assert found.diagnosis.well
        assert found["sim", "tcp"].text == f"the proxy http://127.0.0.1:{way} accepts connections"
        assert "opens a way to" in found["sim", "proxy"].text
    async with serving(answer(status="502 Bad Gateway")) as bad:
        rig.use("sim", **{"proxy-url": f"http://127.0.0.1:{bad}"})
        assert (await rig.walk()).first == ("sim", "proxy", "proxy-failed")


async def test_a_server_that_accepts_and_says_nothing_is_no_riddle(
    rig: Examined, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(module, "STEP_S", 0.2)
    rig.faults(freeze="all")
    found = await rig.walk()
    assert found.first == ("sim", "tls", "tls-failed")
    assert "does not answer in TLS" in found["sim", "tls"].text


async def test_a_server_that_is_not_kubernetes(rig: Examined) -> None:
    async with serving(answer(b"<html>log in</html>")) as port:
        rig.use("sim", server=f"http://127.0.0.1:{port}")
        found = await rig.walk()
    assert found.first == ("sim", "api", "not-kubernetes")
    assert found["sim", "login"].state == found["sim", "tls"].state == "skipped"


async def test_a_token_that_has_expired_is_exit_7(rig: Examined) -> None:
    rig.use("sim-token")
    rig.faults(token_expired=True)
    found = await rig.walk()
    assert found.states("sim-token") == {
        **BEFORE_LOGIN,
        "login": "broken",
        "api": "skipped",
        "cuts": "ok",
    }
    assert found.first == ("sim-token", "login", "login-needed")
    assert found.diagnosis.exit_code == 7


async def test_a_login_plugin_that_fails_is_quoted(rig: Examined, tmp_path: Path) -> None:
    plugin(rig, command=script(tmp_path / "login", "echo sso session is over >&2; exit 1"))
    found = await rig.walk()
    assert found.first == ("sim-token", "login", "exec-plugin-failed")
    assert "sso session is over" in found["sim-token", "login"].text
    assert "kfwd login sim-token" in (found["sim-token", "login"].hint or "")
    assert found.diagnosis.exit_code == 7


async def test_a_login_plugin_that_only_the_caller_finds(rig: Examined, tmp_path: Path) -> None:
    script(tmp_path / "bin" / "tsh-like", "exit 1")
    plugin(rig, command="tsh-like")
    found = await rig.walk(path=str(tmp_path / "bin"))
    assert found.first == ("sim-token", "login", "exec-plugin-missing")
    assert "not on the daemon's" in found["sim-token", "login"].text
    assert "kfwd daemon restart" in (found["sim-token", "login"].hint or "")
    nobody = await rig.walk(path="/nowhere")
    assert nobody.first == ("sim-token", "login", "exec-plugin-missing")
    assert "not on the daemon's" not in nobody["sim-token", "login"].text


async def test_a_login_that_works_for_now_is_told_when_its_plugin_is_missing(
    rig: Examined, tmp_path: Path
) -> None:
    token = next(user for user in rig.document["users"] if user["name"] == "sim-token")
    said = exec_credential(token=token["user"]["token"])
    script(tmp_path / "bin" / "tsh-like", f"echo '{said}'")
    plugin(rig, command="tsh-like")
    await rig.add("web")
    await rig.log_in("sim-token", said)
    found = await rig.walk(path=str(tmp_path / "bin"))
    assert found["sim-token", "login"].state == "warning"
    assert found["sim-token", "api"].state == "ok"
    assert (found.diagnosis.well, found.diagnosis.exit_code) == (False, 0)


async def test_a_login_plugin_that_does_not_end_is_not_waited_for(
    rig: Examined, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(module, "LOGIN_S", 0.2)
    plugin(rig, command=script(tmp_path / "login", "exec sleep 60"))
    found = await rig.walk()
    assert found.first == ("sim-token", "login", "exec-plugin-timeout")
