from __future__ import annotations

import msgspec
import pytest

from kfwd.errors import UsageError
from kfwd.kube.objects import LabelSelector
from kfwd.resolve import selectors

LABELS = {"app": "web", "tier": "front", "rank": "7", "k8s.io/name": "web", "empty": ""}


@pytest.mark.parametrize(
    ("text", "accepts"),
    [
        ("", True),
        ("app=web", True),
        ("app==web", True),
        ("app=db", False),
        ("app!=db", True),
        ("app!=web", False),
        ("nosuch!=x", True),
        ("app in (web, db)", True),
        ("app in (db)", False),
        ("app notin (db)", True),
        ("nosuch notin (db)", True),
        ("app notin (web)", False),
        ("app", True),
        ("nosuch", False),
        ("!nosuch", True),
        ("! app", False),
        ("rank>6", True),
        ("rank>7", False),
        ("rank<8", True),
        ("tier>1", False),
        ("empty=", True),
        ("app=", False),
        ("k8s.io/name=web", True),
        (" app = web , tier != back ", True),
        ("app=web,tier!=front", False),
        ("app in (web),!nosuch,rank>1,tier", True),
    ],
)
def test_the_grammar_means_what_it_means_to_kubectl(text: str, accepts: bool) -> None:
    assert selectors.parse(text).accepts(LABELS) is accepts


@pytest.mark.parametrize(
    "text",
    ["app=web,", ",app", "app=web tier=x", "app in web", "app in (a", "=web", "a=b=c", "app=-"],
)
def test_nonsense_is_refused_with_an_example(text: str) -> None:
    with pytest.raises(UsageError) as caught:
        selectors.parse(text)
    assert caught.value.code == "bad-selector"
    assert "app=web" in (caught.value.hint or "")


def from_json(**selector: object) -> selectors.Selector:
    return selectors.from_object(msgspec.convert(selector, LabelSelector))


def test_labels_and_expressions_of_a_workload_must_all_hold() -> None:
    both = {"key": "tier", "operator": "In", "values": ["front", "back"]}
    assert from_json(matchLabels={"app": "web"}, matchExpressions=[both]).accepts(LABELS)
    assert not from_json(matchLabels={"app": "db"}, matchExpressions=[both]).accepts(LABELS)


@pytest.mark.parametrize(
    ("operator", "accepts"), [("Exists", True), ("DoesNotExist", False), ("Nonsense", False)]
)
def test_an_expression_may_have_no_values(operator: str, accepts: bool) -> None:
    selector = from_json(matchExpressions=[{"key": "app", "operator": operator}])
    assert selector.accepts(LABELS) is accepts


def test_a_workload_selector_without_demands_accepts_every_pod() -> None:
    assert from_json().accepts({})
