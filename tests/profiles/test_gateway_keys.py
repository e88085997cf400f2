"""The gateway of a profile."""

from __future__ import annotations

import pytest

from kfwd.model import GatewaySpec
from kfwd.profiles.parse import parse


def faults(text: str) -> list[str]:
    return [f"{f.line}:{f.column}: {f.message}" for f in parse(text, "dev").faults]


@pytest.mark.parametrize(
    ("text", "spec"),
    [
        ("gateway: {}", GatewaySpec()),
        ("gateway: {listen: 127.0.0.1:9000}", GatewaySpec(port=9000)),
        ("gateway: {listen: '[::1]:0'}", GatewaySpec(address=("::1",), port=0)),
        ("gateway: {listen: localhost:1}", GatewaySpec(address=("localhost",), port=1)),
        (
            "gateway: {allow-users: [1000, bob], requests: true}",
            GatewaySpec(allow_users=("1000", "bob"), requests=True),
        ),
    ],
)
def test_a_gateway_is_an_entry_called_gateway(text: str, spec: GatewaySpec) -> None:
    profile = parse(text, "dev").spec
    assert profile is not None
    assert profile.entries == (spec,)
    assert profile.entries[0].name == "gateway"


def test_no_gateway_is_no_entry() -> None:
    profile = parse("gateway:\n", "dev").spec
    assert profile is not None
    assert profile.entries == ()


@pytest.mark.parametrize(
    ("text", "fault"),
    [
        ("gateway: [a]", "1:10: expected a mapping with listen"),
        ("gateway:\n  name: x\n", '2:3: unknown key "name"'),
        ("gateway:\n  listen: nowhere\n", "2:11: "),
        (
            "proxies: [{name: gateway}]\ngateway: {listen: 1}",
            '2:10: duplicate name "gateway" (first in line 1)',
        ),
        (
            "proxies: [{name: a, listen: 8888}]\ngateway: {}",
            '2:10: 127.0.0.1:8888 is taken by "a" in line 1',
        ),
    ],
)
def test_faults_say_where_and_what(text: str, fault: str) -> None:
    assert [line[: len(fault)] for line in faults(text)] == [fault]
