from __future__ import annotations

import pytest

from kfwd.resolve.decision import HeaderChanges, absolute, escaped

HEAD = [("Host", "x"), ("X-A", "1"), ("x-b", "2"), ("X-A", "3")]


@pytest.mark.parametrize(
    ("changes", "after"),
    [
        (HeaderChanges(), HEAD),
        (HeaderChanges(set=(("x-a", "9"),)), [("Host", "x"), ("x-b", "2"), ("x-a", "9")]),
        (HeaderChanges(add=(("x-a", "9"),)), [*HEAD, ("x-a", "9")]),
        (HeaderChanges(remove=("X-a", "X-B", "X-C")), [("Host", "x")]),
        (HeaderChanges(set=(("n", "1"),), add=(("n", "2"),)), [*HEAD, ("n", "1"), ("n", "2")]),
        (HeaderChanges(set=(("n", "1"),), remove=("N",)), HEAD),
    ],
)
def test_headers_are_set_then_added_then_removed(
    changes: HeaderChanges, after: list[tuple[str, str]]
) -> None:
    assert changes.applied(HEAD) == after


def test_a_later_change_of_a_name_counts() -> None:
    first = HeaderChanges(set=(("a", "1"), ("b", "1")), add=(("c", "1"),), remove=("d", "e"))
    later = HeaderChanges(set=(("A", "2"), ("D", "2")), add=(("c", "2"),), remove=("B",))
    assert first.then(later) == HeaderChanges(
        set=(("A", "2"), ("D", "2")), add=(("c", "1"), ("c", "2")), remove=("e", "B")
    )


@pytest.mark.parametrize(
    ("target", "url"),
    [
        ("/a?b=c#d", "http://foo:1/a?b=c#d"),
        ("/a\r\nX: y", "http://foo:1/a%0D%0AX:%20y"),
        ("/é", "http://foo:1/%C3%A9"),
        ("/%41", "http://foo:1/%41"),
        ("//evil", "http://foo:1//evil"),
    ],
)
def test_a_location_is_an_absolute_url_without_anything_a_header_cannot_hold(
    target: str, url: str
) -> None:
    assert absolute("http", "foo:1", target) == url
    assert escaped(url) == url
