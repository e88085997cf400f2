"""Errors: each class has a code and an exit code people can rely on."""

from __future__ import annotations

import re

from kfwd import errors
from kfwd.errors import ExitCode, KfwdError


def kinds() -> list[type[KfwdError]]:
    return [
        value
        for value in vars(errors).values()
        if isinstance(value, type) and issubclass(value, KfwdError)
    ]


def test_every_code_is_kebab_case() -> None:
    assert [kind.code for kind in kinds() if not re.fullmatch(r"[a-z]+(-[a-z]+)*", kind.code)] == []


def test_exit_codes_are_those_of_the_reference() -> None:
    assert {kind.__name__: kind.exit_code for kind in kinds() if kind.exit_code > 1} == {
        "UsageError": ExitCode.USAGE,
        "DaemonUnreachable": ExitCode.NO_DAEMON,
        "NotFound": ExitCode.NOT_FOUND,
        "UnknownContext": ExitCode.NOT_FOUND,
        "ProfileInvalid": ExitCode.PROFILE_INVALID,
        "NotReady": ExitCode.NOT_READY,
        "LoginNeeded": ExitCode.NOT_ALLOWED,
        "Forbidden": ExitCode.NOT_ALLOWED,
    }


def test_one_error_may_carry_a_closer_code() -> None:
    error = KfwdError("it broke", hint="mend it", code="broken")
    assert (str(error), error.hint, error.code, KfwdError.code) == (
        "it broke",
        "mend it",
        "broken",
        "failed",
    )
