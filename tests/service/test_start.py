"""Starting a process in the background until it answers."""

from __future__ import annotations

import os
import signal
import sys
import time
from collections.abc import Iterator
from pathlib import Path

import pytest

from kfwd.errors import KfwdError
from kfwd.service import start


@pytest.fixture
def pid_file(tmp_path: Path) -> Iterator[Path]:
    path = tmp_path / "pid"
    yield path
    if path.exists():
        pid = int(path.read_text())
        os.kill(pid, signal.SIGKILL)
        os.waitpid(pid, 0)


def python(script: str) -> list[str]:
    return [sys.executable, "-c", script]


def test_it_returns_when_the_daemon_answers_and_leaves_it_running(
    tmp_path: Path, pid_file: Path
) -> None:
    script = f"""
import os, time
about = (os.getsid(0), os.getcwd(), os.environ["KFWD_LOG_DIR"])
open({str(tmp_path / "about")!r}, "w").write(" ".join(map(str, about)))
open({str(pid_file) + ".new"!r}, "w").write(str(os.getpid()))
os.rename({str(pid_file) + ".new"!r}, {str(pid_file)!r})
time.sleep(60)
"""
    env = {**os.environ, "KFWD_LOG_DIR": "relative"}
    start.start(tmp_path / "log" / "errors", pid_file.exists, env=env, command=python(script))
    pid = int(pid_file.read_text())
    os.kill(pid, 0)
    session, cwd, log = (tmp_path / "about").read_text().split()
    assert (int(session), cwd) == (pid, "/")
    assert log == str(Path("relative").absolute())


@pytest.mark.parametrize(
    ("script", "why", "hint"),
    [
        (
            "import sys; sys.exit('x\\nkfwd: the folder is not writable\\nhint: name another')",
            "the folder is not writable",
            "name another",
        ),
        ("raise ValueError('bug')", "ValueError: bug", "see {}/errors"),
        ("import sys; sys.exit(3)", "it ended with 3", "see {}/errors"),
    ],
)
def test_a_daemon_that_ends_says_why(tmp_path: Path, script: str, why: str, hint: str) -> None:
    with pytest.raises(KfwdError) as caught:
        start.start(tmp_path / "errors", lambda: False, env=os.environ, command=python(script))
    assert caught.value.text == f"the daemon did not start: {why}"
    assert caught.value.hint == hint.format(tmp_path)


def test_one_that_does_not_answer_is_ended(tmp_path: Path) -> None:
    begun = time.monotonic()
    with pytest.raises(KfwdError, match=r"it does not answer after 0\.2 s"):
        start.start(
            tmp_path / "errors",
            lambda: False,
            env=os.environ,
            command=python("import time; time.sleep(60)"),
            timeout_s=0.2,
        )
    assert time.monotonic() - begun < 5


def test_another_daemon_that_was_quicker_will_do(tmp_path: Path) -> None:
    answers = iter([False, False, True])
    start.start(
        tmp_path / "errors",
        lambda: next(answers, True),
        env=os.environ,
        command=python("raise SystemExit(1)"),
    )


def test_a_log_folder_that_cannot_be_made_is_named(tmp_path: Path) -> None:
    (tmp_path / "file").touch()
    with pytest.raises(KfwdError, match=r"did not start: .*/file cannot be written") as caught:
        start.start(tmp_path / "file" / "errors", lambda: False, env=os.environ)
    assert caught.value.hint == "set KFWD_LOG_DIR to a folder of your own"


def test_a_program_that_is_not_there_is_named(tmp_path: Path) -> None:
    with pytest.raises(KfwdError, match=r"did not start: No such file or directory: /no/python"):
        start.start(tmp_path / "errors", lambda: False, env=os.environ, command=["/no/python"])


def test_a_process_that_goes_on_writes_after_what_the_next_one_wrote(tmp_path: Path) -> None:
    errors = tmp_path / "errors"
    said, say = os.pipe()
    gone_on, go_on = os.pipe()
    script = "import os; os.write(1, b'first\\n'); os.write({}, b'.'); os.read({}, 1); print(2)"
    old = start.spawn(errors, python(script.format(say, gone_on)), os.environ, (say, gone_on))
    os.close(say)
    os.close(gone_on)
    assert os.read(said, 1)
    assert start.spawn(errors, python("print('new')"), os.environ).wait() == 0
    os.close(go_on)
    assert old.wait() == 0
    os.close(said)
    assert errors.read_bytes() == b"new\n2\n"
