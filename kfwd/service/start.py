"""Start a daemon in the background and wait until it answers."""

from __future__ import annotations

import os
import subprocess
import sys
import time
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path

from kfwd.errors import KfwdError

TIMEOUT_S = 10.0
PAUSE_S = 0.02
TAIL_BYTES = 4096
COMMAND = (sys.executable, "-m", "kfwd", "daemon", "run")
_FOLDERS = ("KFWD_CONFIG_DIR", "KFWD_STATE_DIR", "KFWD_RUNTIME_DIR", "KFWD_LOG_DIR")


def start(
    errors: Path,
    answers: Callable[[], bool],
    *,
    env: Mapping[str, str],
    command: Sequence[str] = COMMAND,
    timeout_s: float = TIMEOUT_S,
) -> None:
    """Start a daemon in a session of its own; return once `answers()` is true.

    What it writes to its standard error goes to the file `errors`; the last line of that is in the
    `KfwdError` raised when it ends before it answers, or does not answer within `timeout_s`.
    """
    process = spawn(errors, command, env)
    deadline = time.monotonic() + timeout_s
    while not answers():
        if process.poll() is not None and not answers():
            why, hint = last_words(errors)
            raise _failed(why or f"it ended with {process.returncode}", hint or f"see {errors}")
        if time.monotonic() > deadline:
            process.terminate()
            process.wait()
            raise _failed(f"it does not answer after {timeout_s:g} s", f"see {errors}")
        time.sleep(PAUSE_S)
    # It outlives this process: nobody is to wait for it, and nobody to be warned about that.
    process.returncode = 0


def spawn(
    errors: Path, command: Sequence[str], env: Mapping[str, str], descriptors: Sequence[int] = ()
) -> subprocess.Popen[bytes]:
    """A process in a session of its own, that gets `descriptors`. Raises `KfwdError`."""
    try:
        errors.parent.mkdir(mode=0o700, parents=True, exist_ok=True)
        file = errors.open("ab")  # a daemon that is being replaced still writes to it
        file.truncate(0)
    except OSError as error:
        reason = f"{error.filename} cannot be written: {error.strerror}"
        raise _failed(reason, "set KFWD_LOG_DIR to a folder of your own") from error
    with file:
        try:
            return _spawn(command, file.fileno(), env, descriptors)
        except OSError as error:
            raise _failed(f"{error.strerror}: {error.filename}", "install kfwd anew") from error


def _spawn(
    command: Sequence[str], errors: int, env: Mapping[str, str], descriptors: Sequence[int]
) -> subprocess.Popen[bytes]:
    """Away from this terminal and folder; folders named by the environment stay the same."""
    absolute = {name: str(Path(env[name]).absolute()) for name in _FOLDERS if env.get(name)}
    return subprocess.Popen(
        command,
        stdin=subprocess.DEVNULL,
        stdout=errors,
        stderr=errors,
        cwd="/",
        env={**env, **absolute},
        start_new_session=True,
        pass_fds=descriptors,
    )


def _failed(why: str, hint: str) -> KfwdError:
    return KfwdError(f"the daemon did not start: {why}", hint=hint, code="daemon-start-failed")


def last_words(path: Path) -> tuple[str, str]:
    """The daemon's own error sentence, or else the last thing it said; and its hint."""
    with path.open("rb") as file:
        file.seek(max(0, os.fstat(file.fileno()).st_size - TAIL_BYTES))
        lines = [line.strip() for line in file.read().decode(errors="replace").splitlines()]
    hints = [line.removeprefix("hint: ") for line in lines if line.startswith("hint: ")]
    said = [line for line in lines if line and not line.startswith("hint: ")]
    sentences = [line.removeprefix("kfwd: ") for line in said if line.startswith("kfwd: ")]
    return (sentences or said or [""])[-1], (hints or [""])[-1]
