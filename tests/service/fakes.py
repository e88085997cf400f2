"""Commands of service managers that do nothing but keep what they were asked."""

from __future__ import annotations

from pathlib import Path

SYSTEMCTL = """#!/bin/sh
shift  # --user
echo "$*" >> {folder}/calls
if [ -e {folder}/no-bus ]; then
  echo "Failed to connect to bus: No medium found" >&2; exit 1
fi
case "$1 $2" in
"show kfwd.service")
  echo FragmentPath=$(cat {folder}/fragment)
  echo UnitFileState=$(cat {folder}/enabled 2>/dev/null)
  echo ActiveState=$(cat {folder}/active 2>/dev/null || echo inactive)
  echo MainPID=$(cat {folder}/pid 2>/dev/null || echo 0) ;;
"is-active "*) [ -e {folder}/socket ] && echo active || {{ echo inactive; exit 3; }} ;;
"enable "*) echo enabled > {folder}/enabled ;;
"disable "*) rm -f {folder}/enabled {folder}/active {folder}/pid ;;
"start kfwd.socket") touch {folder}/socket ;;
"start "*)
  if [ -e {folder}/broken ]; then echo "Job for kfwd.service failed." >&2; exit 1; fi
  echo active > {folder}/active; echo 4711 > {folder}/pid ;;
"stop "*) rm -f {folder}/active {folder}/pid ;;
esac
"""

LAUNCHCTL = """#!/bin/sh
echo "$*" >> {folder}/calls
if [ -e {folder}/no-bus ]; then
  echo "Could not find domain for: gui" >&2; exit 125
fi
case "$1" in
print)
  case "$2" in */kfwd.daemon) ;; *) exit 0 ;; esac
  [ -e {folder}/loaded ] || exit 113
  printf 'gui/501/kfwd.daemon = {{\\n\\tstate = running\\n\\tpid = 4711\\n}}\\n' ;;
bootstrap) touch {folder}/loaded ;;
bootout) rm {folder}/loaded ;;
esac
"""


class Fake:
    """A `systemctl` or `launchctl` first on PATH. Files in `folder` are what it knows."""

    def __init__(self, folder: Path, name: str) -> None:
        self.folder = folder
        self.home = folder / "home"
        script = {"systemctl": SYSTEMCTL, "launchctl": LAUNCHCTL}[name]
        (folder / "bin").mkdir()
        program = folder / "bin" / name
        program.write_text(script.format(folder=folder))
        program.chmod(0o755)
        self.file = self.home / ".config" / "systemd" / "user" / "kfwd.service"
        (folder / "fragment").write_text(str(self.file))
        self.env = {"HOME": str(self.home), "PATH": f"{folder}/bin:/usr/bin:/bin"}

    def mark(self, name: str) -> None:
        (self.folder / name).touch()

    @property
    def calls(self) -> list[str]:
        """What was asked since the last look."""
        path = self.folder / "calls"
        found = path.read_text().splitlines() if path.exists() else []
        path.write_text("")
        return found
