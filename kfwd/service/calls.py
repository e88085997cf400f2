"""Calls of a service manager's own command, and what their failures mean."""

from __future__ import annotations

import subprocess
from collections.abc import Mapping, Sequence

from kfwd.errors import KfwdError

TIMEOUT_S = 90.0
"""More than the units allow a start to take."""

WITHOUT = "`kfwd daemon start` runs the daemon without one"


class NoManager(KfwdError):
    """No service manager runs here for this user."""

    code = "no-service-manager"


def call(command: Sequence[str], env: Mapping[str, str]) -> subprocess.CompletedProcess[str]:
    """Run a command, whatever it answers. Raises `NoManager` if there is none, or `KfwdError`."""
    try:
        return subprocess.run(
            command,
            stdin=subprocess.DEVNULL,
            capture_output=True,
            text=True,
            errors="replace",
            env=dict(env),
            timeout=TIMEOUT_S,
            check=False,
        )
    except FileNotFoundError:
        raise NoManager(f"there is no {command[0]} on this machine", hint=WITHOUT) from None
    except OSError as error:
        raise failed(command, f"{error.strerror}", WITHOUT) from error
    except subprocess.TimeoutExpired as error:
        raise failed(command, f"no answer within {TIMEOUT_S:g} s", "try again") from error


def failed(command: Sequence[str], why: str, hint: str) -> KfwdError:
    """The error of a call that did not do what it was to do."""
    return KfwdError(f"`{' '.join(command)}` failed: {why}", hint=hint, code="service-failed")


def last_line(text: str) -> str:
    """What a command said last."""
    lines = [line.strip() for line in text.splitlines() if line.strip()]
    return lines[-1] if lines else "it says nothing"
