"""The lists to pick contexts and namespaces from."""

from __future__ import annotations

from typing import Any

import pytest

from kfwd.api_contexts import ContextItem
from kfwd.api_model import NamespaceList, ObjectView
from kfwd.model import ContextState
from kfwd.tui import browsing
from kfwd.tui.browsing import EVERYWHERE
from kfwd.tui.pieces import text


def context(name: str, **more: Any) -> ContextItem:
    fields = {
        "server": f"https://{name}",
        "state": ContextState.UNKNOWN,
        "current": False,
        "in_use": False,
        "entries": 0,
        "kubeconfig": ("/k",),
    }
    return ContextItem(name=name, **(fields | more))


DEV, PROD = context("dev"), context("prod")
CURRENT = context("home", current=True)
USED = context("work", in_use=True, state=ContextState.LOGIN_NEEDED)


@pytest.mark.parametrize(
    ("contexts", "chosen"),
    [
        ([DEV], DEV),
        ([DEV, PROD], None),
        ([DEV, CURRENT], CURRENT),
        ([CURRENT, USED], USED),
        ([CURRENT, USED, context("more", in_use=True)], CURRENT),
        ([], None),
    ],
)
def test_it_begins_where_it_is_most_likely_meant(
    contexts: list[ContextItem], chosen: ContextItem | None
) -> None:
    assert browsing.start(contexts) == chosen


def test_contexts_say_how_they_are() -> None:
    broken = context("odd", server="")
    items = list(browsing.context_items([CURRENT, USED, broken], ""))
    lines = [text(item.draw(100)) for item in items]
    assert "not in use · current" in lines[0]
    assert "https://home" in lines[0]
    assert "◐ work" in lines[1]
    assert "login needed" in lines[1]
    assert "its kubeconfig is broken" in lines[2]
    assert [item.key for item in browsing.context_items([DEV, PROD], "PRO")] == ["prod\n/k"]


def thing(target: str) -> ObjectView:
    return ObjectView(kind="service", namespace="shop", name="web", target=target)


def keys(found: NamespaceList, find: str) -> list[str]:
    return [item.key for item in browsing.namespace_items(found, find)]


def test_namespaces_are_filtered_and_one_that_is_not_listed_may_be_typed() -> None:
    found = NamespaceList(current="shop", namespaces=("default", "shop"))
    assert keys(found, "") == [EVERYWHERE, "default", "shop"]
    assert keys(found, "sho") == ["shop", "sho"]
    assert keys(found, "shop") == ["shop"]
    assert keys(found, "No Such") == []


def test_without_the_right_to_list_them_the_reason_is_said() -> None:
    found = NamespaceList(current="shop", namespaces=("shop",), problem="namespaces is forbidden")
    items = list(browsing.namespace_items(found, ""))
    assert [item.key for item in items if item.pickable] == ["shop"]
    said = [text(item.draw(100)).strip() for item in items if not item.pickable]
    assert said == ["namespaces is forbidden", "type the name of another one"]
    assert [item.key for item in browsing.namespace_items(found, "pay") if item.pickable] == ["pay"]


def test_a_target_may_be_typed_where_it_is_not_listed() -> None:
    found = browsing.typed("deployment/web", "shop", [])
    assert found is not None
    assert (found.target, found.namespace, found.ports) == ("deploy/web", "shop", ())
    assert browsing.typed("service/web", "shop", [thing("svc/web")]) is None
    for other in ("web", "srv/web", "ingress/web", "a b/c"):
        assert browsing.typed(other, "", []) is None


def test_each_reason_why_kinds_cannot_be_read_is_said_once() -> None:
    problems = {"services": "no answer", "pods": "no answer", "jobs": "you may not"}
    assert list(browsing.unread(problems)) == [
        "services and 1 more cannot be read: no answer",
        "jobs cannot be read: you may not",
    ]
