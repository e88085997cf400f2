"""A context follows its kubeconfig, and says what keeps it from its cluster."""

from __future__ import annotations

import math
from collections.abc import Callable
from pathlib import Path

import pytest

from kfwd.daemon import shared_context as module
from kfwd.daemon.clusters import key
from kfwd.errors import KfwdError, LoginNeeded, Unreachable, UpgradeFailed
from kfwd.kube import credentials
from kfwd.model import ContextState, utcnow
from kfwd.tunnel.dial import Dialled
from kfwd.tunnel.transports import Known
from tests.daemon.contexts import WEBSOCKET, Home, clusters, known
from tests.until import until


@pytest.fixture
def home(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Home:
    monkeypatch.setattr(module, "LOOK_S", 0.01)
    return Home(tmp_path)


async def test_a_kubeconfig_that_is_not_there_yet_is_waited_for(home: Home) -> None:
    async with clusters(home) as shared:
        context = shared.get(home.ref)
        await until(lambda: context.fault)
        assert context.fault is not None
        assert (context.fault.problem.code, context.fault.problem.cause) == ("no-kubeconfig", "dev")
        assert not context.fault.heals
        (view,), (problem,) = shared.views()
        assert (view.name, view.state, view.server) == ("dev", ContextState.UNKNOWN, "")
        assert (problem.about, problem.severity, problem.cause) == ("dev", "error", None)
        home.write()
        assert (await context.cluster()).context.namespace == "shop"
        await until(lambda: not [p for p in shared.views()[1] if p.code == "no-kubeconfig"])


async def test_a_kubeconfig_that_changes_is_another_cluster(home: Home) -> None:
    home.write()
    async with clusters(home) as shared:
        context = shared.get(home.ref)
        before = await context.cluster()
        home.write(namespace="other")
        await known(context, "other")
        assert context.current is not before


async def test_a_kubeconfig_that_says_the_same_again_changes_nothing(home: Home) -> None:
    home.write()
    async with clusters(home) as shared:
        context = shared.get(home.ref)
        before = await context.cluster()
        changes: list[int] = []
        context.on_change(lambda: changes.append(1))
        home.path.write_text(home.path.read_text() + "# a comment\n")
        await until(lambda: changes)
        assert context.current is before


async def test_a_token_file_that_changes_is_read_at_once(
    home: Home, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(credentials, "FILES_S", 3600.0)  # of its own accord it is not read again
    token = home.path.parent / "token"
    token.write_text("old")
    home.write()
    home.path.write_text(home.path.read_text().replace("token: t", f"tokenFile: {token}"))
    async with clusters(home) as shared:
        cluster = await shared.get(home.ref).cluster()
        first = await cluster.credentials.get()
        cluster.credentials.rejected(first)
        assert cluster.credentials.retry_in_s < math.inf
        token.write_text("another")
        await until(lambda: cluster.credentials.retry_in_s == math.inf)
        fresh = await cluster.credentials.get()
        assert fresh.headers["Authorization"] == "Bearer another"
        assert shared.get(home.ref).current is cluster


async def test_a_kubeconfig_that_breaks_is_a_warning_and_what_runs_stays(home: Home) -> None:
    home.write()
    async with clusters(home) as shared:
        context = shared.get(home.ref)
        before = await context.cluster()
        home.path.write_text("{")

        def broken() -> bool:
            return any(p.code == "kubeconfig-invalid" for p in shared.views()[1])

        await until(broken)
        (problem,) = [p for p in shared.views()[1] if p.code == "kubeconfig-invalid"]
        assert problem.severity == "warning"
        assert context.current is before
        home.write()
        await until(lambda: not broken())


class FakeDialer:
    """Ends every dial as a test says."""

    known = Known(transport="websocket", since=utcnow())

    def __init__(self, error: KfwdError) -> None:
        self.error = error

    async def dial(self, namespace: str, pod: str, port: int | None) -> Dialled:
        raise self.error


@pytest.mark.parametrize(
    ("error", "state"),
    [
        (Unreachable("no route"), ContextState.UNREACHABLE),
        (LoginNeeded("expired"), ContextState.LOGIN_NEEDED),
    ],
)
async def test_a_dial_that_fails_tells_about_the_context(
    home: Home,
    error: KfwdError,
    state: ContextState,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    dialer: Callable[..., FakeDialer] = lambda *args, **kwargs: FakeDialer(error)  # noqa: E731
    monkeypatch.setattr(module, "Dialer", dialer)
    home.write()
    async with clusters(home) as shared:
        context = shared.get(home.ref)
        await context.cluster()
        with pytest.raises(type(error)):
            await context.dial("shop", "web-1")
        ((view,), _) = shared.views()
        assert (view.state, view.transport) == (state, "websocket")
        assert context.fault is not None
        assert context.fault.heals
        assert context.fault.bars is (state is ContextState.LOGIN_NEEDED)


async def test_what_refuses_sessions_to_several_pods_is_one_problem_of_the_context(
    home: Home, monkeypatch: pytest.MonkeyPatch
) -> None:
    refusing = FakeDialer(UpgradeFailed("no upgrades here", status=502))
    monkeypatch.setattr(module, "Dialer", lambda *args, **kwargs: refusing)
    home.write()
    async with clusters(home) as shared:
        context = shared.get(home.ref)
        await context.cluster()
        for pod in ("web-1", "web-2"):
            assert context.refused is None
            with pytest.raises(UpgradeFailed):
                await context.dial("shop", pod)
        assert context.refused is not None
        assert (context.refused.text, context.refused.cause) == ("no upgrades here", "dev")
        assert context.fault is None
        _, problems = shared.views()
        assert [(p.about, p.code, p.cause) for p in problems] == [("dev", "upgrade-failed", None)]


async def test_before_the_cluster_is_known_nothing_can_be_dialled(home: Home) -> None:
    async with clusters(home) as shared:
        with pytest.raises(Unreachable, match="not known yet"):
            await shared.get(home.ref).dial("shop", "web-1")


async def test_the_environment_says_which_transports_are_tried(home: Home) -> None:
    home.write()
    home.known[key(home.ref)] = WEBSOCKET
    home.env["KFWD_TRANSPORTS"] = "spdy; dev=websocket,channels"
    async with clusters(home) as shared:
        context = shared.get(home.ref)
        await context.cluster()
        assert context.transport == "websocket"
        assert context.problems == ()
    home.env["KFWD_TRANSPORTS"] = "pigeon"
    async with clusters(home) as shared:
        await shared.get(home.ref).cluster()
        assert shared.get(home.ref).transport == "websocket"


async def test_a_context_whose_kubeconfig_cannot_be_read_has_no_way_to_change(home: Home) -> None:
    async with clusters(home) as shared:
        shared.get(home.ref)
        shared.way_changed()
