"""Which context a login is for, and what becomes of it."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest

from kfwd.api_model import LoginQuery, LoginRequest
from kfwd.daemon.logins import choose
from kfwd.errors import LoginNeeded, UnknownContext, UsageError
from kfwd.model import ContextRef, ContextState
from tests.daemon.rig import Rig
from tests.kube.configs import document, exec_credential, exec_user, script, write
from tests.kube.scripted import answer, failure, serving
from tests.until import until

NEEDED, OK = ContextState.LOGIN_NEEDED, ContextState.OK
VERSION = answer(200, {"gitVersion": "v1.36.2"})


def ref(name: str, *kubeconfig: str) -> ContextRef:
    return ContextRef(kubeconfig=kubeconfig or ("/k",), name=name)


@pytest.mark.parametrize(
    ("used", "name", "meant"),
    [
        ([], None, None),
        ([(ref("a"), OK)], None, None),
        ([(ref("a"), OK), (ref("b"), NEEDED)], None, ref("b")),
        ([(ref("a"), OK), (ref("b"), NEEDED)], "a", ref("a")),
        ([(ref("a"), OK)], "c", None),
        ([(ref("a", "/other"), OK)], "a", ref("a", "/other")),
        ([(ref("a", "/other"), OK), (ref("a"), OK)], "a", ref("a")),
    ],
)
def test_the_context_that_is_meant(
    used: list[tuple[ContextRef, ContextState]], name: str | None, meant: ContextRef | None
) -> None:
    assert choose(used, name, ("/k",)) == meant


@pytest.mark.parametrize("name", [None, "a"])
def test_several_that_may_be_meant_are_listed(name: str | None) -> None:
    used = [(ref("a", "/x"), NEEDED), (ref("a", "/y", "/z"), NEEDED)]
    with pytest.raises(UsageError) as caught:
        choose(used, name, ("/k",))
    assert caught.value.hint == "say which: a (/x), a (/y:/z)"


def with_plugin(
    rig: Rig,
    server: str = "http://127.0.0.1:1",
    body: str = "exit 1",
    namespace: str = "shop",
) -> None:
    user = exec_user(script(rig.root / "login", body))
    write(Path(rig.kubeconfig), document(user, {"server": server}, namespace=namespace))


async def test_without_a_name_the_current_context_is_meant(rig: Rig) -> None:
    with_plugin(rig)
    target = await rig.daemon.logins.target(LoginQuery())
    assert (target.context, target.kubeconfig) == ("dev", (rig.kubeconfig,))


async def test_a_context_that_is_not_there_is_not_found(rig: Rig) -> None:
    with pytest.raises(UnknownContext) as caught:
        await rig.daemon.logins.target(LoginQuery(context="none"))
    assert caught.value.code == "unknown-context"


async def test_a_login_that_no_plugin_makes_is_explained(rig: Rig) -> None:
    with pytest.raises(UsageError) as caught:
        await rig.daemon.logins.target(LoginQuery(context="dev"))
    assert caught.value.code == "no-login-plugin"
    assert 'a new token for user "u"' in (caught.value.hint or "")


def handed(rig: Rig, said: str | None = None, **status: Any) -> LoginRequest:
    return LoginRequest(
        context="dev",
        kubeconfig=(rig.kubeconfig,),
        credential=said or exec_credential(**(status or {"token": "given"})),
    )


async def test_what_was_granted_is_used_and_stays_when_the_namespace_changes(rig: Rig) -> None:
    async with serving(version=VERSION) as server:
        where = f"http://127.0.0.1:{server.http.port}"
        with_plugin(rig, where)
        await rig.add("web")
        until_state = lambda state: until(  # noqa: E731
            lambda: [c.state for c in rig.daemon.store.snapshot().contexts] == [state]
        )
        await until_state(NEEDED)
        result = await rig.daemon.logins.take(
            handed(rig, token="given", expirationTimestamp="2040-01-01T00:00:00Z")
        )
        assert (result.context, result.state) == ("dev", OK)
        assert result.login_expires is not None
        assert result.login_expires.year == 2040
        await until_state(OK)
        with_plugin(rig, where, namespace="other")
        seen = len(server.asking("version"))
        await until(lambda: len(server.asking("version")) > seen)
        assert server.asking("version")[-1].headers["Authorization"] == "Bearer given"


async def test_what_the_server_refuses_is_said(rig: Rig) -> None:
    async with serving(version=failure(401, "Unauthorized", "Unauthorized")) as server:
        with_plugin(rig, f"http://127.0.0.1:{server.http.port}")
        with pytest.raises(LoginNeeded, match="does not accept the login"):
            await rig.daemon.logins.take(handed(rig))


async def test_what_is_no_credential_is_refused_without_quoting_it(rig: Rig) -> None:
    with_plugin(rig)
    for said in ("s3cret", json.dumps({"kind": "ExecCredential", "s3cret": 1})):
        with pytest.raises(LoginNeeded) as caught:
            await rig.daemon.logins.take(handed(rig, said))
        assert caught.value.code == "exec-plugin-invalid"
        assert "s3cret" not in caught.value.text


async def test_for_a_server_that_is_away_the_login_is_taken_and_the_state_says_so(
    rig: Rig,
) -> None:
    with_plugin(rig)
    result = await rig.daemon.logins.take(handed(rig))
    assert result.state is ContextState.UNREACHABLE


async def test_resuming_an_entry_asks_the_plugin_again(rig: Rig) -> None:
    async with serving(version=VERSION) as server:
        said = exec_credential(token="t")
        body = f"[ -e {rig.root}/in ] && echo '{said}' || exit 1"
        with_plugin(rig, f"http://127.0.0.1:{server.http.port}", body)
        await rig.add("web")
        states = lambda: [c.state for c in rig.daemon.store.snapshot().contexts]  # noqa: E731
        await until(lambda: states() == [NEEDED])
        (rig.root / "in").touch()
        await rig.daemon.pause("-/web", False)
        await until(lambda: states() == [OK], timeout=2)
