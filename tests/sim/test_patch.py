from __future__ import annotations

import pytest

from kfwd.sim import patch

POD = {
    "metadata": {"name": "p", "labels": {"a": "1"}, "finalizers": ["x"]},
    "spec": {
        "containers": [
            {"name": "one", "image": "i", "ports": [{"containerPort": 80, "name": "http"}]},
            {"name": "two", "image": "j"},
        ],
        "args": ["a", "b"],
    },
}


def test_a_merge_patch_merges_objects_removes_nulls_and_replaces_lists() -> None:
    """The examples of RFC 7386, appendix A."""
    assert patch.merge({"a": "b"}, {"a": "c"}) == {"a": "c"}
    assert patch.merge({"a": "b", "b": "c"}, {"a": None}) == {"b": "c"}
    assert patch.merge({"a": ["b"]}, {"a": "c"}) == {"a": "c"}
    assert patch.merge({"a": {"b": "c"}}, {"a": {"b": "d", "c": None}}) == {"a": {"b": "d"}}
    assert patch.merge([1, 2], {"a": "b"}) == {"a": "b"}
    assert patch.merge({}, {"a": {"bb": {"ccc": None}}}) == {"a": {"bb": {}}}


def test_a_strategic_patch_merges_containers_by_name_and_ports_by_number() -> None:
    change = {
        "spec": {
            "containers": [
                {"name": "one", "ports": [{"containerPort": 80, "protocol": "TCP"}]},
                {"name": "three", "image": "k"},
            ]
        }
    }
    found = patch.strategic(POD, change)["spec"]["containers"]
    assert [c["name"] for c in found] == ["one", "two", "three"]
    assert found[0]["image"] == "i"
    assert found[0]["ports"] == [{"containerPort": 80, "name": "http", "protocol": "TCP"}]


def test_a_strategic_patch_deletes_by_directive_and_null() -> None:
    change = {
        "metadata": {"labels": {"a": None}},
        "spec": {"containers": [{"name": "two", "$patch": "delete"}]},
    }
    found = patch.strategic(POD, change)
    assert found["metadata"]["labels"] == {}
    assert [c["name"] for c in found["spec"]["containers"]] == ["one"]


def test_a_strategic_patch_replaces_lists_without_a_key_and_adds_to_sets() -> None:
    change = {"metadata": {"finalizers": ["y"]}, "spec": {"args": ["c"]}}
    found = patch.strategic(POD, change)
    assert found["spec"]["args"] == ["c"]
    assert found["metadata"]["finalizers"] == ["x", "y"]
    gone = patch.strategic(POD, {"metadata": {"$deleteFromPrimitiveList/finalizers": ["x"]}})
    assert gone["metadata"]["finalizers"] == []


def test_a_strategic_patch_orders_and_replaces_as_told() -> None:
    order = {"spec": {"$setElementOrder/containers": [{"name": "two"}, {"name": "one"}]}}
    found = patch.strategic(POD, order)["spec"]["containers"]
    assert [c["name"] for c in found] == ["two", "one"]
    whole = patch.strategic(POD, {"spec": {"$patch": "replace", "x": 1}})
    assert whole["spec"] == {"x": 1}
    kept = patch.strategic({"s": {"type": "A", "r": 1}}, {"s": {"$retainKeys": ["type"]}})
    assert kept == {"s": {"type": "A"}}


def test_a_patch_leaves_its_target_as_it_was() -> None:
    before = str(POD)
    patch.strategic(POD, {"spec": {"containers": [{"name": "one", "image": "new"}]}})
    patch.merge(POD, {"spec": None})
    patch.json_patch(POD, [{"op": "remove", "path": "/spec"}])
    assert str(POD) == before


def test_json_patch_does_each_operation() -> None:
    operations = [
        {"op": "add", "path": "/spec/args/-", "value": "c"},
        {"op": "add", "path": "/spec/args/0", "value": "z"},
        {"op": "replace", "path": "/metadata/name", "value": "q"},
        {"op": "remove", "path": "/metadata/finalizers/0"},
        {"op": "copy", "from": "/metadata/name", "path": "/metadata/copied"},
        {"op": "move", "from": "/metadata/labels", "path": "/labels"},
        {"op": "add", "path": "/a~1b~0c", "value": 1},
        {"op": "test", "path": "/metadata/name", "value": "q"},
    ]
    found = patch.json_patch(POD, operations)
    assert found["spec"]["args"] == ["z", "a", "b", "c"]
    assert found["metadata"] == {"name": "q", "finalizers": [], "copied": "q"}
    assert found["labels"] == {"a": "1"}
    assert found["a/b~c"] == 1


@pytest.mark.parametrize(
    "operation",
    [
        {"op": "test", "path": "/metadata/name", "value": "other"},
        {"op": "remove", "path": "/metadata/missing"},
        {"op": "replace", "path": "/spec/args/9", "value": 1},
        {"op": "add", "path": "metadata", "value": 1},
        {"op": "add", "path": "/metadata/name/deeper", "value": 1},
        {"op": "fly", "path": "/metadata"},
        {"op": "add", "path": "/x"},
    ],
)
def test_json_patch_refuses_what_does_not_apply(operation: dict[str, object]) -> None:
    with pytest.raises(ValueError, match=r"JSON p|testing value"):
        patch.json_patch(POD, [operation])
