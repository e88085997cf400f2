from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from kfwd.proxy.unwrap import Removal, Unwrap
from kfwd.wire.http1 import ResponseHead, indexed
from tests.wire.pieces import cuts, pieces

LONG = "/api/v1/namespaces/a/services/web:http/proxy"
UNWRAP = Unwrap(LONG)


def answer(*lines: tuple[str, str]) -> ResponseHead:
    return ResponseHead(lines, indexed(lines), 1, 200, "OK")


@pytest.mark.parametrize(
    ("name", "value", "expected"),
    [
        ("Location", f"{LONG}/html", "/html"),
        ("Location", f"{LONG}/", "/"),
        ("Location", LONG, "/"),
        ("Location", f"{LONG}?a=b", "/?a=b"),
        ("Location", f"{LONG}x/html", f"{LONG}x/html"),
        ("Location", "html", "html"),
        ("Location", f"https://x{LONG}/html", f"https://x{LONG}/html"),
        ("Content-Location", f"{LONG}/a", "/a"),
        ("Set-Cookie", f"a=b; Path={LONG}/; HttpOnly", "a=b; Path=/; HttpOnly"),
        ("Set-Cookie", f"a=b; path={LONG}", "a=b; path=/"),
        ("Set-Cookie", f"a=b;Path={LONG}/x", "a=b;Path=/x"),
        ("Set-Cookie", f"a={LONG}/; Path=/", f"a={LONG}/; Path=/"),
        ("Set-Cookie", f"a=b; Path={LONG}s", f"a=b; Path={LONG}s"),
        ("X-Other", f"{LONG}/a", f"{LONG}/a"),
    ],
)
def test_headers(name: str, value: str, expected: str) -> None:
    head = answer((name, value))
    assert UNWRAP(head, head.lines) == (((name, expected),), None)


@pytest.mark.parametrize(
    ("lines", "changed"),
    [
        ((("Content-Type", "text/html"),), True),
        ((("Content-Type", "Text/HTML; charset=utf-8"),), True),
        ((("Content-Type", "text/html"), ("Content-Encoding", "gzip")), False),
        ((("Content-Type", "application/json"),), False),
        ((), False),
    ],
)
def test_only_html_that_can_be_read_is_changed(
    lines: tuple[tuple[str, str], ...], changed: bool
) -> None:
    head = answer(*lines)
    assert (UNWRAP(head, head.lines)[1] is not None) is changed


PARTS = st.sampled_from([LONG, f"{LONG}/", f"{LONG}/a", LONG[:20], "/", "<a href='", "x", "/api"])


@given(st.lists(PARTS, max_size=12), cuts())
def test_the_long_path_goes_however_the_text_is_cut(parts: list[str], sizes: list[int]) -> None:
    text = "".join(parts).encode()
    removal = Removal(LONG.encode())
    out = b"".join(removal.feed(piece) for piece in pieces(text, sizes)) + removal.end()
    assert out == text.replace(LONG.encode() + b"/", b"/")


def test_little_is_kept_of_what_passes() -> None:
    removal = Removal(LONG.encode())
    assert len(removal.feed(memoryview(b"x" * 100_000))) == 100_000
    assert removal.feed(memoryview(LONG.encode())) == b""
    assert removal.end() == LONG.encode()
