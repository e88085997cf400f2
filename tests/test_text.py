"""Facts as text."""

from __future__ import annotations

import json
from datetime import UTC, datetime, timedelta

import pytest

from kfwd import text as text_of

NOW = datetime(2026, 1, 1, 12, tzinfo=UTC)


def test_control_characters_do_not_reach_a_terminal() -> None:
    assert text_of.clean("a\x1b[31mb\n") == "a [31mb "
    assert text_of.clean("a\x9b31m\x7f\u202eb\u2028\u2066c") == "a 31m  b  c"
    assert text_of.clean("\u5317 caf\u00e9 \U0001f469\u200d\U0001f680") == (
        "\u5317 caf\u00e9 \U0001f469\u200d\U0001f680"
    )


def test_json_stays_the_same_without_them() -> None:
    told = {"a": "\x1b[2J\x9b\x7f\u202e\n", "b": ["\u5317"]}
    shown = text_of.escaped(json.dumps(told, indent=1, ensure_ascii=False))
    assert json.loads(shown) == told
    assert text_of.clean(shown) == shown.replace("\n", " ")
    assert "\n" in shown


@pytest.mark.parametrize(
    ("count", "text"),
    [
        (0, "0 B"),
        (812, "812 B"),
        (1024, "1.0 KiB"),
        (13 << 20, "13 MiB"),
        (5 << 40, "5.0 TiB"),
        (5000 << 40, "5000 TiB"),
    ],
)
def test_sizes(count: int, text: str) -> None:
    assert text_of.size(count) == text


@pytest.mark.parametrize(
    ("seconds", "text"),
    [(-5, "0s"), (59, "59s"), (750, "12m"), (11520, "3h12m"), (370800, "4d7h")],
)
def test_ages(seconds: int, text: str) -> None:
    assert text_of.age(NOW - timedelta(seconds=seconds), NOW) == text


@pytest.mark.parametrize(
    ("addresses", "text"),
    [
        ((), "-"),
        (("127.0.0.1:80", "[::1]:80"), "localhost:80"),
        (("127.0.0.1:80", "[::1]:81"), "127.0.0.1:80,[::1]:81"),
        (("0.0.0.0:80", "unix:/x"), "0.0.0.0:80,unix:/x"),
    ],
)
def test_both_families_of_localhost_are_one(addresses: tuple[str, ...], text: str) -> None:
    assert text_of.listening(addresses) == text


def test_many_names_are_counted() -> None:
    assert text_of.few([]) == ""
    assert text_of.few(["a", "b"]) == "a, b"
    assert text_of.few(["a", "b", "c", "d", "e"], 2) == "a, b and 3 more"


def test_a_stamp_has_the_date_unless_it_is_todays() -> None:
    now = datetime(2026, 1, 2, 12, tzinfo=UTC)
    assert text_of.stamp(now, now) == text_of.clock(now)
    day_before = now - timedelta(days=1)
    assert text_of.stamp(day_before, now) == day_before.astimezone().strftime("%Y-%m-%d %H:%M:%S")


def test_a_share_is_all_only_if_it_is() -> None:
    shown = [text_of.share(part) for part in (None, 0.0, 0.75, 0.999999, 1.0)]
    assert shown == ["-", "0.00 %", "75.00 %", "99.99 %", "100 %"]
