from __future__ import annotations

import pytest

from kfwd.resolve import hosts


@pytest.mark.parametrize(
    ("authority", "name", "port"),
    [
        ("foo.bar.com", "foo.bar.com", ""),
        ("Foo.Bar.COM:8080", "foo.bar.com", "8080"),
        ("foo.bar.com.:80", "foo.bar.com", "80"),
        ("[::1]:8080", "::1", "8080"),
        ("[FE80::A]", "fe80::a", ""),
        ("127.0.0.1", "127.0.0.1", ""),
        ("", "", ""),
    ],
)
def test_an_authority_is_a_name_and_a_port(authority: str, name: str, port: str) -> None:
    assert (hosts.name_of(authority), hosts.port_of(authority)) == (name, port)


@pytest.mark.parametrize(
    ("pattern", "host", "ingress", "gateway"),
    [
        ("foo.bar.com", "foo.bar.com", True, True),
        ("FOO.bar.com", "foo.bar.com", True, True),
        ("foo.bar.com", "x.bar.com", False, False),
        ("*.bar.com", "foo.bar.com", True, True),
        ("*.Bar.com", "foo.bar.com", True, True),
        ("*.bar.com", "a.b.bar.com", False, True),
        ("*.bar.com", "bar.com", False, False),
        ("*.bar.com", ".bar.com", False, False),
        ("*.bar.com", "foobar.com", False, False),
        ("*.com", "bar.com", True, True),
    ],
)
def test_a_wildcard_is_one_label_of_an_ingress_and_one_or_more_of_a_route(
    pattern: str, host: str, ingress: bool, gateway: bool
) -> None:
    assert hosts.fits_ingress(pattern, host) is ingress
    assert hosts.fits_gateway(pattern, host) is gateway


def test_an_empty_pattern_of_a_route_is_any_host() -> None:
    assert hosts.fits_gateway("", "foo.bar.com")


@pytest.mark.parametrize(
    ("one", "other", "both"),
    [
        ("", "", ""),
        ("", "foo.bar.com", "foo.bar.com"),
        ("", "*.bar.com", "*.bar.com"),
        ("foo.bar.com", "Foo.bar.com", "foo.bar.com"),
        ("foo.bar.com", "x.bar.com", None),
        ("*.bar.com", "foo.bar.com", "foo.bar.com"),
        ("*.bar.com", "a.b.bar.com", "a.b.bar.com"),
        ("*.bar.com", "bar.com", None),
        ("*.bar.com", "*.b.bar.com", "*.b.bar.com"),
        ("*.bar.com", "*.bar.com", "*.bar.com"),
        ("*.bar.com", "*.baz.com", None),
        ("*.bar.com", "*.foobar.com", None),
    ],
)
def test_listeners_and_routes_share_the_narrower_of_two_patterns(
    one: str, other: str, both: str | None
) -> None:
    assert hosts.intersection(one, other) == both
    assert hosts.intersection(other, one) == both


def test_whole_names_come_before_wildcards_and_longer_before_shorter() -> None:
    ordered = ["foo.bar.com", "a.com", "*.foo.bar.com", "*.bar.com", ""]
    assert sorted(sorted(ordered), key=hosts.specificity) == ordered
