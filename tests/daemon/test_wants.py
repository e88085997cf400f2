"""From what is saved to what should run, and plans that a person can read."""

from __future__ import annotations

import msgspec

from kfwd.api_model import PlanItem
from kfwd.daemon import wants
from kfwd.daemon.state import Saved, UpProfile
from kfwd.model import ContextRef, GatewaySpec, ProfileSpec, Wanted
from tests.daemon.records import CONTEXT, forward, wanted


def by_id(*entries: Wanted) -> dict[str, Wanted]:
    return {each.id: each for each in entries}


def test_profiles_ad_hoc_entries_and_those_of_a_process_are_wanted() -> None:
    spec = ProfileSpec(name="dev", namespace="shop", entries=(forward("web"), forward("db")))
    saved = Saved(
        profiles={"dev": UpProfile(spec=spec, context=CONTEXT)},
        adhoc=by_id(wanted("one", profile="-")),
        paused={"dev/db", "-/one", "dev/unknown"},
    )
    found = wants.wanted(saved, by_id(wanted("two", profile="-")))
    assert list(found) == ["dev/web", "dev/db", "-/one", "-/two"]
    assert [each.paused for each in found.values()] == [False, True, True, False]
    assert found["dev/web"].namespace == "shop"
    assert found["dev/web"].context == CONTEXT


def test_a_plan_says_stops_first_then_starts_and_changes_then_what_stays() -> None:
    before = by_id(wanted("old"), wanted("moved", local=1000), wanted("same"))
    after = by_id(wanted("moved", local=2000), wanted("same"), wanted("new", target="pod/x"))
    plan = wants.plan(["dev"], before, after)
    assert plan.profiles == ("dev",)
    assert plan.items == (
        PlanItem(id="dev/old", action="stop", text="svc/web 8080:http in dev"),
        PlanItem(id="dev/moved", action="change", text="ports 1000:http -> 2000:http"),
        PlanItem(id="dev/new", action="start", text="pod/x 8080:http in dev"),
        PlanItem(id="dev/same", action="leave", text="svc/web 8080:http in dev"),
    )


def test_a_gateway_is_planned_by_its_port() -> None:
    old = Wanted(profile="dev", spec=GatewaySpec(), context=CONTEXT)
    new = Wanted(profile="dev", spec=GatewaySpec(port=0, allow_users=("bob",)), context=CONTEXT)
    assert wants.describe(old) == "the gateway on port 8888 in dev"
    assert wants.describe(new) == "the gateway on port of its own in dev"
    assert wants.difference(old, new) == "ports 8888: -> :, allow_users  -> bob"


def test_a_difference_names_all_that_changes() -> None:
    old = wanted()
    prod = ContextRef(kubeconfig=CONTEXT.kubeconfig, name="prod")
    spec = msgspec.structs.replace(old.spec, target="svc/api", address=("127.0.0.1", "::1"))
    new = msgspec.structs.replace(old, context=prod, namespace="shop", spec=spec, paused=True)
    assert wants.difference(old, new) == (
        "context dev -> prod, namespace None -> shop, target svc/web -> svc/api, "
        "address localhost -> 127.0.0.1,::1, paused False -> True"
    )


def test_a_difference_in_the_kubeconfig_alone_is_named() -> None:
    other = ContextRef(kubeconfig=("/other",), name=CONTEXT.name)
    new = msgspec.structs.replace(wanted(), context=other)
    assert wants.difference(wanted(), new) == "kubeconfig"
