from __future__ import annotations

import time

import pytest

from kfwd.resolve import regex
from kfwd.resolve.regex import BadPattern, TooLong, compile_pattern


@pytest.mark.parametrize(
    ("source", "text", "groups"),
    [
        ("/foo", "/foobar", ()),
        ("/foo", "/fo", None),
        ("/foo", "/a/foo", None),
        ("/something(/|$)(.*)", "/something/new/x", ("/", "new/x")),
        ("/something(/|$)(.*)", "/something", ("", "")),
        ("/something(/|$)(.*)", "/somethingelse", None),
        ("/v[0-9]+/([^/]+)/(.*)", "/v12/users/a/b", ("users", "a/b")),
        ("/(en|de)?(/.*)?$", "/de/x", ("de", "/x")),
        (r"/.*\.(?:png|jpg)$", "/a/b.png", ()),
        (r"/.*\.(?:png|jpg)$", "/a/b.pngx", None),
        ("/((?!api).*)", "/web", ("web",)),
        ("/((?!api).*)", "/api/x", None),
        ("/(?P<name>[a-z]{2,3})/x", "/abc/x", ("abc",)),
        ("/{id}/]x}1", "/{id}/]x}1", ()),
        (r"/\d\w\.\-\/", "/1a.-/", ()),
        ("/[]x]+", "/]x", ()),
        ("/(ab){2}c*?", "/ababcc", ("ab",)),
        ("a|/b", "/b", ()),
    ],
)
def test_patterns_match_from_the_start(
    source: str, text: str, groups: tuple[str, ...] | None
) -> None:
    found = compile_pattern(source).match(text)
    assert (found and found.groups("")) == groups


def test_case_counts_unless_told() -> None:
    assert not compile_pattern("/FOO").match("/foo")
    assert compile_pattern("/FOO", ignore_case=True).match("/foo")


def test_a_full_match_leaves_nothing_over() -> None:
    pattern = compile_pattern("/v[12]|/x")
    assert pattern.fullmatch("/v1")
    assert pattern.fullmatch("/x")
    assert not pattern.fullmatch("/v12")


def test_arabic_digits_are_no_digits() -> None:
    assert not compile_pattern(r"/\d").match("/٣")


@pytest.mark.parametrize(
    ("source", "reason"),
    [
        ("/(a+)+$", "choices in it"),
        ("/(a*)*", "choices in it"),
        ("/(a|aa)*x", "choices in it"),
        ("/(a?){30}a{30}", "choices in it"),
        ("/((a|b)c)+", "choices in it"),
        ("/(.*,){11}x", "choices in it"),
        ("/" + "a?" * 30 + "a" * 30, "leaves too much open"),
        ("/.*.*.*.*x", "leaves too much open"),
        ("/" + "(a|a)" * 30, "leaves too much open"),
        (r"/(.)\1", "not supported"),
        (r"/\p{L}", "not supported"),
        ("/(?>a)", "not supported"),
        ("/(?i)a", "not supported"),
        ("/(?<n>a)", "not supported"),
        ("/(?#x)", "not supported"),
        ("/a{,3}", "not supported"),
        ("/[", "not supported"),
        ("/a\\", "not supported"),
        ("/[[:alpha:]]", "set within a set"),
        ("/[a--b]", "set within a set"),
        ("/a**", "repeats nothing"),
        ("/a++", "repeats nothing"),
        ("*", "repeats nothing"),
        ("/(+)", "repeats nothing"),
        ("/(a", "not closed"),
        ("/a)", "not open"),
        ("/[z-a]", "no regular expression"),
        (r"/[\q]", "no regular expression"),
        ("/a{5,2}", "no regular expression"),
        ("/a{99999999999}", "no regular expression"),
        ("/" + "a" * regex.MAX_PATTERN, "longer than"),
        ("(" * 500 + ")" * 500, "nests more than"),
    ],
)
def test_what_may_not_end_soon_or_means_nothing_is_refused(source: str, reason: str) -> None:
    with pytest.raises(BadPattern, match=reason):
        compile_pattern(source)


@pytest.mark.parametrize(
    ("source", "limit"),
    [
        ("/foo", 8192),
        ("/api/([^/]+)/(.*)", 8192),
        ("/v[0-9]+x", 8192),
        ("/(.*)/(.*)", 5656),
        ("/(.*)/(.*)/(.*)", 317),
        ("/(ab)*x", 5656),
        ("/[a-z]+[a-z]/", 5656),
        ("/([a-z]+)?/", 4000),
        ("/([a-z]+)/", 8192),
        ("/[a-z]+$", 8192),
    ],
)
def test_the_longest_text_follows_from_what_is_open(source: str, limit: int) -> None:
    pattern = compile_pattern(source)
    assert pattern.limit == limit
    pattern.match("/" * limit)
    with pytest.raises(TooLong, match=f"tried on {limit} at most"):
        pattern.match("/" * (limit + 1))
    with pytest.raises(TooLong):
        pattern.fullmatch("/" * (limit + 1))


@pytest.mark.parametrize(
    "source",
    [
        "/.*.*x",
        "/.*.*.*x",
        "/.*.*.*$b",
        "/[a-z]+[a-z]+[a-z]+[0-9]",
        "/(?:aa)*(?:aa)*(?:aa)*b",
        "/.*(?=.*.*b)",
        "/(.*)/(.*)/(.*)",
        "/" + "a?" * 12 + "a" * 12 + "b",
        "/" + "(a|a)" * 12 + "b",
    ],
)
def test_the_costliest_pattern_that_is_accepted_ends_soon(source: str) -> None:
    pattern = compile_pattern(source, ignore_case=True)
    for unit in ("a", "/", "/a", "aa/"):
        text = ("/" + unit * pattern.limit)[: pattern.limit]
        for hostile in (text, text[:-1] + "!"):
            began = time.process_time()
            pattern.match(hostile)
            pattern.fullmatch(hostile)
            assert time.process_time() - began < 0.5
