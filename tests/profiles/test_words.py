"""Names, ports, addresses and durations as people write them."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest

from kfwd.model import PortSpec
from kfwd.profiles import words


@pytest.mark.parametrize(
    ("word", "local", "remote"),
    [
        ("8080:http", 8080, "http"),
        ("8080:22", 8080, "22"),
        ("9000", 9000, "9000"),
        (9000, 9000, "9000"),
        (":5432", 0, "5432"),
        ("0:80", 0, "80"),
        ("65535:65535", 65535, "65535"),
        (":a-very-long-service-port-name", 0, "a-very-long-service-port-name"),
        ("1:8080-tcp", 1, "8080-tcp"),
    ],
)
def test_ports_are_read(word: Any, local: int, remote: str) -> None:
    assert words.port(word) == PortSpec(local=local, remote=remote)


@pytest.mark.parametrize(
    ("word", "message"),
    [
        ("65536:80", 'bad local port in "65536:80": expected a number from 0 to 65535'),
        ("-1:80", "bad local port"),
        ("http:80", "bad local port"),
        ("٣:80", "bad local port"),
        ("8080:0", 'bad remote port in "8080:0": expected a number from 1 to 65535 or the name'),
        ("8080:65536", "bad remote port"),
        ("8080:", "bad remote port"),
        ("8080:Http", "bad remote port"),
        ("8080:-http", "bad remote port"),
        ("8080:" + "x" * 64, "bad remote port"),
        ("1:2:3", 'port "1:2:3" has more than one colon'),
        ("0", "bad remote port"),
        ("", "bad local port"),
        ("http", 'port "http" says no local port: write "8080:http", or ":http" for a free one'),
        (True, 'expected a port such as "8080:http", got true'),
        ({"8080": None}, 'expected a port such as "8080:http", got a mapping'),
        (8080.5, "expected a port"),
    ],
)
def test_bad_ports_are_named(word: Any, message: str) -> None:
    with pytest.raises(ValueError, match="^" + message.replace("(", r"\(")):
        words.port(word)


@pytest.mark.parametrize(
    ("word", "seconds"),
    [("30s", 30.0), ("1m", 60.0), ("500ms", 0.5), ("1m30s", 90.0), ("0s", 0.0), ("1.5s", 1.5)],
)
def test_durations_are_read(word: str, seconds: float) -> None:
    assert words.duration(word) == pytest.approx(seconds)


@pytest.mark.parametrize(
    ("word", "message"),
    [
        (30, 'duration 30 needs a unit, such as "30s"'),
        ("30", 'bad duration "30"'),
        ("-1s", 'bad duration "-1s"'),
        ("1d", 'bad duration "1d"'),
        ("2h", 'duration "2h" is longer than 1h'),
        ("", "expected text, got nothing"),
        (None, "expected text, got nothing"),
    ],
)
def test_bad_durations_are_named(word: Any, message: str) -> None:
    with pytest.raises(ValueError, match="^" + message):
        words.duration(word)


@pytest.mark.parametrize(
    ("word", "address"),
    [
        ("localhost", "localhost"),
        ("127.0.0.1", "127.0.0.1"),
        ("::1", "::1"),
        ("0:0::1", "::1"),
        ("unix:/run/db.sock", "unix:/run/db.sock"),
    ],
)
def test_addresses_are_read(word: str, address: str) -> None:
    assert words.address(word) == address


@pytest.mark.parametrize(
    "word", ["[::1]", "127.0.0.256", "example.com", "unix:run", "unix:/", "unix:/" + "x" * 107, ""]
)
def test_bad_addresses_are_faults(word: str) -> None:
    with pytest.raises(ValueError, match=r"^(bad address|expected text)"):
        words.address(word)


@pytest.mark.parametrize("word", ["web", "0", "db-1.eu"])
def test_names_are_read(word: str) -> None:
    assert words.name(word) == word


@pytest.mark.parametrize("word", ["Web", "-web", ".web", "a/b", "", "a b", 1, "ä", "web\n"])
def test_bad_names_are_faults(word: Any) -> None:
    with pytest.raises(ValueError, match=r"^(bad name|expected text)"):
        words.name(word)


def test_a_name_that_is_too_long_is_not_repeated_whole() -> None:
    assert words.name("a" * 253)
    with pytest.raises(ValueError, match=r'^bad name "a{20}\.\.\.": it is longer than 253 char'):
        words.name("a" * 254)


def test_paths_become_absolute(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    monkeypatch.setenv("HOME", str(tmp_path))
    assert words.path("~/.kube/dev") == f"{tmp_path}/.kube/dev"
    with pytest.raises(ValueError, match="must be an absolute path"):
        words.path("dev")


def test_a_choice_guesses_what_was_meant() -> None:
    with pytest.raises(ValueError, match=r'got "frist" \(did you mean "first"\?\)$'):
        words.one_of("first", "sticky")("frist")


def test_a_name_that_is_taken_gets_a_number() -> None:
    assert words.free_name("web", ["db"]) == "web"
    assert words.free_name("web", ["web", "web-2", "web-4"]) == "web-3"
