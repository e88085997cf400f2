"""Install, remove and look at the service, whatever manages it here."""

from __future__ import annotations

import sys
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path

from msgspec import Struct

from kfwd.errors import KfwdError
from kfwd.paths import Paths
from kfwd.service import environment, files, plist
from kfwd.service.calls import NoManager
from kfwd.service.launchd import Launchd
from kfwd.service.manager import Manager, Options
from kfwd.service.systemd import Systemd

COMMAND = (sys.executable, "-P", "-m", "kfwd", "daemon", "run", "--service")
"""Not the script beside the interpreter: its first line breaks where a path is long or has spaces.
`-P`, so that no folder named kfwd in the working directory counts."""


class ServiceView(Struct, frozen=True, kw_only=True):
    """`kfwd service status -o json`.

    `edited`: somebody changed the file since it was written; `current`: it says what
    `kfwd service install` would write now; `lingers`: it runs without a login, null where that is
    always or never so.
    """

    manager: str
    file: str
    installed: bool
    edited: bool
    current: bool
    enabled: bool
    state: str
    pid: int | None
    sockets: bool
    lingers: bool | None


def find(
    env: Mapping[str, str], platform: str = sys.platform, command: Sequence[str] = COMMAND
) -> Manager:
    """The service manager of this system."""
    return Launchd(env, command) if platform == "darwin" else Systemd(env, command)


def install(
    manager: Manager,
    paths: Paths,
    env: Mapping[str, str],
    options: Options,
    *,
    force: bool = False,
    make_way: Callable[[], None] = lambda: None,
) -> bool:
    """Write the files and have the service started with every login; whether files changed.

    `make_way` is called when nothing can refuse any more, before the manager acts.
    Raises `NoManager`, or `KfwdError`: `service-edited` for files that a person changed.
    """
    manager.check()
    texts = sealed(manager, paths, options)
    if not force:
        refuse_edited(manager)
    changed = write(manager, texts)
    record(paths, env)
    make_way()
    manager.enable(options)
    return changed


def uninstall(manager: Manager, *, force: bool = False) -> bool:
    """Stop the service and remove its files; whether there were any."""
    there = [path for path in manager.files if path.exists()]
    manager.check()
    if not there:
        return False
    if not force:
        refuse_edited(manager)
    manager.disable()
    for path in there:
        path.unlink(missing_ok=True)
    manager.forget()
    return True


def start(manager: Manager, paths: Paths, env: Mapping[str, str]) -> bool:
    """Start the service if one with these folders is installed; whether that is so."""
    if not manager.serves(paths):
        return False
    record(paths, env)
    try:
        manager.start()
    except NoManager:
        return False
    return True


def status(manager: Manager, paths: Paths) -> ServiceView:
    """All that is known. Raises `NoManager`."""
    manager.check()
    text = files.read(manager.files[0])
    options = installed_options(manager)
    running = manager.running()
    return ServiceView(
        manager=manager.name,
        file=str(manager.files[0]),
        installed=text is not None,
        edited=any(_edited(path) for path in manager.files),
        current=all(files.read(p) == t for p, t in sealed(manager, paths, options).items()),
        enabled=running.enabled,
        state=running.state,
        pid=running.pid,
        sockets=options.sockets,
        lingers=running.lingers,
    )


def installed_options(manager: Manager) -> Options:
    """How the installed service is, as its files tell."""
    text = files.read(manager.files[0])
    return Options(
        sockets=any(path.exists() for path in manager.files[1:]),
        privileges=text is not None and "NoNewPrivileges=yes" not in text,
    )


def sealed(manager: Manager, paths: Paths, options: Options) -> dict[Path, str]:
    """The whole texts of the files."""
    texts = manager.texts(paths, options)
    return {
        path: files.sealed(text, plist.COMMENT if path.suffix == ".plist" else ("# ", ""))
        for path, text in texts.items()
    }


def write(manager: Manager, texts: Mapping[Path, str]) -> bool:
    """Make the files say this, and remove those that are not wanted; whether any changed."""
    changed = False
    for path in manager.files:
        if files.read(path) == (text := texts.get(path)):
            continue
        changed = True
        try:
            if text is None:
                path.unlink()
            else:
                files.replace(path, text)
        except OSError as error:
            raise _unwritable(path, error) from error
    return changed


def record(paths: Paths, env: Mapping[str, str]) -> None:
    """Keep this person's PATH and proxies for the service."""
    try:
        environment.record(paths.state, env)
    except OSError as error:
        raise _unwritable(paths.state / environment.FILE, error) from error


def refuse_edited(manager: Manager) -> None:
    """Raise `KfwdError` if a person changed a file."""
    for path in manager.files:
        if _edited(path):
            raise KfwdError(
                f"{path} was changed by hand: nothing was done",
                hint="`systemctl --user edit kfwd` keeps changes apart; --force overwrites it"
                if manager.name == "systemd"
                else "--force overwrites it",
                code="service-edited",
            )


def _edited(path: Path) -> bool:
    text = files.read(path)
    return text is not None and not files.untouched(text)


def _unwritable(path: Path, error: OSError) -> KfwdError:
    reason = error.strerror or str(error)
    hint = "look at the permissions of its folder"
    return KfwdError(f"{path} cannot be written: {reason}", hint=hint, code="write-failed")
