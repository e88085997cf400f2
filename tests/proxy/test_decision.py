from __future__ import annotations

from kfwd.proxy.decision import page, reason


def test_a_page_is_a_sentence_that_no_browser_takes_for_more() -> None:
    answer = page(403, "Forbidden", ("Allow", "GET"))
    assert (answer.status, answer.body) == (403, b"Forbidden\n")
    assert dict(answer.lines) == {
        "Content-Type": "text/plain; charset=utf-8",
        "X-Content-Type-Options": "nosniff",
        "Allow": "GET",
    }


def test_a_status_has_words() -> None:
    assert reason(404) == "Not Found"
    assert reason(799) == "Unknown"
