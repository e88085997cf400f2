from __future__ import annotations

import pytest

from kfwd.sim import selectors

WEB = {"app": "web", "tier": "front"}


@pytest.mark.parametrize(
    ("text", "matches"),
    [
        ("", True),
        ("app=web", True),
        ("app==web,tier!=back", True),
        ("app=db", False),
        ("tier", True),
        ("!tier", False),
        ("!owner", True),
        ("app in (db, web),tier notin (back)", True),
        ("app notin (web)", False),
        ("owner!=x", True),
        ("app=", False),
    ],
)
def test_label_selectors_follow_the_grammar(text: str, matches: bool) -> None:
    assert selectors.labels(text)(WEB) is matches


def test_a_label_selector_that_does_not_parse_says_which_part() -> None:
    with pytest.raises(ValueError, match="a b c"):
        selectors.labels("app=web,a b c")


@pytest.mark.parametrize(
    ("expression", "matches"),
    [
        ({"key": "app", "operator": "In", "values": ["web", "db"]}, True),
        ({"key": "app", "operator": "NotIn", "values": ["web"]}, False),
        ({"key": "tier", "operator": "Exists"}, True),
        ({"key": "tier", "operator": "DoesNotExist"}, False),
    ],
)
def test_expressions_of_a_label_selector_object_count_with_its_labels(
    expression: dict[str, object], matches: bool
) -> None:
    selector = {"matchLabels": {"app": "web"}, "matchExpressions": [expression]}
    assert selectors.label_selector(selector)(WEB) is matches
    assert not selectors.label_selector(selector)({"app": "x"})


def test_an_unknown_operator_is_refused() -> None:
    with pytest.raises(ValueError, match="Near"):
        selectors.label_selector({"matchExpressions": [{"key": "a", "operator": "Near"}]})


def test_field_selectors_compare_nested_fields_and_absent_ones_as_empty() -> None:
    pod = {"metadata": {"name": "a"}, "spec": {"nodeName": "node-1"}, "status": {}}
    assert selectors.fields("spec.nodeName=node-1,metadata.name!=b", "pods")(pod)
    assert selectors.fields("status.phase=", "pods")(pod)
    assert selectors.fields("spec.hostNetwork=false", "pods")(pod)
    assert not selectors.fields("metadata.name=b", "pods")(pod)


def test_a_field_that_a_kind_cannot_be_selected_by_is_refused() -> None:
    with pytest.raises(ValueError, match=r"field label not supported: spec\.image"):
        selectors.fields("spec.image=x", "pods")
    with pytest.raises(ValueError, match="invalid selector"):
        selectors.fields("nonsense", "pods")
