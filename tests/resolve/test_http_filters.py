from __future__ import annotations

from typing import Any

import msgspec
import pytest

from kfwd.kube.route_objects import PathModifier, RequestRedirect, RouteFilter, URLRewrite
from kfwd.resolve import http_filters
from kfwd.resolve.decision import HeaderChanges
from kfwd.resolve.facts import Unresolved
from kfwd.wire import httppath
from tests.resolve.rules import request


def prefix(value: str | None) -> PathModifier:
    return PathModifier(type="ReplacePrefixMatch", replace_prefix_match=value)


@pytest.mark.parametrize(
    ("path", "matched", "replacement", "result"),
    [
        # the specification's own table
        ("/foo/bar", "/foo", "/xyz", "/xyz/bar"),
        ("/foo/bar", "/foo", "/xyz/", "/xyz/bar"),
        ("/foo/bar", "/foo/", "/xyz", "/xyz/bar"),
        ("/foo/bar", "/foo/", "/xyz/", "/xyz/bar"),
        ("/foo", "/foo", "/xyz", "/xyz"),
        ("/foo/", "/foo", "/xyz", "/xyz/"),
        ("/foo/bar", "/foo", "", "/bar"),
        ("/foo/", "/foo", "", "/"),
        ("/foo", "/foo", "", "/"),
        ("/foo/", "/foo", "/", "/"),
        ("/foo", "/foo", "/", "/"),
        # and what it leaves open
        ("/foo/a%2Fb%20c", "/foo", "/xyz", "/xyz/a%2Fb%20c"),
        ("/foo%2Fbar", "/foo", "/xyz", "/xyz/bar"),
        ("/foo//bar", "/foo", "/xyz", "/xyz/bar"),
        ("/bar", "/", "/xyz", "/xyz/bar"),
        ("/", "/", "/xyz", "/xyz/"),
        ("/foo/bar", "/foo", None, "/bar"),
        ("/foo/bar", "/foo", "/a b", "/a%20b/bar"),
        ("/foo/bar", "/foo", "/a%20b", "/a%20b/bar"),
    ],
)
def test_a_prefix_is_replaced_by_elements(
    path: str, matched: str, replacement: str | None, result: str
) -> None:
    asked = httppath.parse(path.encode())
    assert http_filters.rewritten(asked, prefix(replacement), matched) == result


@pytest.mark.parametrize(
    ("value", "result"), [("/x", "/x"), (None, "/"), ("/é?", "/%C3%A9%3F"), ("/a/../b", "/b")]
)
def test_a_whole_path_is_replaced(value: str | None, result: str) -> None:
    modifier = PathModifier(type="ReplaceFullPath", replace_full_path=value)
    assert http_filters.rewritten(httppath.parse(b"/foo"), modifier, None) == result


@pytest.mark.parametrize(
    ("modifier", "matched", "code"),
    [
        (PathModifier(type="ReplaceFullPath", replace_full_path="x"), "/", "bad-path"),
        (PathModifier(type="ReplaceFullPath", replace_full_path="/.."), "/", "bad-path"),
        (PathModifier(type="ReplaceFullPath", replace_full_path="/a\r\nb"), "/", "bad-path"),
        (PathModifier(type="Regex"), "/", "not-supported"),
        (prefix("/x"), None, "not-supported"),
        (prefix("x"), "/foo", "bad-path"),
    ],
)
def test_what_makes_no_path_is_refused(
    modifier: PathModifier, matched: str | None, code: str
) -> None:
    with pytest.raises(Unresolved) as caught:
        http_filters.rewritten(httppath.parse(b"/foo/bar"), modifier, matched)
    assert caught.value.code == code


