from __future__ import annotations

import msgspec
import pytest

from kfwd.kube.route_objects import Ingress
from kfwd.resolve import ingress as rules
from kfwd.resolve import ingress_table
from kfwd.resolve.decision import Broken, Decision, Forward, NoRule, Redirect, Services
from tests.resolve.rules import SERVICES, brief, ingress, request

BAR = "foo.bar.com"


def decided(
    host: str, target: str, *objects: Ingress, services: Services = SERVICES, port: str = ":8888"
) -> Decision:
    return rules.decide(ingress_table.build(objects), request(host, target, port=port), services)


def path(kind: str, text: str, service: str = "a", host: str = BAR) -> tuple[str, str, str, str]:
    return (host, kind, text, service)


PATHS = [
    # Kubernetes' own table of path types
    ("Prefix", "/", "/any/path?q=1", "a:80 /any/path?q=1"),
    ("Exact", "/foo", "/foo", "a:80 /foo"),
    ("Exact", "/foo", "/bar", "none"),
    ("Exact", "/foo", "/foo/", "none"),
    ("Exact", "/foo/", "/foo", "none"),
    ("Exact", "/foo", "/FOO", "none"),
    ("Prefix", "/foo", "/foo", "a:80 /foo"),
    ("Prefix", "/foo", "/foo/", "a:80 /foo/"),
    ("Prefix", "/foo/", "/foo", "a:80 /foo"),
    ("Prefix", "/foo/", "/foo/", "a:80 /foo/"),
    ("Prefix", "/aaa/bb", "/aaa/bbb", "none"),
    ("Prefix", "/aaa/bbb", "/aaa/bbb", "a:80 /aaa/bbb"),
    ("Prefix", "/aaa/bbb/", "/aaa/bbb", "a:80 /aaa/bbb"),
    ("Prefix", "/aaa/bbb", "/aaa/bbb/ccc", "a:80 /aaa/bbb/ccc"),
    ("Prefix", "/aaa/bbb", "/aaa/bbbxyz", "none"),
    ("Prefix", "/foo", "/Foo", "none"),
    # ingress-nginx: a prefix of the text; no type and an unknown one mean the same
    ("ImplementationSpecific", "/foo", "/foobar", "a:80 /foobar"),
    ("ImplementationSpecific", "/foo", "/fo", "none"),
    ("", "/foo", "/foobar", "a:80 /foobar"),
    ("Regex", "/foo", "/foobar", "a:80 /foobar"),
    ("ImplementationSpecific", "", "/x", "a:80 /x"),
    ("ImplementationSpecific", "/fo.", "/foo", "none"),
    # What is decided on is the normal form, what is sent keeps its encoding
    ("Prefix", "/foo", "/f%6fo/a%2Fb", "a:80 /foo/a%2Fb"),
    ("Prefix", "/foo", "/x/../foo/y", "a:80 /foo/y"),
    ("Prefix", "/foo", "/foo/../admin", "none"),
    ("Exact", "/a b", "/a%20b", "a:80 /a%20b"),
    ("Prefix", "/foo", "//foo//bar", "a:80 //foo//bar"),
]


@pytest.mark.parametrize(("kind", "text", "target", "expected"), PATHS)
def test_a_path_is_matched_by_its_type(kind: str, text: str, target: str, expected: str) -> None:
    assert brief(decided(BAR, target, ingress("x", path(kind, text)))) == expected


MANY = ingress(
    "x",
    path("Prefix", "/", "d"),
    path("Prefix", "/foo", "a"),
    path("Exact", "/foo/bar", "b"),
    path("Prefix", "/foo/bar", "c"),
    path("ImplementationSpecific", "/foo/ba", "rest"),
)


@pytest.mark.parametrize(
    ("target", "service"),
    [
        ("/foo/bar", "b"),
        ("/foo/bar/", "c"),
        ("/foo/bar/x", "c"),
        ("/foo/bag", "rest"),
        ("/foo/b", "a"),
        ("/foo", "a"),
        ("/", "d"),
        ("/foobar", "d"),
    ],
)
def test_the_most_specific_path_wins_in_whatever_order_it_stands(target: str, service: str) -> None:
    backwards = msgspec.structs.replace(
        MANY, spec=msgspec.structs.replace(MANY.spec, rules=(MANY.spec.rules or ())[::-1])
    )
    for written in (MANY, backwards):
        assert brief(decided(BAR, target, written)) == f"{service}:80 {target}"


HOSTS = ingress(
    "x",
    path("Prefix", "/", "a", host="foo.bar.com"),
    path("Prefix", "/", "b", host="*.bar.com"),
    path("Prefix", "/", "c", host=""),
    path("Prefix", "/only", "d", host="one.bar.com"),
    path("Prefix", "/", "rest", host="Big.Bar.Com"),
)


