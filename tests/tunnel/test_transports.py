"""What is tried, what is remembered, and when something better is tried again."""

from __future__ import annotations

from datetime import UTC, datetime

import pytest

from kfwd.errors import UpgradeFailed
from kfwd.tunnel import transports
from kfwd.tunnel.transports import DAY, HOUR, MINUTE, TRANSPORTS, Known

NOW = datetime(2026, 1, 1, tzinfo=UTC)
LATER = NOW + HOUR


def refused(status: int, text: str = "no") -> UpgradeFailed:
    return UpgradeFailed(text, status=status)


def test_the_first_that_works_is_the_best_and_has_no_reason() -> None:
    known = transports.learned(TRANSPORTS, None, "spdy", {}, NOW)
    assert known == Known(transport="spdy", since=NOW)
    assert transports.problem(known) is None
    assert not transports.due(TRANSPORTS, known, NOW + 10 * DAY)


def test_what_works_is_tried_first_and_the_rest_in_order() -> None:
    assert transports.order(TRANSPORTS, None) == list(TRANSPORTS)
    known = Known(transport="channels", since=NOW)
    assert transports.order(TRANSPORTS, known) == ["channels", "spdy", "websocket"]


def test_refusals_are_the_reason_and_are_asked_again_after_a_day() -> None:
    refusals = {"spdy": refused(403, "Forbidden\n by  proxy"), "websocket": refused(400)}
    known = transports.learned(TRANSPORTS, None, "channels", refusals, NOW)
    assert known.reason == "spdy: 403 Forbidden by proxy; websocket: 400 no"
    assert not transports.due(TRANSPORTS, known, NOW + DAY - HOUR)
    assert transports.due(TRANSPORTS, known, NOW + DAY)
    problem = transports.problem(known)
    assert problem is not None
    assert (problem.code, problem.severity, problem.since) == ("transport-refused", "info", NOW)
    assert known.reason in problem.text


@pytest.mark.parametrize("status", [0, 500, 502, 503])
def test_what_may_be_the_moments_is_asked_again_after_an_hour(status: int) -> None:
    known = transports.learned(TRANSPORTS, None, "websocket", {"spdy": refused(status)}, NOW)
    assert known.again == NOW + HOUR


def test_what_worked_until_the_moment_is_asked_again_after_a_minute() -> None:
    before = Known(transport="spdy", since=NOW)
    dialling = {"spdy": refused(500, "error dialing backend: connection refused")}
    known = transports.learned(TRANSPORTS, before, "websocket", dialling, LATER)
    assert (known.transport, known.again) == ("websocket", LATER + MINUTE)
    firm = transports.learned(TRANSPORTS, before, "websocket", {"spdy": refused(403)}, LATER)
    assert firm.again == LATER + DAY


def test_what_works_on_is_no_news_and_a_new_refusal_keeps_the_time() -> None:
    known = transports.learned(TRANSPORTS, None, "websocket", {"spdy": refused(403)}, NOW)
    assert transports.learned(TRANSPORTS, known, "websocket", {}, LATER) is known
    again = transports.learned(TRANSPORTS, known, "websocket", {"spdy": refused(405)}, LATER)
    assert (again.since, again.again, again.reason) == (NOW, LATER + DAY, "spdy: 405 no")


def test_a_worse_one_that_is_refused_is_no_reason() -> None:
    known = Known(transport="channels", since=NOW, reason="spdy: 403 no")
    better = transports.learned(TRANSPORTS, known, "spdy", {"channels": refused(400)}, LATER)
    assert better == Known(transport="spdy", since=LATER)


def test_while_a_better_one_is_tried_nobody_else_tries() -> None:
    known = Known(transport="websocket", since=NOW, again=NOW)
    assert transports.due(TRANSPORTS, known, NOW)
    assert not transports.due(TRANSPORTS, transports.put_off(known, NOW), NOW)


def test_what_is_not_allowed_any_more_is_forgotten() -> None:
    known = Known(transport="websocket", since=NOW, again=NOW, reason="spdy: 403 no")
    assert transports.still(TRANSPORTS, known) is known
    assert transports.still(("spdy",), known) is None
    assert transports.still(TRANSPORTS, None) is None
    assert transports.still(("websocket", "spdy"), known) == Known(transport="websocket", since=NOW)


@pytest.mark.parametrize(
    ("text", "allowed"),
    [
        ("", TRANSPORTS),
        ("websocket", ("websocket",)),
        (" channels , spdy,channels", ("channels", "spdy")),
        ("prod=websocket", TRANSPORTS),
        ("dev=websocket", ("websocket",)),
        ("spdy; dev=channels ;", ("channels",)),
        ("dev=channels;spdy", ("spdy",)),
        ("a=b=websocket", TRANSPORTS),
    ],
)
def test_the_variable_names_transports_for_all_contexts_or_one(
    text: str, allowed: tuple[str, ...]
) -> None:
    assert transports.read(text, "dev") == allowed


@pytest.mark.parametrize("text", ["pigeon", "dev=", "spdy,http2", "prod=pigeon"])
def test_a_variable_that_names_anything_else_is_refused(text: str) -> None:
    with pytest.raises(ValueError, match="there are spdy, websocket, channels"):
        transports.read(text, "dev")
