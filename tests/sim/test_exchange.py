from __future__ import annotations

import json

import pytest

from kfwd.sim.auth import User
from kfwd.sim.exchange import Request, Shape, body_of, event_line, form_of, object_of, options_of
from kfwd.sim.requests import Info
from kfwd.sim.resources import PODS
from kfwd.sim.status import StatusError
from kfwd.sim.store import Store
from tests.sim.builders import pod

TABLE = "application/json;as=Table;v=v1;g=meta.k8s.io"


def request(body: bytes = b"", query: dict[str, str] | None = None, **headers: str) -> Request:
    named = {name.replace("_", "-"): value for name, value in headers.items()}
    info = Info(verb="create", path="/")
    return Request(info=info, query=query or {}, user=User("u"), headers=named, body=body)


def test_bodies_are_json_or_yaml() -> None:
    assert body_of(request(b'{"a": 1}')) == {"a": 1}
    assert body_of(request(b"a: 1\n", content_type="application/apply-patch+yaml")) == {"a": 1}
    assert object_of(request(b"{}")) == {"metadata": {}}


@pytest.mark.parametrize(
    ("body", "kind", "code"),
    [
        (b"{", "application/json", 400),
        (b"[]", "application/json", 400),
        (b"a: [", "application/yaml", 400),
        (b"k8s\x00\xff", "application/vnd.kubernetes.protobuf", 400),
        (b"x", "text/plain", 415),
    ],
)
def test_a_body_that_is_no_object_is_refused(body: bytes, kind: str, code: int) -> None:
    with pytest.raises(StatusError) as caught:
        object_of(request(body, content_type=kind))
    assert caught.value.code == code


def test_delete_options_come_from_the_body_or_the_query() -> None:
    assert options_of(request(b'{"gracePeriodSeconds": 1}'))["gracePeriodSeconds"] == 1
    assert options_of(request(query={"gracePeriodSeconds": "2"}))["gracePeriodSeconds"] == 2
    with pytest.raises(StatusError):
        options_of(request(query={"gracePeriodSeconds": "soon"}))


@pytest.mark.parametrize(
    ("accept", "form"),
    [
        ("", "object"),
        ("application/json", "object"),
        (f"{TABLE},application/json", "table"),
        ("application/json;as=Table;v=v1beta1;g=meta.k8s.io,application/json", "object"),
        ("application/json,application/json;as=Table;v=v1;g=meta.k8s.io", "object"),
        ("application/json;as=PartialObjectMetadata;v=v1;g=meta.k8s.io", "partial"),
        ("application/vnd.kubernetes.protobuf,application/json", "object"),
    ],
)
def test_the_first_acceptable_form_is_given(accept: str, form: str) -> None:
    assert form_of(accept) == form


def stored() -> tuple[Store, dict[str, object]]:
    store = Store()
    obj = {k: v for k, v in pod("a").items() if k not in {"kind", "apiVersion"}}
    obj["metadata"]["namespace"] = "demo"
    return store, store.create("pods", obj)


def test_single_objects_have_a_kind_and_items_of_a_list_have_none() -> None:
    store, obj = stored()
    shape = Shape(PODS, request(), store.clock)
    assert shape.one(obj)["kind"] == "Pod"
    listed = shape.many([obj], {"resourceVersion": "5"})
    assert (listed["kind"], "kind" in listed["items"][0]) == ("PodList", False)


def test_in_a_watch_only_the_first_table_has_columns() -> None:
    store, obj = stored()
    shape = Shape(PODS, request(accept=TABLE), store.clock)
    first, second = shape.one(obj), shape.one(obj)
    assert [bool(t["columnDefinitions"]) for t in (first, second)] == [True, False]
    assert second["rows"][0]["cells"][0] == "a"


def test_a_bookmark_has_only_a_version_in_every_form() -> None:
    store, _ = stored()
    meta = {"resourceVersion": "7"}
    plain = Shape(PODS, request(), store.clock).marker(meta)
    assert plain == {"kind": "Pod", "apiVersion": "v1", "metadata": meta}
    shown = Shape(PODS, request(accept=TABLE), store.clock).marker(meta)
    assert shown["rows"][0]["object"]["metadata"] == meta


def test_partial_metadata_leaves_spec_and_status_out() -> None:
    store, obj = stored()
    accept = "application/json;as=PartialObjectMetadataList;v=v1;g=meta.k8s.io"
    listed = Shape(PODS, request(accept=accept), store.clock).many([obj], {})
    assert listed["kind"] == "PartialObjectMetadataList"
    assert "spec" not in listed["items"][0]


def test_an_event_is_one_line_of_json() -> None:
    line = event_line("ADDED", {"a": "b\n"})
    assert line.endswith(b"\n")
    assert line.count(b"\n") == 1
    assert json.loads(line) == {"type": "ADDED", "object": {"a": "b\n"}}