@pytest.mark.parametrize(
    ("host", "target", "expected"),
    [
        ("foo.bar.com", "/", "a:80 /"),
        ("x.bar.com", "/", "b:80 /"),
        ("big.bar.com", "/", "rest:80 /"),
        ("x.y.bar.com", "/", "c:80 /"),
        ("bar.com", "/", "c:80 /"),
        ("elsewhere.org", "/", "c:80 /"),
        ("localhost", "/", "c:80 /"),
        ("one.bar.com", "/only/x", "d:80 /only/x"),
        ("one.bar.com", "/other", "none"),
    ],
)
def test_the_most_specific_host_decides_alone(host: str, target: str, expected: str) -> None:
    assert brief(decided(host, target, HOSTS)) == expected


def test_a_host_that_no_rule_names_has_no_rule() -> None:
    found = decided("other.org", "/", ingress("x", path("Prefix", "/")))
    assert found == NoRule("no Ingress has a rule for the host other.org")


@pytest.mark.parametrize(
    ("host", "target", "expected"),
    [
        (BAR, "/foo", "a:80 /foo"),
        (BAR, "/nothing", "b:80 /nothing"),
        ("two.bar.com", "/nothing", "rest:80 /nothing"),
        ("unknown.org", "/", "rest:80 /"),
    ],
)
def test_what_no_path_is_for_goes_to_the_default_backend_of_the_host_or_of_all(
    host: str, target: str, expected: str
) -> None:
    own = ingress("own", path("Prefix", "/foo", "a"), default="b")
    without = ingress("without", path("Prefix", "/foo", "a", host="two.bar.com"))
    everything = ingress("all", default="rest")
    assert brief(decided(host, target, own, without, everything)) == expected


def test_objects_of_one_host_are_merged_and_the_oldest_wins_a_tie() -> None:
    young = ingress("a", path("Prefix", "/x", "b"), path("Prefix", "/young", "c"), made=9)
    old = ingress("z", path("Prefix", "/x", "a"), path("Exact", "/x", "d"), made=1)
    for order in ((young, old), (old, young)):
        assert brief(decided(BAR, "/x/1", *order)) == "a:80 /x/1"
        assert brief(decided(BAR, "/x", *order)) == "d:80 /x"
        assert brief(decided(BAR, "/young", *order)) == "c:80 /young"


def test_objects_of_one_age_go_by_their_names() -> None:
    one, two = ingress("one", path("Prefix", "/", "a")), ingress("two", path("Prefix", "/", "b"))
    assert brief(decided(BAR, "/", two, one)) == "a:80 /"


def test_a_canary_never_decides() -> None:
    canary = ingress("c", path("Prefix", "/", "b"), canary="true", made=0)
    assert brief(decided(BAR, "/", canary, ingress("x", path("Prefix", "/"), made=5))) == "a:80 /"
    assert brief(decided(BAR, "/", canary)) == "none"


FANOUT = ingress(
    "simple-fanout-example",
    path("ImplementationSpecific", "/foo", "service1:4200"),
    path("ImplementationSpecific", "/bar", "service2:8080"),
    rewrite_target="/",
)


@pytest.mark.parametrize(
    ("target", "expected"),
    [
        ("/foo", "service1:4200 /"),
        ("/foo/", "service1:4200 /"),
        ("/foo/x", "service1:4200 /"),
        ("/foo/x?q=1", "service1:4200 /?q=1"),
        ("/FOO", "service1:4200 /"),
        ("/foobar", "service1:4200 /"),
        ("/bar", "service2:8080 /"),
        ("/bar/x/y", "service2:8080 /"),
        ("/", "none"),
        ("/x/foo", "none"),
    ],
)
def test_the_fan_out_of_the_document_works_as_nginx_really_does(target: str, expected: str) -> None:
    assert brief(decided(BAR, target, FANOUT)) == expected


