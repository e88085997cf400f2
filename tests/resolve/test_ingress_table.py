from __future__ import annotations

import msgspec
import pytest

from kfwd.kube.route_objects import Ingress, IngressBackend
from kfwd.resolve import ingress_table
from kfwd.resolve.ingress_table import Site
from tests.resolve.rules import ingress, to

HOST = "foo.bar.com"


def site(*objects: Ingress, host: str = HOST) -> Site:
    found = ingress_table.build(objects).site(host)
    assert found is not None
    return found


def paths(found: Site) -> list[str]:
    return [
        location.pattern.source if location.pattern else location.path
        for location in found.locations
    ]


def test_plain_paths_are_ordered_exact_first_then_by_length() -> None:
    rules = [
        ("Prefix", "/"),
        ("ImplementationSpecific", "/a/b"),
        ("Prefix", "/a/b/"),
        ("Prefix", "/a/b/c"),
        ("Exact", "/a"),
        ("Exact", "/a/b"),
    ]
    found = site(ingress("x", *[(HOST, kind, path, "a") for kind, path in rules]))
    assert [(lo.path_type, lo.path) for lo in found.locations] == [
        ("Exact", "/a/b"),
        ("Exact", "/a"),
        ("Prefix", "/a/b/c"),
        ("Prefix", "/a/b/"),
        ("ImplementationSpecific", "/a/b"),
        ("Prefix", "/"),
    ]


def test_patterns_are_ordered_by_length_then_downwards_as_nginx_writes_them() -> None:
    found = site(
        ingress(
            "x",
            (HOST, "Prefix", "/", "a"),
            (HOST, "ImplementationSpecific", "/aaa", "a"),
            (HOST, "ImplementationSpecific", "/bbb", "a"),
            (HOST, "ImplementationSpecific", "/a/(.*)", "a"),
            use_regex="true",
        ),
        ingress("y", (HOST, "Prefix", "/p", "b"), (HOST, "Exact", "/e", "b")),
    )
    assert paths(found) == ["/a/(.*)", "/bbb", "/aaa", "/p/", "/p", "/e", "/"]


@pytest.mark.parametrize(("path", "patterns"), [("/", False), ("/x", True)])
def test_a_target_that_changes_nothing_makes_no_patterns(path: str, patterns: bool) -> None:
    found = site(ingress("x", (HOST, "Prefix", path, "a"), rewrite_target="/"))
    assert (found.locations[0].pattern is not None) is patterns


def test_a_path_that_another_object_has_is_shadowed_by_the_older_one() -> None:
    old = ingress("old", (HOST, "Prefix", "/", "a"), made=1)
    young = ingress("young", (HOST, "Prefix", "/", "b"), (HOST, "Exact", "/", "c"), made=2)
    found = site(young, old)
    assert [(lo.rule, lo.path_type) for lo in found.locations] == [
        ("ingress shop/young", "Exact"),
        ("ingress shop/old", "Prefix"),
    ]
    [shadowed] = found.shadowed
    assert (shadowed.rule, shadowed.shadowed_by) == ("ingress shop/young", "ingress shop/old")


def test_a_rule_without_paths_still_names_its_host() -> None:
    spec = {"rules": [{"host": HOST}], "defaultBackend": to("b")}
    bare = msgspec.convert({"metadata": {"name": "x"}, "spec": spec}, Ingress)
    found = site(bare, ingress("y", ("", "Prefix", "/", "a")))
    assert found.locations == ()
    assert found.default is not None
    assert found.default.backend == msgspec.convert(to("b"), IngressBackend)


@pytest.mark.parametrize(
    ("host", "name"),
    [("a.bar.com", "a.bar.com"), ("b.bar.com", "*.bar.com"), ("b.a.bar.com", ""), ("x", "")],
)
def test_a_host_has_the_site_of_the_most_specific_name(host: str, name: str) -> None:
    names = ("a.bar.com", "*.bar.com", "")
    table = ingress_table.build([ingress("x", *[(n, "Prefix", "/", "a") for n in names])])
    found = table.site(host)
    assert found is not None
    assert found.locations[0].host == name
