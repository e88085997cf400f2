"""`kfwd profile list|show|edit|validate|schema`: files, with or without a daemon."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from typing import TYPE_CHECKING

import click

from kfwd.cli import render
from kfwd.cli.app import App, Group, output_option, pass_app, say
from kfwd.cli.names import profile_names
from kfwd.errors import DaemonUnreachable, ExitCode

if TYPE_CHECKING:
    from kfwd.yamldoc import Fault

_name = click.argument("name", shell_complete=profile_names)


@click.group(cls=Group)
def profile() -> None:
    """The files that say what should be up."""


@profile.command("list")
@output_option("table", "json")
@pass_app
def list_(app: App, output: str) -> None:
    """Profiles, and whether they are enabled, up and valid."""
    from kfwd.profiles import store

    up = _up(app)
    rows = []
    for checked in store.check_all(app.paths.profiles).values():
        found, spec = checked.profile, checked.profile.parsed.spec
        rows.append(
            {
                "name": found.name,
                "path": str(found.path),
                "enabled": None if spec is None else spec.enabled,
                "up": found.name in up,
                "entries": None if spec is None else len(spec.entries),
                "faults": len(checked.faults),
            }
        )
    if output == "json":
        print(render.as_json(rows), end="")
        return
    shown = [[_cell(value) for value in row.values()] for row in rows]
    heading = ["NAME", "FILE", "ENABLED", "UP", "ENTRIES", "FAULTS"]
    print(render.table([heading, *shown] if shown else []), end="")
    if not shown:
        print(f"no profiles in {app.paths.profiles}")


def _cell(value: object) -> str:
    if isinstance(value, bool):
        return "yes" if value else "no"
    return "-" if value is None else str(value)


def _up(app: App) -> set[str]:
    """The profiles that are up; none when no daemon answers."""
    try:
        return {found.name for found in app.client.snapshot().profiles}
    except DaemonUnreachable:
        return set()


@profile.command()
@_name
@output_option("yaml", "json")
@pass_app
def show(app: App, name: str, output: str) -> None:
    """Print a profile: its file, or with -o json what the file means."""
    from kfwd.profiles import store

    found = store.read(app.paths.profiles, name)
    if output == "yaml":
        print(found.text, end="")
        return
    if found.parsed.spec is None:
        raise store.invalid(found.path, found.parsed.faults)
    print(render.as_json(found.parsed.spec), end="")


@profile.command()
@_name
@pass_app
def edit(app: App, name: str) -> None:
    """Edit a profile in $VISUAL or $EDITOR. A file with faults is not taken over."""
    from kfwd.profiles import store
    from kfwd.profiles.draft import Draft

    draft = Draft(app.paths.profiles, name, app.paths.state)
    while draft.take(click.edit(draft.text, extension=".yaml", require_save=False)):
        if not (faults := draft.faults()):
            draft.write()
            print(f"wrote {draft.path}")
            return
        say(f"faults in {name}:\n{store.lines(draft.path, faults)}")
        if not _again():
            error = store.invalid(draft.path, faults)
            error.hint = f"your text is in {draft.keep()}"
            raise error
    say("nothing was changed" + (f"; your text is in {draft.keep()}" if draft.unsaved else ""))


def _again() -> bool:
    try:
        return click.confirm("edit again?", default=True, err=True)
    except click.Abort:
        return False


@profile.command()
@click.argument("names", nargs=-1, metavar="[NAME|FILE]...", shell_complete=profile_names)
@output_option("text", "json")
@pass_app
def validate(app: App, names: tuple[str, ...], output: str) -> int:
    """Report every fault of files. Exit status 5 if there is one."""
    faults = []
    for path, found in _checked(app.paths.profiles, names):
        faults += [(path, fault) for fault in found]
    for path, fault in faults if output == "text" else []:
        print(render.clean(f"{path}:{fault}"))
    if output == "json":
        rows = [
            {"file": str(p), "line": f.line, "column": f.column, "message": f.message}
            for p, f in faults
        ]
        print(render.as_json(rows), end="")
    if faults:
        say(f"{len(faults)} fault{'s' if len(faults) > 1 else ''}")
    return ExitCode.PROFILE_INVALID if faults else ExitCode.OK


def _checked(folder: Path, names: tuple[str, ...]) -> Iterator[tuple[Path, tuple[Fault, ...]]]:
    """The named profiles or files with their faults; without names every file in the folder."""
    from kfwd.profiles import store

    if names:
        yield from (_faults(folder, name) for name in names)
        return
    found = store.check_all(folder)
    if not found:
        say(f"no profiles in {folder}")
    for checked in found.values():
        yield checked.profile.path, checked.faults


def _faults(folder: Path, name: str) -> tuple[Path, tuple[Fault, ...]]:
    """Faults of a profile by name, or of any file by its path."""
    from kfwd.profiles import store

    if "/" in name or name.endswith(store.SUFFIX):
        path = Path(name)
        found = store.read(path.parent, path.name.removesuffix(store.SUFFIX))
        return path, found.parsed.faults
    found = store.read(folder, name)
    return found.path, store.check(folder, found.parsed)


@profile.command()
def schema() -> None:
    """Print the JSON Schema of profiles, for editors."""
    from kfwd.profiles import schema as made

    print(made.text(), end="")
