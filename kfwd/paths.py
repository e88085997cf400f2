"""Where config, state, socket and log lie (design section 5), and kubectl's kubeconfig."""

from __future__ import annotations

import os
import stat
from collections.abc import Mapping
from pathlib import Path

import msgspec

from kfwd.errors import KfwdError

ROOT = 0


class Paths(msgspec.Struct, frozen=True):
    """The four folders. Nothing is created until `create()`."""

    config: Path
    state: Path
    runtime: Path
    log: Path

    @property
    def profiles(self) -> Path:
        return self.config / "profiles"

    @property
    def socket(self) -> Path:
        return self.runtime / "kfwd.sock"

    @property
    def lock(self) -> Path:
        return self.runtime / "kfwd.lock"

    @property
    def state_file(self) -> Path:
        return self.state / "state.json"

    @property
    def history_file(self) -> Path:
        return self.state / "history.db"

    @property
    def log_file(self) -> Path:
        return self.log / "kfwd.log"

    def create(self) -> None:
        """Make the folders that are missing, for their owner only.

        Raises `OSError` where a folder cannot be made.
        """
        for folder in (self.config, self.profiles, self.state, self.runtime, self.log):
            folder.mkdir(mode=0o700, parents=True, exist_ok=True)


def find(env: Mapping[str, str] | None = None) -> Paths:
    """The folders that `env` (default: the process environment) asks for."""
    from platformdirs import PlatformDirs

    env = os.environ if env is None else env
    dirs = PlatformDirs("kfwd", appauthor=False)

    def place(variable: str, default: str) -> Path:
        return Path(env[variable]).absolute() if env.get(variable) else Path(default)

    return Paths(
        config=place("KFWD_CONFIG_DIR", dirs.user_config_dir),
        state=place("KFWD_STATE_DIR", dirs.user_state_dir),
        runtime=place("KFWD_RUNTIME_DIR", str(runtime_candidates(env)[0])),
        log=place("KFWD_LOG_DIR", dirs.user_log_dir),
    )


def variables(paths: Paths) -> dict[str, str]:
    """The environment in which `find` finds these folders."""
    return {
        "KFWD_CONFIG_DIR": str(paths.config),
        "KFWD_STATE_DIR": str(paths.state),
        "KFWD_RUNTIME_DIR": str(paths.runtime),
        "KFWD_LOG_DIR": str(paths.log),
    }


def runtime_candidates(env: Mapping[str, str] | None = None) -> list[Path]:
    """Folders that may hold the control socket, first the one a daemon started here would use.

    A daemon may have been started with `XDG_RUNTIME_DIR` and a client without it, or the other way
    round (cron, sudo, ssh), so a client that finds no daemon at the first place tries the next.
    """
    env = os.environ if env is None else env
    if env.get("KFWD_RUNTIME_DIR"):
        return [Path(env["KFWD_RUNTIME_DIR"]).absolute()]
    user = os.getuid()
    places = [Path(f"/run/user/{user}/kfwd"), _temporary(env) / f"kfwd-{user}"]
    if env.get("XDG_RUNTIME_DIR"):
        places.insert(0, Path(env["XDG_RUNTIME_DIR"]) / "kfwd")
    elif not places[0].parent.is_dir():
        places.reverse()
    return list(dict.fromkeys(places))


def _temporary(env: Mapping[str, str]) -> Path:
    """The folder for temporary files. `tempfile` would be a twentieth of the time of `kfwd ls`:
    it loads compression and random numbers, and tries whether it can write there.
    """
    given = (env[name] for name in ("TMPDIR", "TEMP", "TMP") if env.get(name))
    return Path(next(given, "/tmp")).absolute()  # noqa: S108  # the folder in it is made private


def kubeconfigs(env: Mapping[str, str]) -> tuple[str, ...]:
    """The files kubectl would read: the list in `KUBECONFIG`, else `~/.kube/config`; absolute."""
    listed = [part for part in env.get("KUBECONFIG", "").split(os.pathsep) if part]
    if not listed:
        home = Path(env.get("HOME") or Path.home())
        return (str(home / ".kube" / "config"),)
    return tuple(dict.fromkeys(str(Path(part).absolute()) for part in listed))


def prepare_folder(folder: Path) -> None:
    """Make the folder of the control socket, or check that the one there is ours alone.

    Where it lies in /tmp anybody may have been there first: a link counts by whose it is, not by
    what it leads to at this moment.
    """
    try:
        folder.mkdir(mode=0o700, parents=True, exist_ok=True)
        link, found = folder.lstat(), folder.stat()
        if link.st_uid not in (os.getuid(), ROOT):
            raise unusable(folder, f"it belongs to user {link.st_uid}")
        if found.st_uid == os.getuid() and stat.S_IMODE(found.st_mode) != 0o700:
            _close(folder, found.st_mode)
    except OSError as error:
        raise unusable(folder, f"{error.strerror or error}") from error
    if found.st_uid != os.getuid():
        raise unusable(folder, f"it belongs to user {found.st_uid}")
    if not os.access(folder, os.W_OK | os.X_OK):
        raise unusable(folder, "it is not writable")


def _close(folder: Path, mode: int) -> None:
    """Keep others out of a folder, unless it has another use, as `/tmp` or a home has.

    The socket is for its owner alone wherever only the owner can put something in its place.
    """
    if all(path.name.startswith("kfwd") for path in folder.iterdir()):
        folder.chmod(0o700)
    elif mode & (stat.S_IWGRP | stat.S_IWOTH):
        raise unusable(folder, "others may write there, and it holds more than kfwd's files")


def unusable(folder: Path, why: str) -> KfwdError:
    return KfwdError(
        f"the folder {folder} cannot hold the control socket: {why}",
        code="runtime-folder-unusable",
        hint="set KFWD_RUNTIME_DIR to a folder of your own",
    )
