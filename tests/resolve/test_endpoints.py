from __future__ import annotations

from datetime import UTC, datetime

import pytest

from kfwd.kube import objects
from kfwd.kube.objects import Resource
from kfwd.model import State
from kfwd.resolve.endpoints import Resolution, kinds_needed, name_needed, resolve
from kfwd.resolve.facts import Facts
from kfwd.resolve.target import parse
from tests.resolve.builders import facts, member, piece, pod, service, workload

NOW = datetime(2026, 1, 1, tzinfo=UTC)


def find(target: str, *items: Resource, remote: str = "http", **hidden: None) -> Resolution:
    return resolve(parse(target), remote, facts(*items, **hidden), "shop", now=NOW)


def pods_of(resolution: Resolution) -> list[str]:
    return [endpoint.pod for endpoint in resolution.endpoints]


def verdict(resolution: Resolution) -> tuple[str, str, State]:
    assert resolution.problem is not None
    return resolution.problem.code, resolution.problem.text, resolution.state


@pytest.mark.parametrize("target", ["svc/web", "deploy/web", "app=web"])
def test_ready_endpoints_come_first_and_alone(target: str) -> None:
    leaving, unready, good = pod("a", deleted=9), pod("b", ready=False), pod("c")
    slices = piece(member("a"), member("b", ready=False), member("c"))
    found = find(target, service(), workload(), slices, leaving, unready, good)
    assert pods_of(found) == ["c"]
    assert (found.problem, found.state) == (None, State.READY)


@pytest.mark.parametrize("target", ["svc/web", "deploy/web", "app=web"])
def test_what_still_serves_while_it_is_deleted_is_a_last_resort(target: str) -> None:
    pods = [pod("a", deleted=9), pod("b", ready=False), pod("c", deleted=9, ready=False)]
    slices = piece(member("a"), member("b", ready=False), member("c", ready=False))
    found = find(target, service(), workload(), slices, *pods)
    assert pods_of(found) == ["a"]
    assert verdict(found) == (
        "terminating",
        f"all that is left of {target} is going: a",
        State.DEGRADED,
    )


def test_a_published_address_that_is_terminating_is_a_last_resort_too() -> None:
    """With publishNotReadyAddresses the API keeps `ready` true to the end."""
    leaving = member("a", ready=True, serving=True, terminating=True)
    alone = find("svc/web", service(), piece(leaving), pods=None)
    assert (pods_of(alone), alone.state) == (["a"], State.DEGRADED)
    both = find("svc/web", service(), piece(leaving, member("b")), pods=None)
    assert (pods_of(both), both.state) == (["b"], State.READY)


def test_what_is_neither_ready_nor_leaving_gets_no_connections() -> None:
    odd = member("a", ready=False, serving=True, terminating=False)
    assert find("svc/web", service(), piece(odd), pods=None).endpoints == ()


@pytest.mark.parametrize("target", ["svc/web", "deploy/web", "app=web"])
def test_without_a_ready_pod_the_problem_says_what_ails_them(target: str) -> None:
    crash = pod("web-0", ready=False, waiting="CrashLoopBackOff")
    slices = piece(member("web-0", ready=False))
    found = find(target, service(), workload(), slices, crash)
    assert verdict(found) == (
        "no-endpoints",
        f"{target} has no ready pod: web-0 is CrashLoopBackOff",
        State.WAITING,
    )


def test_several_ailing_pods_are_counted() -> None:
    pods = [pod("a", ready=False), pod("b", phase="Pending")]
    assert verdict(find("deploy/web", workload(), *pods)) == (
        "no-endpoints",
        "deploy/web has none of its 2 pods ready: a is running but not ready, b is Pending",
        State.WAITING,
    )


@pytest.mark.parametrize(
    ("target", "items", "text"),
    [
        ("svc/web", [service()], "svc/web has no pods: none is labelled app=web"),
        ("deploy/web", [workload()], "deploy/web has no pods"),
        ("deploy/web", [workload(replicas=0)], "deploy/web has no pods (it is scaled to 0)"),
        ("app=web", [], "app=web has no pods"),
        ("svc/web", [service(), pod("a")], "svc/web has no endpoints yet, though a is ready"),
    ],
)
def test_nothing_behind_a_target_waits_and_says_so(
    target: str, items: list[Resource], text: str
) -> None:
    assert verdict(find(target, *items)) == ("no-endpoints", text, State.WAITING)


def test_without_pods_a_service_only_knows_that_nothing_is_ready() -> None:
    found = find("svc/web", service(), piece(member("a", ready=False)), pods=None)
    assert verdict(found)[1] == "svc/web has no ready endpoints"


def test_a_service_works_without_slices_and_without_pods() -> None:
    slices = piece(member("a"))
    assert pods_of(find("svc/web", service(), pod("a"), slices=None)) == ["a"]
    assert pods_of(find("svc/web", service(), slices, pods=None)) == ["a"]


@pytest.mark.parametrize("kind", ["deploy", "sts", "ds", "rs", "job"])
def test_every_workload_leads_to_the_pods_it_selects(kind: str) -> None:
    target = parse(f"{kind}/web")
    known = facts(workload(), pod("a"), pod("b", app="db"), kind=target.kind)
    found = resolve(target, "http", known, "shop")
    assert [(e.pod, e.port) for e in found.endpoints] == [("a", 8080)]


