"""Profiles in, specs or all faults out."""

from __future__ import annotations

import time

import pytest
from hypothesis import given
from hypothesis import strategies as st

from kfwd.model import ForwardSpec, PortSpec, ProfileSpec
from kfwd.profiles.parse import parse

FULL = """\
version: 1
enabled: false
context: dev
kubeconfig: /home/me/.kube/dev
namespace: shop
forwards:
  - name: web
    target: svc/web
    ports: ["8080:http", 9000, ":5432"]
    address: [127.0.0.1, "::1"]
    spread: first
    hold: 1m
    via: tunnel
    namespace: other
  - {name: db, target: sts/db, ports: 8022:22, address: "unix:/run/db"}
"""


def lines(text: str, name: str = "dev") -> list[str]:
    return [str(fault) for fault in parse(text, name).faults]


def forward(extra: str = "", *, name: str = "web", ports: str = "[8080:80]") -> str:
    return f"- {{name: {name}, target: svc/web, ports: {ports}{extra}}}\n"


def test_every_key_is_read() -> None:
    assert parse(FULL, "dev").spec == ProfileSpec(
        name="dev",
        enabled=False,
        context="dev",
        kubeconfig=("/home/me/.kube/dev",),
        namespace="shop",
        entries=(
            ForwardSpec(
                name="web",
                target="svc/web",
                ports=(
                    PortSpec(local=8080, remote="http"),
                    PortSpec(local=9000, remote="9000"),
                    PortSpec(local=0, remote="5432"),
                ),
                namespace="other",
                address=("127.0.0.1", "::1"),
                hold_s=60.0,
                via="tunnel",
            ),
            ForwardSpec(
                name="db",
                target="sts/db",
                ports=(PortSpec(local=8022, remote="22"),),
                address=("unix:/run/db",),
            ),
        ),
    )


def test_what_is_not_said_has_its_default() -> None:
    spec = parse("forwards:\n" + forward(), "dev").spec
    assert spec is not None
    assert (spec.enabled, spec.context, spec.kubeconfig) == (True, None, None)
    assert spec.entries[0].address == ("localhost",)
    assert spec.entries[0].hold_s == 30.0


def test_a_port_below_60_behind_a_colon_is_no_number_in_base_60() -> None:
    spec = parse("forwards:\n" + forward(ports="[8080:22, 22:22]"), "dev").spec
    assert spec is not None
    assert [str(port) for port in spec.entries[0].ports] == ["8080:22", "22:22"]


@pytest.mark.parametrize(
    ("text", "faults"),
    [
        ("", ["1:1: the profile is empty"]),
        ("# nothing\n", ["1:1: the profile is empty"]),
        ("[]", ["1:1: a profile is a mapping of keys such as forwards"]),
        ("forwards: [", ["2:1: did not find expected node content"]),
        ("version: 2", ["1:10: this kfwd reads profiles of version 1, not 2"]),
        ("version: 1\n---\nversion: 1", ["3:1: a profile is a single document"]),
        ("enabled: yes", ['1:10: expected true or false, got "yes"']),
        ("contxt: a", ['1:1: unknown key "contxt" (did you mean "context"?)']),
        ("zzz: a", ['1:1: unknown key "zzz"']),
        ("context: 12", ["1:10: expected text, got 12"]),
        ("namespace: Shop", ['1:12: bad namespace "Shop"']),
        ("gateway: here", ["1:10: expected a mapping with listen"]),
        ("gateway: {host: x}", ['1:11: unknown key "host"']),
        ("forwards: {a: 1}", ["1:11: expected a list of forwards"]),
        ("forwards: [web]", ["1:12: expected a forward: a mapping with name, target and ports"]),
        (
            "forwards:\n- target: svc/web\n",
            ['2:3: missing key "name"', '2:3: missing key "ports"'],
        ),
        ("forwards:\n" + forward(ports="[]"), ["2:39: expected at least one"]),
        (
            "forwards:\n" + forward(", adress: lo"),
            ['2:50: unknown key "adress" (did you mean "address"?)'],
        ),
        (
            "forwards:\n" + forward(", hold: 30"),
            ['2:56: duration 30 needs a unit, such as "30s"'],
        ),
        (
            "forwards:\n" + forward(", spread: rand"),
            ['2:58: expected first, round-robin, least-connections, sticky; got "rand"'],
        ),
        (
            "forwards:\n" + forward(", spread: sticky, via: api"),
            ['2:71: expected auto, tunnel, direct; got "api"'],
        ),
        (
            "forwards:\n" + forward() + forward(ports="[81]"),
            ['3:10: duplicate name "web" (first in line 2)'],
        ),
        (
            "forwards:\n" + forward() + forward(name="b"),
            ['3:38: 127.0.0.1:8080 is taken by "web" in line 2'],
        ),
        (
            "forwards:\n" + forward(", address: unix:/x", ports="[1, 2]"),
            ["2:39: a unix address takes exactly one port"],
        ),
        ("context: a\ncontext: b", ['2:1: duplicate key "context" (first in line 1)']),
    ],
)
def test_faults_say_where_and_what(text: str, faults: list[str]) -> None:
    assert lines(text) == faults
    assert parse(text, "dev").spec is None


def test_an_unknown_kind_of_target_is_a_fault_at_the_target() -> None:
    (fault,) = lines("forwards:\n- {name: a, target: srv/web, ports: 80}\n")
    assert fault.startswith("2:21: unknown kind 'srv' in target 'srv/web' (did you mean svc/web?")


def test_five_hundred_faults_are_reported_at_once_and_in_order() -> None:
    text = "forwards:\n" + "".join(
        f"- {{name: e{n}, target: svc/web, ports: [{70000 + n}:80]}}\n" for n in range(500)
    )
    start = time.thread_time()
    faults = parse(text, "dev").faults
    assert [fault.line for fault in faults] == list(range(2, 502))
    assert time.thread_time() - start < 2.0


def test_duplicate_keys_and_other_faults_come_together() -> None:
    text = "forwards:\n- name: a\n  name: b\n  target: svc/web\n  ports: [x:1]\n  foo: 1\n"
    assert lines(text) == [
        '3:3: duplicate key "name" (first in line 2)',
        '5:11: bad local port in "x:1": expected a number from 0 to 65535',
        '6:3: unknown key "foo"',
    ]


WORDS = st.sampled_from(
    [
        *("forwards", "name", "target", "ports", "svc/web", "8080:22", "null", "1e999", "~"),
        *("[", "]", "{", "}", ":", "- ", "\n", "\n  ", ", ", "&a ", "*a", "<<", "!x "),
        *('"', "'", "#", "|\n"),
    ]
)


@given(st.one_of(st.text(), st.lists(WORDS, max_size=40).map("".join)))
def test_any_text_is_a_profile_or_has_faults(text: str) -> None:
    parsed = parse(text, "dev")
    assert (parsed.spec is None) == bool(parsed.faults)
    assert all(fault.line >= 1 and fault.column >= 1 for fault in parsed.faults)
