"""The service in launchd, by launchctl."""

from __future__ import annotations

import os
import re
from collections.abc import Mapping, Sequence
from pathlib import Path

from kfwd.paths import Paths, variables
from kfwd.service import calls, files, plist
from kfwd.service.calls import NoManager
from kfwd.service.manager import Options, Running

NO_DOMAIN = 125
"""launchctl's exit status for a domain that is not there: nobody is logged in to the desktop."""

HINT = "`kfwd logs` and daemon.err beside the log say more"


class Launchd:
    name = "launchd"

    def __init__(self, env: Mapping[str, str], command: Sequence[str]) -> None:
        home = Path(env.get("HOME") or Path.home())
        self.files = (home / "Library" / "LaunchAgents" / plist.FILE,)
        self._env = dict(env)
        self._command = command
        self._domain = f"gui/{os.getuid()}"
        self._service = f"{self._domain}/{plist.LABEL}"

    def texts(self, paths: Paths, options: Options) -> Mapping[Path, str]:
        del options  # both are about systemd
        text = plist.agent(self._command, variables(paths), paths.log / "daemon.err")
        return {self.files[0]: text}

    def serves(self, paths: Paths) -> bool:
        text = files.read(self.files[0])
        return text is not None and plist.environment(text) == variables(paths)

    def check(self) -> None:
        self._call("print", self._domain)

    def enable(self, options: Options) -> None:
        del options
        self._call("enable", self._service)

    def start(self) -> None:
        if self._loaded() is None:
            self._call("bootstrap", self._domain, str(self.files[0]))
        self._call("kickstart", self._service)

    def stop(self) -> None:
        if self._loaded() is not None:
            self._call("bootout", self._service)

    def disable(self) -> None:
        self.stop()

    def forget(self) -> None:
        """launchd keeps nothing of a service that was booted out."""

    def running(self) -> Running:
        text = self._loaded()
        state = re.search(r"^\tstate = (.+)$", text or "", re.MULTILINE)
        pid = re.search(r"^\tpid = (\d+)$", text or "", re.MULTILINE)
        return Running(
            enabled=self.files[0].exists(),
            state=state[1] if state else "not loaded",
            pid=int(pid[1]) if pid else None,
        )

    def _loaded(self) -> str | None:
        """What launchd knows of the service, in its words."""
        done = calls.call(("launchctl", "print", self._service), self._env)
        return done.stdout if done.returncode == 0 else None

    def _call(self, *arguments: str) -> None:
        command = ("launchctl", *arguments)
        done = calls.call(command, self._env)
        if done.returncode == NO_DOMAIN:
            raise NoManager(
                f"launchd has no session for you: {calls.last_line(done.stderr)}",
                hint=f"log in to the desktop; {calls.WITHOUT}",
            )
        if done.returncode:
            raise calls.failed(command, calls.last_line(done.stderr), HINT)