@pytest.mark.parametrize(
    ("what", "location"),
    [
        ({}, "302 http://foo.com:8888/p/x?q=1"),
        ({"statusCode": 307}, "307 http://foo.com:8888/p/x?q=1"),
        ({"hostname": "b.com"}, "302 http://b.com:8888/p/x?q=1"),
        ({"port": 9000}, "302 http://foo.com:9000/p/x?q=1"),
        ({"port": 80}, "302 http://foo.com:8888/p/x?q=1"),
        ({"scheme": "http", "hostname": "b.com", "port": 81}, "302 http://b.com:81/p/x?q=1"),
        ({"scheme": "https"}, "302 https://foo.com/p/x?q=1"),
        ({"scheme": "HTTPS", "port": 443}, "302 https://foo.com/p/x?q=1"),
        ({"scheme": "https", "port": 8443}, "302 https://foo.com:8443/p/x?q=1"),
        (
            {"path": {"type": "ReplacePrefixMatch", "replacePrefixMatch": "/n"}},
            "302 http://foo.com:8888/n/x?q=1",
        ),
        (
            {"path": {"type": "ReplaceFullPath", "replaceFullPath": "//evil"}},
            "302 http://foo.com:8888//evil?q=1",
        ),
    ],
)
def test_a_redirect_changes_what_it_names_and_keeps_the_rest(
    what: dict[str, Any], location: str
) -> None:
    redirect = msgspec.convert(what, RequestRedirect)
    answer, _ = http_filters.redirected(redirect, request("foo.com", "/p/x?q=1"), "/p")
    assert f"{answer.status} {answer.location}" == location


def test_a_redirect_of_a_request_without_a_port_has_none() -> None:
    redirect = RequestRedirect(hostname="b.com")
    answer, scheme = http_filters.redirected(redirect, request("foo.com", "/", port=""), "/")
    assert (answer.location, scheme) == ("http://b.com/", "http")


@pytest.mark.parametrize(
    ("what", "only"),
    [
        ({"scheme": "https"}, True),
        ({"scheme": "https", "statusCode": 301, "port": 443}, True),
        ({"scheme": "http"}, False),
        ({}, False),
        ({"scheme": "https", "hostname": "b.com"}, False),
        ({"scheme": "https", "port": 8443}, False),
        ({"scheme": "https", "path": {"type": "ReplaceFullPath"}}, False),
    ],
)
def test_a_redirect_that_changes_the_scheme_alone_is_told_apart(
    what: dict[str, Any], only: bool
) -> None:
    given = msgspec.convert({"type": "RequestRedirect", "requestRedirect": what}, RouteFilter)
    assert http_filters.read([given]).only_to_https is only


def test_filters_are_read_into_one_record() -> None:
    given = msgspec.convert(
        [
            {"type": "RequestHeaderModifier", "requestHeaderModifier": {"remove": ["a"]}},
            {
                "type": "ResponseHeaderModifier",
                "responseHeaderModifier": {"add": [{"name": "b", "value": "1"}]},
            },
            {"type": "URLRewrite", "urlRewrite": {"hostname": "h"}},
            {"type": "CORS"},
        ],
        list[RouteFilter],
    )
    filters = http_filters.read(given)
    assert filters.request == HeaderChanges(remove=("a",))
    assert filters.response == HeaderChanges(add=(("b", "1"),))
    assert filters.rewrite is not None
    assert filters.notes == ("the filter CORS is not followed",)
    assert http_filters.read(None) == http_filters.Filters()


@pytest.mark.parametrize(
    ("name", "value"),
    [
        *(("x", "1\r\nEvil: 1"), ("x", "\0"), ("x", "\u20ac"), ("a b", "1"), ("a\r\nb", "1")),
        *(("Content-Length", "5"), ("Transfer-Encoding", "chunked"), ("connection", "close")),
    ],
)
def test_no_rule_adds_lines_or_says_where_a_message_ends(name: str, value: str) -> None:
    """Kubernetes checks neither a value's characters nor which headers a filter names."""
    pair = {"name": name, "value": value}
    modifier = {"set": [pair, {"name": "fine", "value": "1"}], "add": [pair], "remove": [name]}
    given = msgspec.convert([{"responseHeaderModifier": modifier}], list[RouteFilter])
    filters = http_filters.read(given)
    assert (filters.response.set, filters.response.add) == ((("fine", "1"),), ())
    assert len(filters.notes) == 2
    assert all("cannot be set" in note for note in filters.notes)
    assert "\n" not in "".join(filters.notes)


@pytest.mark.parametrize("name", ["a b", "a\r\nEvil: 1", "\u20ac", "a/b", ""])
def test_a_host_that_is_none_is_not_sent(name: str) -> None:
    assert http_filters.rewritten_host(URLRewrite(hostname="in.bar.com")) == "in.bar.com"
    with pytest.raises(Unresolved, match="rewrites the host"):
        http_filters.rewritten_host(URLRewrite(hostname=name))
