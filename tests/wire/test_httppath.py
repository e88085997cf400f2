from __future__ import annotations

import time
from urllib.parse import unquote

import pytest
from hypothesis import given
from hypothesis import strategies as st

from kfwd.errors import ProtocolError
from kfwd.wire import httppath
from kfwd.wire.httppath import HttpPath, from_decoded, parse


@pytest.mark.parametrize(
    ("raw", "sent", "decoded"),
    [
        (b"/", "/", "/"),
        (b"/a/b", "/a/b", "/a/b"),
        (b"/a/b/", "/a/b/", "/a/b/"),
        (b"/%61%2Db", "/a-b", "/a-b"),
        (b"/a%2fb", "/a%2Fb", "/a/b"),
        (b"/@scope%2Fname", "/@scope%2Fname", "/@scope/name"),
        (b"/job/feature%252Fone", "/job/feature%252Fone", "/job/feature%2Fone"),
        (b"/a/./b", "/a/b", "/a/b"),
        (b"/a/../b", "/b", "/b"),
        (b"/a/b/..", "/a/", "/a/"),
        (b"/a/.", "/a/", "/a/"),
        (b"/a/%2e%2E/b", "/b", "/b"),
        (b"/a/.%2e", "/", "/"),
        (b"/...", "/...", "/..."),
        (b"/.well-known/x", "/.well-known/x", "/.well-known/x"),
        (b"/a.b/..c/d..", "/a.b/..c/d..", "/a.b/..c/d.."),
        (b"/a//b", "/a//b", "/a/b"),
        (b"//host/a", "//host/a", "/host/a"),
        (b"/proxy/http://x/y", "/proxy/http://x/y", "/proxy/http:/x/y"),
        (b"/a;v=1/b", "/a;v=1/b", "/a;v=1/b"),
        (b"/a%20b+c", "/a%20b+c", "/a b+c"),
        (b"/%3Fq%23f", "/%3Fq%23f", "/?q#f"),
        (b"/100%25", "/100%25", "/100%"),
        ("/é".encode(), "/%C3%A9", "/é"),
        (b"/%c3%a9", "/%C3%A9", "/é"),
        (b'/"<>^`{|}', "/%22%3C%3E%5E%60%7B%7C%7D", '/"<>^`{|}'),
        (b"/a%5Cb", "/a%5Cb", "/a\\b"),
    ],
)
def test_a_path_has_one_normal_form(raw: bytes, sent: str, decoded: str) -> None:
    assert parse(raw) == HttpPath(sent, decoded)


HOSTILE = {
    "above the root": [
        b"/..",
        b"/../",
        b"/../etc/passwd",
        b"/a/../../b",
        b"/%2e%2e/a",
        b"/a/%2E./..",
    ],
    "disguise": [
        b"/a/..%2fb",
        b"/a/..%2Fb",
        b"/a/%2e%2e%2fb",
        b"/a%2f..%2fb",
        b"/a%2f../b",
        b"/a/..%5cb",
        b"/a%5c..%5cb",
        b"/a/%2e%2e%5cb",
        b"/a/%252e%252e/b",
        b"/a/%252e%252e%252fb",
        b"/a/..%252fb",
        b"/a/..%255cb",
        b"/a/%25252e%25252e/b",
        b"/a/..;/b",
        b"/a/..;x=1/b",
        b"/a/%2e%2e;/b",
        b"/a/..%3b/b",
        b"/a/.;/b",
        b"/a/%2f./b",
        b"/a%2f.",
        b"/..%2f",
        b"/..%5c",
        b"/a/..%2f..%2f..%2fetc",
        b"/a%252f..%252fb",
    ],
    "percent-encoded more": [b"/%2525252561", b"/a/%252525252e"],
    "control character": [
        b"/a%00",
        b"/a%00.png",
        b"/a%0d%0aSet-Cookie:x",
        b"/a%0ab",
        b"/%7f",
        b"/a%2500",
        b"/a%250d",
        b"/%1b[0m",
    ],
    "which no path may": [
        b"/a b",
        b"/% 2e",
        b"/a\tb",
        b"/a\r\nX: y",
        b"/a\x00b",
        b"/a\x7f",
        b"/a\\..\\b",
        b"/a\\b",
        b"/a?b",
        b"/a#b",
    ],
    "percent sign": [b"/%", b"/%2", b"/%zz", b"/%u002e%u002e/", b"/a%2/..", b"/%%32e"],
    "not UTF-8": [
        b"/%c0%ae%c0%ae/",
        b"/%c0%af",
        b"/a/..%c0%afb",
        b"/%e0%80%ae/",
        b"/%f0%80%80%ae/",
        b"/%ff",
        b"/\xff",
        b"/\xc0\xae\xc0\xae/",
        b"/%ed%a0%80",
    ],
    "start with a slash": [b"", b"*", b"a", b"..", b"http://evil/", b"evil:80", b"%2fa", b"?a"],
}


