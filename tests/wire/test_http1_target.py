from __future__ import annotations

import pytest

from kfwd.errors import HttpError
from kfwd.wire.http1 import RequestHead, indexed
from kfwd.wire.http1_target import Target, parse, without_port


def head(target: str, host: str = "localhost:1", method: str = "GET") -> RequestHead:
    lines = (("Host", host),)
    return RequestHead(lines, indexed(lines), 1, method, target)


@pytest.mark.parametrize(
    ("target", "expected"),
    [
        ("/a?b=c", Target("origin", "localhost:1", "/a", "b=c")),
        ("/a?", Target("origin", "localhost:1", "/a", "")),
        ("/", Target("origin", "localhost:1", "/")),
        ("//host/a", Target("origin", "localhost:1", "//host/a")),
        ("http://foo.bar/x?y", Target("absolute", "foo.bar", "/x", "y")),
        ("HTTPS://foo.bar", Target("absolute", "foo.bar", "/", scheme="https")),
        ("http://foo.bar?x", Target("absolute", "foo.bar", "/", "x")),
        ("*", Target("asterisk", "localhost:1")),
    ],
)
def test_the_forms_of_a_target(target: str, expected: Target) -> None:
    assert parse(head(target)) == expected


def test_connect_names_host_and_port() -> None:
    assert parse(head("[::1]:80", method="CONNECT")) == Target("authority", "[::1]:80")


@pytest.mark.parametrize(
    ("target", "host", "method"),
    [
        ("a", "h", "GET"),
        ("ftp://h/", "h", "GET"),
        ("http:///a", "h", "GET"),
        ("http://user@h/", "h", "GET"),
        ("http://h\\evil/", "h", "GET"),
        ("/a#b", "h", "GET"),
        ("http://h/a#b", "h", "GET"),
        ("/a", "user@h", "GET"),
        ("/a", "h/evil", "GET"),
        ("/a", "h evil", "GET"),
        ("/a", "h, evil", "GET"),
        ("h", "h", "CONNECT"),
        ("h:x", "h", "CONNECT"),
        (":80", "h", "CONNECT"),
        ("/a", "h", "CONNECT"),
        ("http://h:80", "h", "CONNECT"),
    ],
)
def test_what_is_no_target_is_refused(target: str, host: str, method: str) -> None:
    with pytest.raises(HttpError):
        parse(head(target, host, method))


@pytest.mark.parametrize(
    ("authority", "host"),
    [
        ("localhost", "localhost"),
        ("localhost:80", "localhost"),
        ("localhost:", "localhost"),
        ("[::1]:80", "[::1]"),
        ("[::1]", "[::1]"),
        ("::1", "::1"),
        ("a:b:c", "a:b:c"),
        ("", ""),
    ],
)
def test_a_host_without_its_port(authority: str, host: str) -> None:
    assert without_port(authority) == host


def test_a_query_goes_with_another_path() -> None:
    assert Target("origin", "h", "/a", "b").with_query("/c") == "/c?b"
    assert Target("origin", "h", "/a").with_query("/c") == "/c"
    assert Target("origin", "h:1", "/a").host == "h"
