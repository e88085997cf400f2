"""The committed JSON Schema is the one the parser's table makes, and agrees with the parser."""

from __future__ import annotations

import json
import re
from pathlib import Path
from typing import Any

import pytest

from kfwd.profiles import keys, schema
from kfwd.profiles.parse import parse

COMMITTED = Path(__file__).parents[2] / "config" / "profile.schema.json"


def test_the_committed_schema_is_current() -> None:
    assert COMMITTED.read_text() == schema.text(), (
        "write it again: kfwd profile schema > config/profile.schema.json"
    )


def port_patterns() -> list[str]:
    return [p["pattern"] for p in keys.FORWARD["ports"].schema["anyOf"] if "pattern" in p]


@pytest.mark.parametrize("word", ["8080:http", "9000", ":5432", "8080:22", ":8080-tcp", "0:80"])
def test_ports_that_the_parser_takes_fit_the_schema(word: str) -> None:
    assert any(re.search(pattern, word) for pattern in port_patterns())


@pytest.mark.parametrize("word", ["http", "8080:", "a:b", "8080:Http", "1:2:3", ""])
def test_ports_that_the_parser_refuses_do_not_fit_the_schema(word: str) -> None:
    assert not any(re.search(pattern, word) for pattern in port_patterns())


def test_every_key_says_what_it_is_for() -> None:
    properties: dict[str, Any] = schema.profile_schema()["properties"]
    forward = properties["forwards"]["items"]["properties"]
    assert all(value["description"] for value in [*properties.values(), *forward.values()])


def test_defaults_in_the_schema_are_those_of_the_parser() -> None:
    text = "forwards: [{name: a, target: pod/a, ports: 80}]"
    stated = {
        name: key.schema["default"] for name, key in keys.FORWARD.items() if "default" in key.schema
    }
    stated_text = (
        f"forwards: [{json.dumps({'name': 'a', 'target': 'pod/a', 'ports': 80, **stated})}]"
    )
    assert stated
    assert parse(stated_text, "p").spec == parse(text, "p").spec