@pytest.mark.parametrize(
    ("reason", "raw"), [(reason, raw) for reason, paths in HOSTILE.items() for raw in paths]
)
def test_what_has_no_normal_form_is_refused(reason: str, raw: bytes) -> None:
    with pytest.raises(ProtocolError, match=reason) as caught:
        parse(raw)
    assert caught.value.code == "bad-path"


def test_a_path_is_bounded() -> None:
    assert parse(b"/" + b"a" * (httppath.MAX_PATH - 1))
    with pytest.raises(ProtocolError) as caught:
        parse(b"/" + b"a" * httppath.MAX_PATH)
    assert caught.value.code == "path-too-long"


@pytest.mark.parametrize("unit", [b"/", b"%2F", b"%25", b"/.", b"a/../", b"%2e", b".", b";", b"%"])
def test_the_longest_path_takes_no_time(unit: bytes) -> None:
    raw = (b"/" + unit * httppath.MAX_PATH)[: httppath.MAX_PATH]
    began = time.thread_time()
    for ending in (b"", b"\xff"):
        try:
            parse(raw[: -len(ending) or None] + ending)
        except ProtocolError:
            continue
    assert time.thread_time() - began < 0.5


@given(
    st.lists(st.sampled_from(["/", ".", "..", "%2e", "%2F", "%5C", "%25", "2e", "2F", "a", ";"]))
)
def test_what_is_accepted_climbs_under_no_reading(pieces: list[str]) -> None:
    try:
        path = parse(("/" + "".join(pieces)).encode())
    except ProtocolError:
        return
    assert parse(path.sent.encode()) == path
    reading, last = path.sent, ""
    while reading != last:
        elements = {e.split(";")[0] for e in reading.replace("\\", "/").split("/")}
        assert not elements & {".", ".."}
        reading, last = unquote(reading), reading


@pytest.mark.parametrize(
    ("path", "prefix", "inside"),
    [
        (b"/foo", "/foo", True),
        (b"/foo/", "/foo", True),
        (b"/foo/bar", "/foo", True),
        (b"/foo/bar", "/foo/", True),
        (b"/foo", "/foo/", True),
        (b"/foobar", "/foo", False),
        (b"/Foo", "/foo", False),
        (b"/", "/", True),
        (b"/x", "/", True),
        (b"/foo%2Fbar", "/foo", True),
        (b"/f%6fo/bar", "/foo", True),
        (b"//foo/bar", "/foo", True),
        (b"/fo", "/foo", False),
    ],
)
def test_prefixes_are_compared_element_by_element(path: bytes, prefix: str, inside: bool) -> None:
    assert parse(path).under(prefix) is inside


@pytest.mark.parametrize(
    ("path", "prefix", "rest"),
    [
        (b"/foo", "/foo", ""),
        (b"/foo/", "/foo", "/"),
        (b"/foo/bar", "/foo", "/bar"),
        (b"/foo/bar", "/foo/", "/bar"),
        (b"/foo/b%2Fr", "/foo", "/b%2Fr"),
        (b"/foo%2Fbar/x", "/foo", "/bar/x"),
        (b"/foo//bar//x", "/foo", "/bar//x"),
        (b"//foo/bar", "/foo", "/bar"),
        (b"/a/b/c%20d", "/a/b", "/c%20d"),
        (b"/a", "/", "/a"),
        (b"/", "/", "/"),
    ],
)
def test_what_follows_a_prefix_keeps_its_encoding(path: bytes, prefix: str, rest: str) -> None:
    assert parse(path).rest(prefix) == rest


@pytest.mark.parametrize(
    ("text", "sent"),
    [("/a b", "/a%20b"), ("/100%", "/100%25"), ("/é?#", "/%C3%A9%3F%23"), ("/a/../b", "/b")],
)
def test_decoded_text_is_encoded_again(text: str, sent: str) -> None:
    assert from_decoded(text).sent == sent


@pytest.mark.parametrize("text", ["/..", "a", "/a\nb", "/a\\..\\b"])
def test_decoded_text_is_refused_as_paths_are(text: str) -> None:
    with pytest.raises(ProtocolError):
        from_decoded(text)
