"""What changes in proxied requests and answers."""

from __future__ import annotations

import gzip
import zlib

import pytest

from kfwd.sim import proxy_rewrite as rewriting

PREFIX = "/api/v1/namespaces/demo/services/web:80/proxy"
BACK_END = "127.1.0.1:8080"


def rewrite(url: str, host: str = "localhost:8001") -> str:
    return rewriting.rewrite_url(url, PREFIX, BACK_END, host)


@pytest.mark.parametrize(
    ("url", "expected"),
    [
        ("/x", f"{PREFIX}/x"),
        ("/x/", f"{PREFIX}/x/"),
        ("/", f"{PREFIX}/"),
        ("/x?a=b#c", f"{PREFIX}/x?a=b#c"),
        (f"http://{BACK_END}/x", f"{PREFIX}/x"),
        ("http://localhost:8001/x", f"http://localhost:8001{PREFIX}/x"),
        (f"{PREFIX}/x", f"{PREFIX}/x"),
        ("x/y", "x/y"),
        ("?a=b", "?a=b"),
        ("#top", "#top"),
        ("http://elsewhere/x", "http://elsewhere/x"),
        ("//elsewhere/x", "//elsewhere/x"),
        ("mailto:a@b", "mailto:a@b"),
        ("http://[broken/x", "http://[broken/x"),
        ("/a/../b", f"{PREFIX}/b"),
    ],
)
def test_urls_of_the_same_host_get_the_prefix_and_no_others(url: str, expected: str) -> None:
    assert rewrite(url) == expected


def test_known_attributes_of_known_tags_are_rewritten() -> None:
    page = (
        '<!doctype html><a href="/a">x</a><img src=/b alt="/c"><form action="/d"><p cite="/e">'
        '<script src="/f">if (a < b && "<a href=/g>") {}</script><br/><!-- <a href="/h"> -->&amp;'
    )
    assert rewriting.rewrite_html(page, rewrite) == (
        f'<!doctype html><a href="{PREFIX}/a">x</a><img src="{PREFIX}/b" alt="/c">'
        f'<form action="{PREFIX}/d"><p cite="/e">'
        f'<script src="{PREFIX}/f">if (a < b && "<a href=/g>") {{}}</script><br/>'
        '<!-- <a href="/h"> -->&amp;'
    )


def test_attributes_stay_escaped() -> None:
    page = '<a href="/a?x=1&amp;y=&lt;2" title="&quot;t&quot;">'
    assert rewriting.rewrite_html(page, rewrite) == (
        f'<a href="{PREFIX}/a?x=1&amp;y=&lt;2" title="&quot;t&quot;">'
    )


def test_a_page_in_any_character_set_keeps_its_bytes() -> None:
    page = '<a href="/a">grün ✓</a>'.encode()
    found = rewriting.rewrite_body(page, "", rewrite)
    assert found.decode() == f'<a href="{PREFIX}/a">grün ✓</a>'


def test_compressed_pages_are_rewritten_and_unknown_encodings_pass() -> None:
    page = b'<a href="/a">'
    expected = f'<a href="{PREFIX}/a">'.encode()
    packed = rewriting.rewrite_body(gzip.compress(page), "gzip", rewrite)
    assert gzip.decompress(packed) == expected
    packer = zlib.compressobj(wbits=-15)
    deflated = packer.compress(page) + packer.flush()
    assert zlib.decompress(rewriting.rewrite_body(deflated, "deflate", rewrite), -15) == expected
    assert rewriting.rewrite_body(page, "br", rewrite) == page
    with pytest.raises(ValueError, match="incorrect header"):
        rewriting.rewrite_body(page, "gzip", rewrite)


def test_credentials_do_not_reach_the_back_end() -> None:
    headers = [
        ("authorization", "Bearer x"),
        ("X-Remote-User", "root"),
        ("x-remote-extra-a", "b"),
        ("Impersonate-User", "ann"),
        ("Cookie", "a=b"),
        ("origin", "http://x"),
        ("Sec-WebSocket-Protocol", "base64url.bearer.authorization.k8s.io.eHg, chat"),
    ]
    assert rewriting.without_credentials(headers, impersonated=True) == [
        ("Cookie", "a=b"),
        ("Origin", "http://x"),
        ("Sec-Websocket-Protocol", "chat"),
    ]
    kept = rewriting.without_credentials(headers, impersonated=False)
    assert ("Impersonate-User", "ann") in kept


def test_hop_by_hop_headers_end_here_and_so_do_those_that_connection_names() -> None:
    headers = [
        ("Connection", "keep-alive, X-Own"),
        ("Keep-Alive", "5"),
        ("X-Own", "1"),
        ("X-Other", "2"),
        ("TE", "trailers, deflate"),
        ("Transfer-Encoding", "chunked"),
        ("Upgrade", "h2c"),
    ]
    assert rewriting.without_hops(headers) == [("X-Other", "2"), ("Te", "trailers")]


def test_the_client_is_appended_to_those_forwarded_for() -> None:
    headers = [("X-Forwarded-For", "10.0.0.1"), ("A", "b"), ("x-forwarded-for", "10.0.0.2")]
    assert rewriting.with_forwarded_for(headers, "127.0.0.1") == [
        ("A", "b"),
        ("X-Forwarded-For", "10.0.0.1, 10.0.0.2, 127.0.0.1"),
    ]


def test_the_forwarded_uri_is_the_whole_path() -> None:
    assert rewriting.forwarded_uri(PREFIX, "/a b") == f"{PREFIX}/a%20b"
    assert rewriting.forwarded_uri(PREFIX, "/") == f"{PREFIX}/"


def test_answers_allow_no_other_origins() -> None:
    headers = [
        ("Access-Control-Allow-Origin", "*"),
        ("access-control-allow-headers", "*"),
        ("Access-Control-Max-Age", "5"),
        ("Connection", "close"),
    ]
    assert rewriting.answer_headers(headers) == [("Access-Control-Max-Age", "5")]
