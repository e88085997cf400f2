from __future__ import annotations

import pytest

from kfwd.errors import UsageError
from kfwd.resolve.target import Target, parse


@pytest.mark.parametrize(
    ("text", "kind", "name", "shown"),
    [
        ("pod/x", "pods", "x", "pod/x"),
        ("po/x", "pods", "x", "pod/x"),
        ("pods/x", "pods", "x", "pod/x"),
        ("x", "pods", "x", "pod/x"),
        ("web.v1", "pods", "web.v1", "pod/web.v1"),
        (" svc/x ", "services", "x", "svc/x"),
        ("service/x", "services", "x", "svc/x"),
        ("services/x", "services", "x", "svc/x"),
        ("deploy/x", "deployments", "x", "deploy/x"),
        ("deployment/x", "deployments", "x", "deploy/x"),
        ("deployment.apps/x", "deployments", "x", "deploy/x"),
        ("sts/x", "statefulsets", "x", "sts/x"),
        ("statefulset/x", "statefulsets", "x", "sts/x"),
        ("ds/x", "daemonsets", "x", "ds/x"),
        ("daemonsets/x", "daemonsets", "x", "ds/x"),
        ("rs/x", "replicasets", "x", "rs/x"),
        ("replicaset.apps/x", "replicasets", "x", "rs/x"),
        ("job/x", "jobs", "x", "job/x"),
        ("job.batch/x", "jobs", "x", "job/x"),
        ("ingress/x", "ingresses", "x", "ingress/x"),
        ("ing/x", "ingresses", "x", "ingress/x"),
        ("ingress.networking.k8s.io/x", "ingresses", "x", "ingress/x"),
    ],
)
def test_every_spelling_of_a_kind_is_understood(
    text: str, kind: str, name: str, shown: str
) -> None:
    target = parse(text)
    assert target == Target(kind, name)
    assert str(target) == shown
    assert parse(shown) == target


@pytest.mark.parametrize(
    "text", ["app=web", "k8s.io/name=web", "svc/a=b,svc/b", "app=web,tier!=x", "app in (a,b)"]
)
def test_a_selector_stands_for_pods_and_keeps_its_text(text: str) -> None:
    assert parse(text) == Target("pods", None, text)
    assert str(parse(text)) == text


@pytest.mark.parametrize(
    ("text", "code", "says"),
    [
        ("foo/x", "unknown-kind", "'foo'"),
        ("Deploy/x", "unknown-kind", "'Deploy'"),
        ("/x", "unknown-kind", "''"),
        ("cronjob/x", "unknown-kind", "'cronjob'"),
        ("", "bad-target", "a name is missing"),
        ("svc/", "bad-target", "a name is missing"),
        ("svc/Web", "bad-target", "'Web'"),
        ("svc/a/b", "bad-target", "'a/b'"),
        ("svc/grafana:http", "bad-target", "'grafana:http'"),
        ("svc/a,deploy/b", "bad-target", "several targets"),
        ("Web", "bad-target", "'Web'"),
        ("x" * 254, "bad-target", "xxx"),
        ("app=web,", "bad-selector", "app=web,"),
    ],
)
def test_what_cannot_be_understood_is_named_and_the_kinds_are_listed(
    text: str, code: str, says: str
) -> None:
    with pytest.raises(UsageError) as caught:
        parse(text)
    assert caught.value.code == code
    assert says in caught.value.text
    assert caught.value.hint
    assert "app=web" in caught.value.hint


def test_a_near_miss_is_offered() -> None:
    with pytest.raises(UsageError) as caught:
        parse("deploymnet/web")
    assert (caught.value.hint or "").startswith("did you mean deployment/web?")
