"""From one context to another: what is saved, and that nothing moves to where it cannot be.

That bytes go to the other cluster is shown end to end (`tests/e2e/test_context.py`).
"""

from __future__ import annotations

import pytest

from kfwd.api_contexts import SwitchRequest
from kfwd.api_model import UpRequest
from kfwd.daemon.state import Saved, UpProfile
from kfwd.daemon.switch import moved
from kfwd.errors import ConfigError, NotFound, Unreachable, UsageError
from kfwd.model import ADHOC, ContextRef, ProfileSpec, Wanted
from tests.daemon.records import wanted
from tests.daemon.rig import Rig

DEV = ContextRef(kubeconfig=("/k",), name="dev")
PROD = ContextRef(kubeconfig=("/k",), name="prod")
OTHER = ContextRef(kubeconfig=("/k",), name="other")


def saved() -> Saved:
    entry = wanted("hoc", profile=ADHOC, context=DEV)
    return Saved(
        profiles={
            "a": UpProfile(spec=ProfileSpec(name="a"), context=DEV),
            "b": UpProfile(spec=ProfileSpec(name="b"), context=OTHER),
        },
        adhoc={entry.id: entry},
    )


def places(state: Saved) -> list[str]:
    adhoc: list[Wanted] = list(state.adhoc.values())
    return [up.current.name for up in state.profiles.values()] + [e.context.name for e in adhoc]


def test_only_what_is_in_the_one_context_moves_and_the_old_state_stays_as_it_is() -> None:
    before = saved()
    after = moved(before, "dev", PROD)
    assert places(after) == ["prod", "other", "prod"]
    assert places(before) == ["dev", "other", "dev"]
    assert after.profiles["a"].context == DEV  # what its file or pin says


def test_a_switch_back_leaves_nothing_behind() -> None:
    assert moved(moved(saved(), "dev", PROD), "prod", DEV) == saved()


async def refused(rig: Rig, source: str, to: str, error: type[Exception]) -> str:
    """Nothing changes; returns what is said."""
    rig.profile("dev")
    await rig.daemon.profiles.up(UpRequest(kubeconfig=(rig.kubeconfig,)))
    before, port = rig.saved(), rig.port("dev/web")
    request = SwitchRequest(source=source, to=to, kubeconfig=(rig.kubeconfig,))
    with pytest.raises(error) as caught:
        await rig.daemon.switch(request)
    assert rig.saved() == before
    assert (rig.view("dev/web").context, rig.port("dev/web")) == ("dev", port)
    assert [each.name for each in rig.daemon.store.snapshot().contexts] == ["dev"]
    return str(caught.value)


async def test_a_cluster_that_does_not_answer_is_not_moved_to(rig: Rig) -> None:
    assert "127.0.0.1:1" in await refused(rig, "dev", "prod", Unreachable)


async def test_a_context_that_nothing_is_in_is_said(rig: Rig) -> None:
    assert '"prod"' in await refused(rig, "prod", "dev", NotFound)


async def test_the_same_context_is_nothing_to_do(rig: Rig) -> None:
    assert "already" in await refused(rig, "dev", "dev", UsageError)


async def test_an_unknown_context_is_said(rig: Rig) -> None:
    assert "red" in await refused(rig, "dev", "red", ConfigError)