REWRITES = [
    ("/something(/|$)(.*)", "/$2", "/something", "a:80 /"),
    ("/something(/|$)(.*)", "/$2", "/something/", "a:80 /"),
    ("/something(/|$)(.*)", "/$2", "/something/new", "a:80 /new"),
    ("/something(/|$)(.*)", "/$2", "/something/a/b?q=1", "a:80 /a/b?q=1"),
    ("/something(/|$)(.*)", "/$2", "/somethingelse", "none"),
    ("/api/(.*)", "/v1/$1", "/api/users/1", "a:80 /v1/users/1"),
    ("/(a|b)/(.*)", "/$2/$1", "/b/c", "a:80 /c/b"),
    ("/(x)?/?y", "/[$1]", "/y", "a:80 /%5B%5D"),
    ("/foo/(.*)", "/$1$9", "/foo/x", "a:80 /x"),
    ("/foo/(.*)", "$1", "/foo/x", "a:80 /x"),
    ("/foo(.*)", "$1", "/foo/x", "a:80 /x"),
    ("/foo/(.*)", "/$1", "/foo/a%20b%3Fc%25", "a:80 /a%20b%3Fc%25"),
    ("/foo/(.*)", "/$1", "/foo/é", "a:80 /%C3%A9"),
    ("/foo/(.*)", "/x?old=$1", "/foo/a&b", "a:80 /x?old=a%26b"),
    ("/foo/(.*)", "/x?old=$1", "/foo/a?q=2", "a:80 /x?old=a&q=2"),
    ("/foo/(.*)", "/x?", "/foo/a?q=2", "a:80 /x"),
    ("/foo/(.*)", "/x?k=1?", "/foo/a?q=2", "a:80 /x?k=1"),
    ("/foo/(.*)", "/x?a b\r\nX: \u20ac", "/foo/a", "a:80 /x?a%20b%0D%0AX:%20%E2%82%AC"),
    ("/foo/(.*)", "https://else.org/$1", "/foo/a b?q=1", "302 https://else.org/a%20b?q=1"),
    ("/foo/(.*)", "$scheme://else.org/$1", "/foo/a", "302 http://else.org/a"),
    ("/foo/(.*)", "/$host/$1", "/foo/a", "broken not-supported"),
    ("/foo/(.*)", "/${1}", "/foo/a", "broken not-supported"),
    (r"/(\.x)(.*)", "/.$1$2", "/.x/y", "a:80 /..x/y"),
    (r"/([.])x(.*)", "/.$1$2", "/.x/y", "broken bad-path"),
    ("/foo", "/foo", "/foo/x", "a:80 /foo/x"),
    ("/", "/", "/foo/x", "a:80 /foo/x"),
]


@pytest.mark.parametrize(("text", "target", "asked", "expected"), REWRITES)
def test_a_path_is_rewritten_with_what_it_captured(
    text: str, target: str, asked: str, expected: str
) -> None:
    written = ingress("x", path("ImplementationSpecific", text), rewrite_target=target)
    assert brief(decided(BAR, asked, written)) == expected


REGEX = ingress(
    "x",
    path("ImplementationSpecific", "/foo/.*", "a"),
    path("ImplementationSpecific", "/foo/bar/bar", "b"),
    path("ImplementationSpecific", "/foo/bar/[A-Z0-9]{3}", "c"),
    path("Exact", "/exact", "d"),
    use_regex="true",
)


@pytest.mark.parametrize(
    ("target", "expected"),
    [
        ("/foo/x", "a:80 /foo/x"),
        ("/FOO/x", "a:80 /FOO/x"),
        ("/foo/bar/bar", "c:80 /foo/bar/bar"),
        ("/foo/bar/bag1", "c:80 /foo/bar/bag1"),
        ("/foo/bar/--", "a:80 /foo/bar/--"),
        ("/exact", "d:80 /exact"),
        ("/exact/and/more", "d:80 /exact/and/more"),
        ("/x/foo/", "none"),
    ],
)
def test_patterns_are_tried_from_the_longest_on_and_the_first_that_fits_wins(
    target: str, expected: str
) -> None:
    assert brief(decided(BAR, target, REGEX)) == expected


def test_one_rewrite_turns_all_paths_of_the_host_into_patterns_and_a_note_says_so() -> None:
    plain = ingress("plain", path("Prefix", "/api", "b"))
    rewriting = ingress("r", path("ImplementationSpecific", "/w/(.*)"), rewrite_target="/$1")
    other_host = ingress("o", path("Prefix", "/api", "c", host="two.bar.com"))
    objects = (plain, rewriting, other_host)
    assert brief(decided(BAR, "/api/x", *objects)) == "b:80 /api/x"
    found = decided(BAR, "/APIs", *objects)
    assert isinstance(found, Forward)
    assert brief(found) == "b:80 /APIs"
    assert found.notes == (
        "the Prefix path /api is matched as the regular expression ^/api, "
        "as ingress-nginx does for a host with rewrites",
    )
    assert brief(decided("two.bar.com", "/APIs", *objects)) == "none"


def test_an_exact_path_keeps_its_own_pattern_beside_a_prefix_of_the_same_text() -> None:
    both = ingress("x", path("Exact", "/x", "a"), path("Prefix", "/x", "b"))
    rewriting = ingress("r", path("ImplementationSpecific", "/w/(.*)"), rewrite_target="/$1")
    assert brief(decided(BAR, "/x", both, rewriting)) == "a:80 /x"
    assert brief(decided(BAR, "/x/y", both, rewriting)) == "b:80 /x/y"


