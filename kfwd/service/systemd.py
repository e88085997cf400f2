"""The service in systemd --user, by systemctl."""

from __future__ import annotations

import os
import subprocess
from collections.abc import Mapping, Sequence
from pathlib import Path

from kfwd.paths import Paths, variables
from kfwd.service import calls, files, unit
from kfwd.service.calls import NoManager
from kfwd.service.manager import Options, Running

LINGER = Path("/var/lib/systemd/linger")
NO_BUS = ("connect to bus", "not been booted", "connect to user scope bus", "No medium found")
HINT = f"`journalctl --user -u {unit.SERVICE}` and `kfwd logs` say more"


class Systemd:
    name = "systemd"

    def __init__(
        self, env: Mapping[str, str], command: Sequence[str], linger: Path = LINGER
    ) -> None:
        home = Path(env.get("HOME") or Path.home())
        folder = Path(env.get("XDG_CONFIG_HOME") or home / ".config") / "systemd" / "user"
        self.files = (folder / unit.SERVICE, folder / unit.SOCKET)
        self._command = command
        self._env = with_bus(env)
        self._linger = linger / user_name()

    def texts(self, paths: Paths, options: Options) -> Mapping[Path, str]:
        service, socket = self.files
        command, folders = unit.command_line(self._command), unit.assigned(variables(paths))
        texts = {service: unit.service(command, folders, privileges=options.privileges)}
        return texts | ({socket: unit.socket(unit.plain(paths.socket))} if options.sockets else {})

    def serves(self, paths: Paths) -> bool:
        text = files.read(self.files[0])
        return text is not None and unit.has_assigned(text, variables(paths))

    def check(self) -> None:
        self._call("show", "--property=Version")

    def enable(self, options: Options) -> None:
        self._call("daemon-reload")
        if self._shown()["FragmentPath"] != str(self.files[0]):
            raise calls.failed(
                ("systemctl", "--user", "enable", unit.SERVICE),
                f"the service manager does not look into {self.files[0].parent}",
                "unset XDG_CONFIG_HOME, or tell systemd of it in environment.d(5)",
            )
        self._call("enable", unit.SERVICE, *([unit.SOCKET] if options.sockets else []))
        if options.sockets and not self._active(unit.SOCKET):
            self._call("stop", unit.SERVICE)
            self._call("start", unit.SOCKET)

    def start(self) -> None:
        self._call("reset-failed", unit.SERVICE, fine=True)
        self._call("start", unit.SERVICE)

    def stop(self) -> None:
        self._call("stop", unit.SERVICE)

    def disable(self) -> None:
        for each in (unit.SOCKET, unit.SERVICE):
            if (self.files[0].parent / each).exists():
                self._call("disable", "--now", each)

    def forget(self) -> None:
        self._call("daemon-reload")
        self._call("reset-failed", unit.SERVICE, fine=True)

    def running(self) -> Running:
        shown = self._shown()
        return Running(
            enabled=shown["UnitFileState"].startswith("enabled"),
            state=shown["ActiveState"],
            pid=int(shown["MainPID"] or 0) or None,
            lingers=self._linger.exists(),
        )

    def _active(self, name: str) -> bool:
        return self._call("is-active", name, fine=True).stdout.strip() == "active"

    def _shown(self) -> dict[str, str]:
        names = ("FragmentPath", "UnitFileState", "ActiveState", "MainPID")
        said = self._call("show", unit.SERVICE, f"--property={','.join(names)}").stdout
        pairs = (line.partition("=") for line in said.splitlines())
        return dict.fromkeys(names, "") | {name: value for name, _, value in pairs}

    def _call(self, *arguments: str, fine: bool = False) -> subprocess.CompletedProcess[str]:
        """Run systemctl; with `fine` a failure is an answer like any other."""
        command = ("systemctl", "--user", *arguments)
        done = calls.call(command, self._env)
        if done.returncode and any(words in done.stderr for words in NO_BUS):
            raise NoManager(
                f"no systemd runs here for you: {calls.last_line(done.stderr)}",
                hint=f"log in as this user by ssh or on the console; {calls.WITHOUT}",
            )
        if done.returncode and not fine:
            raise calls.failed(command, calls.last_line(done.stderr), HINT)
        return done


def with_bus(env: Mapping[str, str], places: Path = Path("/run/user")) -> dict[str, str]:
    """`env` in which systemctl finds the user's service manager after cron, su or sudo too."""
    place = places / str(os.getuid())
    known = {"XDG_RUNTIME_DIR": str(place)} if place.is_dir() else {}
    return {**known, **env, "LC_ALL": "C"}


def user_name() -> str:
    """As loginctl calls this user."""
    import pwd

    try:
        return pwd.getpwuid(os.getuid()).pw_name
    except KeyError:
        return str(os.getuid())