def test_endpoints_keep_their_order_while_others_come_and_go() -> None:
    old, new = pod("z", ready_at=1), pod("a", ready_at=2)
    assert pods_of(find("deploy/web", workload(), new, old)) == ["z", "a"]
    assert pods_of(find("deploy/web", workload(), pod("b", ready_at=3), new, old))[0] == "z"


def test_pods_without_the_named_port_are_passed_over() -> None:
    found = find("deploy/web", workload(), pod("a", ports=[], ready_at=1), pod("b"))
    assert pods_of(found) == ["b"]


def test_a_named_pod_is_used_while_it_runs_ready_or_not() -> None:
    assert find("pod/a", pod("a")).state is State.READY
    found = find("pod/a", pod("a", ready=False))
    assert pods_of(found) == ["a"]
    assert verdict(found) == (
        "pod-not-ready",
        "pod a is running but not ready",
        State.DEGRADED,
    )


def test_a_named_pod_is_used_to_its_end() -> None:
    found = find("a", pod("a", deleted=9))
    assert pods_of(found) == ["a"]
    assert verdict(found) == ("terminating", "pod a is being deleted", State.DEGRADED)


@pytest.mark.parametrize(
    ("given", "text"),
    [
        (pod("a", phase="Pending"), "pod a is Pending"),
        (pod("a", phase="Failed", reason="Evicted"), "pod a has failed (Evicted)"),
        (pod("a", deleted=9, ready=False), "pod a is being deleted"),
        (
            pod("a", ready=False, waiting="CrashLoopBackOff", restarts=3),
            "pod a is CrashLoopBackOff after 3 restarts",
        ),
    ],
)
def test_a_named_pod_that_does_not_run_is_waited_for(given: Resource, text: str) -> None:
    assert verdict(find("pod/a", given)) == ("pod-not-running", text, State.WAITING)


@pytest.mark.parametrize(
    ("target", "hint"),
    [
        ("svc/wbe", "did you mean svc/web?"),
        ("deploy/webb", "did you mean deploy/web?"),
        ("wen-0", "did you mean pod/web-0?"),
    ],
)
def test_what_does_not_exist_is_waited_for_with_the_closest_names(target: str, hint: str) -> None:
    found = find(target, service(), workload(), pod("web-0"))
    code, text, state = verdict(found)
    assert (code, state) == ("not-found", State.WAITING)
    assert text.endswith("in namespace shop")
    assert found.problem is not None
    assert found.problem.hint == hint


@pytest.mark.parametrize(
    ("name", "hidden", "hint"),
    [
        ("web", {}, "svc/web if the service is meant; there are api-7f-x2"),
        ("api", {}, "there are api-7f-x2"),
        ("api", {"services": None}, "svc/api if the service is meant; there are api-7f-x2"),
        ("web", {"services": None}, "there are api-7f-x2"),
    ],
)
def test_a_bare_name_may_be_meant_for_a_service(
    name: str, hidden: dict[str, None], hint: str
) -> None:
    problem = find(name, service(), pod("api-7f-x2"), **hidden).problem
    assert problem is not None
    assert problem.hint == hint


@pytest.mark.parametrize(
    ("target", "remote", "code"),
    [
        ("svc/web", "81", "no-such-port"),
        ("deploy/web", "nosuch", "no-such-port"),
        ("pod/a", "0", "bad-port"),
        ("ingress/web", "80", "not-supported"),
    ],
)
def test_what_only_a_person_can_change_has_failed(target: str, remote: str, code: str) -> None:
    found = find(target, service(), workload(), pod("a"), remote=remote)
    assert (verdict(found)[0], found.state) == (code, State.FAILED)


@pytest.mark.parametrize("target", ["svc/web", "deploy/web", "pod/web", "app=web"])
def test_facts_that_cannot_be_read_are_no_answer(target: str) -> None:
    found = resolve(parse(target), "http", Facts(), "shop")
    assert (verdict(found)[0], found.state) == ("not-readable", State.WAITING)


def test_a_workload_without_a_selector_is_not_every_pod() -> None:
    found = find("deploy/web", workload(selector=None), pod("a"))
    assert (verdict(found)[0], found.state) == ("no-selector", State.FAILED)


def test_a_problem_carries_the_moment_it_was_told() -> None:
    found = find("svc/web")
    assert found.problem is not None
    assert found.problem.since == NOW


def test_each_target_says_what_it_needs_and_which_single_object_is_enough() -> None:
    target = parse("svc/web")
    kinds = kinds_needed(target)
    assert kinds == (objects.SERVICES, objects.ENDPOINT_SLICES, objects.PODS)
    assert [name_needed(target, kind) for kind in kinds] == ["web", None, None]
    assert kinds_needed(parse("sts/db")) == (objects.STATEFUL_SETS, objects.PODS)
    assert kinds_needed(parse("db-0")) == (objects.PODS,)
    assert name_needed(parse("db-0"), objects.PODS) == "db-0"
    assert name_needed(parse("app=web"), objects.PODS) is None
    assert kinds_needed(parse("ingress/x")) == ()
