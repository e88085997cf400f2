"""A login plugin in a person's terminal, as a process of its own."""

from __future__ import annotations

import json
import os
import pty
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import IO, Any

import pytest

from kfwd.kube.plugin_terminal import NOT_STARTED
from tests.kube.configs import context, exec_credential, exec_user, script

PATH = os.environ["PATH"]


@pytest.fixture
def terminal() -> Iterator[tuple[IO[bytes], int]]:
    """Both ends of one: ours, and the plugin's."""
    ours, theirs = pty.openpty()
    with os.fdopen(ours, "r+b", buffering=0) as file:
        yield file, theirs
        os.close(theirs)


def run(
    folder: Path, user: dict[str, Any], *, stdin: int = subprocess.DEVNULL, path: str = PATH
) -> subprocess.CompletedProcess[str]:
    ref = context(folder, user).ref
    command = [sys.executable, "-P", "-m", "kfwd.kube.plugin_terminal", ref.name, *ref.kubeconfig]
    return subprocess.run(
        command,
        env={"PATH": path, "MINE": "here"},
        stdin=stdin,
        capture_output=True,
        text=True,
        timeout=20,
        check=False,
    )


def plugin(folder: Path, body: str, **more: Any) -> dict[str, Any]:
    return exec_user(script(folder / "login", body), **more)


ASKS = """read answer; printf '%s\\n%s' "$answer" "$KUBERNETES_EXEC_INFO"; echo heard >&2"""


def test_it_may_ask_in_a_terminal_and_its_words_are_seen(
    tmp_path: Path, terminal: tuple[IO[bytes], int]
) -> None:
    ours, theirs = terminal
    ours.write(b"yes\n")
    done = run(tmp_path, plugin(tmp_path, ASKS, interactiveMode="Always"), stdin=theirs)
    answer, info = done.stdout.split("\n")
    assert (answer, done.stderr, done.returncode) == ("yes", "heard\n", 0)
    assert json.loads(info)["spec"] == {"interactive": True}


def test_one_that_never_asks_has_nothing_to_read(
    tmp_path: Path, terminal: tuple[IO[bytes], int]
) -> None:
    ours, theirs = terminal
    ours.write(b"yes\n")
    done = run(tmp_path, plugin(tmp_path, ASKS, interactiveMode="Never"), stdin=theirs)
    answer, info = done.stdout.split("\n")
    assert answer == ""
    assert json.loads(info)["spec"] == {"interactive": False}


def test_one_that_always_asks_is_not_started_without_a_terminal(tmp_path: Path) -> None:
    done = run(tmp_path, plugin(tmp_path, "echo no", interactiveMode="Always"))
    assert (done.returncode, done.stdout) == (NOT_STARTED, "")
    assert "needs a terminal to ask you" in done.stderr


def test_its_environment_is_the_persons_with_the_kubeconfigs_over_it(tmp_path: Path) -> None:
    said = exec_credential(token="t")
    body = f"""[ "$MINE $OURS $1" = "here there arg" ] && echo '{said}'"""
    user = plugin(tmp_path, body, args=["arg"], env=[{"name": "OURS", "value": "there"}])
    assert json.loads(run(tmp_path, user).stdout)["status"] == {"token": "t"}


def test_its_exit_status_is_passed_on(tmp_path: Path) -> None:
    done = run(tmp_path, plugin(tmp_path, "echo expired >&2; exit 3"))
    assert (done.returncode, done.stderr) == (3, "expired\n")


def test_one_that_is_missing_says_how_to_get_it(tmp_path: Path) -> None:
    done = run(tmp_path, exec_user("no-such-plugin", installHint="brew install it"), path="/none")
    assert done.returncode == NOT_STARTED
    said, hint = done.stderr.splitlines()
    assert said.startswith("kfwd: the login plugin no-such-plugin")
    assert hint == "hint: brew install it"
