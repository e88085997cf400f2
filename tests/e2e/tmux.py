"""A real terminal: tmux in a server of its own, a program in it, keys sent and screens captured."""

from __future__ import annotations

import re
import shlex
import shutil
import subprocess
import time
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from pathlib import Path

import pytest

TMUX = shutil.which("tmux")
WAIT_S = 30.0
PAUSE_S = 0.05
SHOWN = {"7", "25"}
"""Modes that a terminal begins with: lines wrap, the cursor is shown."""

FLAGS = ("alternate_on", "cursor_flag", "mouse_any_flag", "mouse_button_flag", "mouse_sgr_flag")
needed = pytest.mark.skipif(TMUX is None, reason="tmux is not installed")


class Terminal:
    """`program` runs in it between two looks at how the terminal is set; a `cat` follows."""

    def __init__(
        self, folder: Path, program: Sequence[str], env: Mapping[str, str], size: tuple[int, int]
    ) -> None:
        self._folder = folder
        self._env = {"LANG": "C.UTF-8", "TERM": "xterm-256color", **env}
        done = 'code=$?; stty -a > after; echo "status $code"'
        script = f"stty -a > before; {shlex.join(program)}; {done}; exec cat"
        place = ("-x", str(size[0]), "-y", str(size[1]), "-c", str(folder))
        self.tmux("new-session", "-d", *place, "sh", "-c", f"read go; {script}")
        self.tmux("pipe-pane", "-O", f"cat > {shlex.quote(str(folder / 'raw'))}")
        self.keys("Enter")

    def tmux(self, *args: str) -> str:
        command = [str(TMUX), "-u", "-f", "/dev/null", "-S", str(self._folder / "tmux"), *args]
        done = subprocess.run(
            command, env=self._env, capture_output=True, text=True, check=False, timeout=20
        )
        assert done.returncode == 0, (args, done.stderr)
        return done.stdout

    def keys(self, *keys: str) -> None:
        """Press keys by tmux's names."""
        self.tmux("send-keys", *keys)

    def type(self, text: str) -> None:
        """Bytes as a terminal sends them, all at once."""
        self.tmux("send-keys", "-l", text)

    def click(self, x: int, y: int) -> None:
        """The left button at a cell, counted from 0, as xterm's SGR mode tells it."""
        self.type(f"\x1b[<0;{x + 1};{y + 1}M\x1b[<0;{x + 1};{y + 1}m")

    def screen(self, *how: str) -> str:
        return self.tmux("capture-pane", "-p", *how)

    def until(self, seen: Callable[[str], object]) -> str:
        """The first screen that is as it should be."""
        deadline = time.monotonic() + WAIT_S
        while not seen(screen := self.screen()):
            assert time.monotonic() < deadline, screen
            time.sleep(PAUSE_S)
        return screen

    def shows(self, text: str) -> str:
        return self.until(lambda screen: text in screen)

    def raw(self) -> str:
        """All that the program has written, once it has ended: it is noted beside the screen."""
        deadline = time.monotonic() + WAIT_S
        while "status " not in (written := (self._folder / "raw").read_text(errors="replace")):
            assert time.monotonic() < deadline, written[-200:]
            time.sleep(PAUSE_S)
        return written

    def pid(self, name: str) -> int:
        """Of the program that runs in it."""
        shell = self.tmux("display", "-p", "#{pane_pid}").strip()
        children = Path(f"/proc/{shell}/task/{shell}/children").read_text().split()
        found = [pid for pid in children if name in Path(f"/proc/{pid}/cmdline").read_text()]
        assert len(found) == 1, children
        return int(found[0])

    def unclean(self) -> list[str]:
        """What the program has left otherwise than it found it."""
        shown = self.tmux("display", "-p", " ".join(f"#{{{flag}}}" for flag in FLAGS)).split()
        left = [f"{flag}={now}" for flag, now in zip(FLAGS, shown, strict=True) if now != "0"]
        left = [each for each in left if each != "cursor_flag=1"]
        modes = dict(re.findall(r"\x1b\[\?(\d+)([hl])", self.raw()))
        assert {"1049", "25", "1006", "2004"} <= modes.keys()
        left += [f"?{mode}{now}" for mode, now in modes.items() if (now == "h") != (mode in SHOWN)]
        before, after = (self._settings(name) for name in ("before", "after"))
        return left if before == after else [*left, after]

    def _settings(self, name: str) -> str:
        """What stty(1) said, but for the size, which is in the first line."""
        return (self._folder / name).read_text().partition("\n")[2]


@contextmanager
def terminal(
    folder: Path, program: Sequence[str], env: Mapping[str, str], size: tuple[int, int] = (80, 24)
) -> Iterator[Terminal]:
    opened = Terminal(folder, program, env, size)
    try:
        yield opened
    finally:
        opened.tmux("kill-server")