@pytest.mark.parametrize(
    ("bad", "reason"),
    [
        ("/foo[", "uses what is not supported"),
        ("/(a+)+$", "repeats a group that has choices"),
        ("/" + "a" * 1100, "is longer than"),
    ],
)
def test_a_bad_pattern_is_left_out_and_told(bad: str, reason: str) -> None:
    written = ingress("x", path("", bad, "a"), path("", "/ok", "b"), use_regex="true")
    fine = decided(BAR, "/ok", written)
    assert isinstance(fine, Forward)
    assert reason in fine.notes[0]
    broken = decided(BAR, "/aaaa", written)
    assert isinstance(broken, Broken)
    assert (broken.code, broken.status, broken.rule) == ("bad-pattern", 503, "ingress shop/x")
    assert reason in broken.reason


def test_a_path_too_long_for_a_pattern_is_refused_not_tried() -> None:
    written = ingress("x", path("", "/(.*)a(.*)a(.*)b"), use_regex="true")
    found = decided(BAR, "/" + "a" * 4000, written)
    assert isinstance(found, Broken)
    assert (found.code, found.status) == ("path-too-long", 414)


@pytest.mark.parametrize(
    ("target", "expected"),
    [
        ("/", f"302 http://{BAR}:8888/home?x=1%0D%0A"),
        ("/other", "a:80 /other"),
    ],
)
def test_the_root_is_redirected_to_the_app_root(target: str, expected: str) -> None:
    written = ingress("x", path("Prefix", "/"), app_root="/home?x=1\r\n")
    assert brief(decided(BAR, target, written)) == expected


def test_an_app_root_that_is_no_path_is_ignored() -> None:
    written = ingress("x", path("Prefix", "/"), app_root="home")
    assert brief(decided(BAR, "/", written)) == "a:80 /"


@pytest.mark.parametrize(
    ("service", "code", "status", "reason"),
    [
        ("gone", "not-found", 503, "there is no svc/gone in namespace shop"),
        ("out", "external-name", 403, "is an alias of db.example.com"),
        ("service1", "no-such-port", 503, "svc/service1 has no port 80"),
        ("a:nope", "no-such-port", 503, "svc/a has no port 'nope'"),
    ],
)
def test_a_backend_that_is_not_there_is_told(
    service: str, code: str, status: int, reason: str
) -> None:
    found = decided(BAR, "/", ingress("x", path("Prefix", "/", service)))
    assert isinstance(found, Broken)
    assert (found.code, found.status, found.rule) == (code, status, "ingress shop/x")
    assert found.reason.startswith("ingress shop/x leads nowhere: ")
    assert reason in found.reason


def test_a_near_miss_of_a_service_name_is_a_hint() -> None:
    found = decided(BAR, "/", ingress("x", path("Prefix", "/", "service3")))
    assert isinstance(found, Broken)
    assert found.hint == "did you mean svc/service2 or svc/service1?"


def test_services_that_cannot_be_read_are_taken_to_be_there() -> None:
    found = decided(BAR, "/", ingress("x", path("Prefix", "/", "gone")), services=None)
    assert brief(found) == "gone:80 /"


@pytest.mark.parametrize(
    ("backend", "code"),
    [
        ({"resource": {"kind": "StorageBucket", "name": "b"}}, "not-supported"),
        ({}, "not-supported"),
        ({"service": {"name": "a"}}, "no-such-port"),
    ],
)
def test_a_backend_that_is_no_service_with_a_port_is_told(
    backend: dict[str, object], code: str
) -> None:
    one = {"path": "/", "pathType": "Prefix", "backend": backend}
    spec = {"rules": [{"host": BAR, "http": {"paths": [one]}}]}
    written = msgspec.convert(
        {"metadata": {"name": "x", "namespace": "shop"}, "spec": spec}, Ingress
    )
    assert brief(decided(BAR, "/", written)) == f"broken {code}"


def test_a_named_port_stays_a_name() -> None:
    assert brief(decided(BAR, "/", ingress("x", path("Prefix", "/", "a:http")))) == "a:http /"


def test_a_forward_names_its_rule_and_namespace() -> None:
    found = decided(BAR, "/", ingress("x", path("Prefix", "/"), namespace="infra"))
    assert isinstance(found, Forward)
    assert (found.rule, found.namespace, found.host) == ("ingress infra/x", "infra", None)


def test_a_redirect_to_https_is_ignored_with_a_note() -> None:
    written = ingress("x", path("Prefix", "/"), ssl_redirect="true", app_root="/home")
    for target in ("/", "/x"):
        found = decided(BAR, target, written)
        assert isinstance(found, Forward | Redirect)
        assert found.notes == ("ssl-redirect is ignored: kfwd serves plain HTTP",)
