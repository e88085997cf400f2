"""When the refusals of several pods are one problem."""

from __future__ import annotations

from kfwd.daemon.refusals import PODS_MAX, Refusals
from kfwd.errors import UpgradeFailed


def refusal(text: str = "no upgrades here") -> UpgradeFailed:
    return UpgradeFailed(text, status=502, hint="ask the proxy")


def test_one_pod_alone_proves_nothing() -> None:
    refusals = Refusals()
    assert not refusals.met("shop/web", refusal())
    assert not refusals.met("shop/web", refusal())
    assert refusals.common is None


def test_two_pods_with_the_same_refusal_are_one_problem_until_a_session_comes_about() -> None:
    refusals = Refusals()
    refusals.met("shop/web", refusal())
    assert refusals.met("shop/db", refusal())
    first = refusals.common
    assert first is not None
    assert (first.code, first.text) == ("upgrade-failed", "no upgrades here")
    assert first.hint == "ask the proxy"
    assert not refusals.met("shop/api", refusal())
    assert refusals.common is first
    assert refusals.over()
    assert refusals.common is None
    assert not refusals.over()
    assert not refusals.met("shop/web", refusal())


def test_pods_that_are_refused_for_other_reasons_have_problems_of_their_own() -> None:
    refusals = Refusals()
    refusals.met("shop/web", refusal("node 1 is away"))
    assert not refusals.met("shop/db", refusal("node 2 is away"))
    assert not refusals.met("shop/web", refusal("node 3 is away"))
    assert refusals.common is None


def test_no_more_pods_are_remembered_than_are_needed() -> None:
    refusals = Refusals()
    refusals.met("shop/first", refusal())
    for number in range(PODS_MAX):
        refusals.met(f"shop/{number}", refusal(f"{number}"))
    assert not refusals.met("shop/last", refusal())
