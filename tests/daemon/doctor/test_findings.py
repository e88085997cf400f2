"""Each cause once, and the exit code of the first that is broken."""

from __future__ import annotations

from typing import Any

import pytest

from kfwd.api_doctor import HopWalked
from kfwd.daemon.doctor.findings import diagnosis, unknown
from kfwd.errors import ConfigError


def step(about: str, hop: Any, state: Any = "broken", **fields: Any) -> HopWalked:
    return HopWalked(about=about, hop=hop, state=state, **{"text": f"{hop} fails", **fields})


def test_all_well() -> None:
    found = diagnosis([step("dev", "dns", "skipped"), step("dev", "tcp", "ok")])
    assert (found.well, found.exit_code, found.findings) == (True, 0, ())


def test_the_same_cause_is_told_once_with_all_it_hits() -> None:
    walked = [step("dev/a", "transport"), step("dev/b", "transport"), step("dev/b", "local-port")]
    found = diagnosis(walked, {"dev/a": ["dev/c"], "dev/z": ["dev/y"]})
    assert [(each.about, each.hop, each.also) for each in found.findings] == [
        ("dev/a", "transport", ("dev/c", "dev/b")),
        ("dev/b", "local-port", ()),
    ]


def test_what_is_broken_comes_before_what_is_odd_and_only_that_is_a_failure() -> None:
    odd, bad = step("dev", "cuts", "warning"), step("dev/a", "port")
    assert [each.severity for each in diagnosis([odd, bad]).findings] == ["error", "warning"]
    assert diagnosis([odd, bad]).exit_code == 1
    assert (diagnosis([odd]).well, diagnosis([odd]).exit_code) == (False, 0)


@pytest.mark.parametrize(
    ("hop", "code", "exit_code"),
    [
        ("login", "login-needed", 7),
        ("rbac", "portforward-forbidden", 7),
        ("pod", "forbidden", 7),
        ("kubeconfig", "unknown-context", 4),
        ("pod", "no-endpoints", 1),
        ("tls", "tls-failed", 1),
    ],
)
def test_what_is_not_there_and_what_is_not_allowed_have_exit_codes_of_their_own(
    hop: str, code: str, exit_code: int
) -> None:
    assert diagnosis([step("dev", hop, code=code)]).exit_code == exit_code


def test_a_context_that_is_not_known_is_a_diagnosis_too() -> None:
    walked, found = unknown(None, ConfigError("no such file", hint="make one"))
    assert (walked.about, walked.hop, walked.state) == ("current context", "kubeconfig", "broken")
    assert (found.exit_code, found.findings[0].hint) == (1, "make one")
