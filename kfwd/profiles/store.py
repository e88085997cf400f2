"""The profiles folder: which files there are, what they say, whether they changed, and writes."""

from __future__ import annotations

import stat
from collections.abc import Iterable, Mapping
from pathlib import Path

from msgspec import Struct

from kfwd import whole_file
from kfwd.errors import KfwdError, NotFound, ProfileInvalid, UsageError
from kfwd.profiles import clash, words
from kfwd.profiles.clash import Taken
from kfwd.profiles.parse import Parsed, parse
from kfwd.yamldoc import Fault

SUFFIX = ".yaml"
MAX_BYTES = 4 * 1024 * 1024

Fingerprint = Mapping[str, tuple[int, int, int]]


class Profile(Struct, frozen=True, kw_only=True):
    """A profile's file as it was read; one that is not `readable` has no text."""

    path: Path
    text: str
    parsed: Parsed
    readable: bool = True

    @property
    def name(self) -> str:
        return self.parsed.name


class Checked(Struct, frozen=True, kw_only=True):
    """A profile with all that is wrong with it, as `check` finds it."""

    profile: Profile
    faults: tuple[Fault, ...]


def path_of(folder: Path, name: str) -> Path:
    """Where the profile `name` is or would be. Raises `UsageError` for what cannot be a name."""
    try:
        return folder / f"{words.name(name)}{SUFFIX}"
    except ValueError as error:
        raise UsageError(str(error)) from None


def names(folder: Path) -> list[str]:
    """The profiles in `folder`, sorted; none if there is no such folder."""
    return sorted(path.name.removesuffix(SUFFIX) for path in _files(folder))


def fingerprint(folder: Path) -> Fingerprint:
    """Changes whenever a profile's file may have: name -> (mtime in ns, size, inode)."""
    found = {}
    for path in _files(folder):
        try:
            seen = path.stat()
        except OSError:
            continue  # went away between the listing and the look
        found[path.name.removesuffix(SUFFIX)] = (seen.st_mtime_ns, seen.st_size, seen.st_ino)
    return found


def read(folder: Path, name: str) -> Profile:
    """Read one profile. Raises `NotFound`; a file that cannot be read is a profile with a fault."""
    path = path_of(folder, name)
    try:
        found = path.stat()
        if not stat.S_ISREG(found.st_mode):
            return _faulty(path, name, "not a regular file")
        if found.st_size > MAX_BYTES:
            return _faulty(path, name, "the file is larger than 4 MiB")
        text = path.read_bytes().decode()
    except FileNotFoundError:
        raise NotFound(f'no profile "{name}" in {folder}', hint=_known(folder)) from None
    except UnicodeDecodeError as error:
        return _faulty(path, name, f"byte {error.start} is not UTF-8")
    except OSError as error:
        return _faulty(path, name, f"cannot be read: {error.strerror}")
    return Profile(path=path, text=text, parsed=parse(text, name))


def text(folder: Path, name: str) -> str | None:
    """A profile's text, None where there is no such file. Raises `ProfileInvalid` for one that is
    no text or cannot be read.
    """
    try:
        found = read(folder, name)
    except NotFound:
        return None
    if not found.readable:
        raise invalid(found.path, found.parsed.faults)
    return found.text


def read_all(folder: Path) -> dict[str, Profile]:
    """Every profile by name. One whose file name is no profile name has that as its fault."""
    found = {}
    for name in names(folder):
        try:
            found[name] = read(folder, name)
        except UsageError as error:
            found[name] = _faulty(folder / f"{name}{SUFFIX}", name, error.text)
        except NotFound:
            continue  # deleted since it was listed
    return found


def write(path: Path, text: str) -> None:
    """Replace a file whole. Raises `KfwdError` if the disk is full or the folder not writable."""
    try:
        whole_file.edit(path, text.encode())
    except OSError as error:
        raise KfwdError(
            f"cannot write {path}: {error.strerror}",
            code="write-failed",
            hint="nothing was changed",
        ) from error


def taken(profiles: Iterable[Parsed]) -> Taken:
    """The listeners of these profiles. The caller decides which count: those that are up, or those
    that come up together.
    """
    return clash.taken((each.name, listener) for each in profiles for listener in each.listeners)


def faults_beside(profile: Parsed, others: Taken) -> tuple[Fault, ...]:
    """A profile's own faults and its clashes with `others`, in the order of its file."""
    found = [*profile.faults, *clash.between(profile.name, profile.listeners, others)]
    return tuple(sorted(found, key=lambda fault: (fault.line, fault.column)))


def enabled(profiles: Iterable[Profile]) -> list[Parsed]:
    """Those that come up together when none is named."""
    return [p.parsed for p in profiles if p.parsed.spec is not None and p.parsed.spec.enabled]


def check(folder: Path, profile: Parsed) -> tuple[Fault, ...]:
    """Faults of a profile: its own, and clashes with others if it comes up together with them."""
    return _faults(profile, taken(enabled(read_all(folder).values())))


def check_all(folder: Path) -> dict[str, Checked]:
    """Every profile by name, each checked."""
    found = read_all(folder)
    together = taken(enabled(found.values()))
    return {
        name: Checked(profile=each, faults=_faults(each.parsed, together))
        for name, each in found.items()
    }


def _faults(profile: Parsed, together: Taken) -> tuple[Fault, ...]:
    if profile.spec is not None and not profile.spec.enabled:
        return profile.faults
    return faults_beside(profile, together)


def lines(path: Path, faults: Iterable[Fault]) -> str:
    """`file:line:column: message`, one a line."""
    return "\n".join(f"{path}:{fault}" for fault in faults)


def invalid(path: Path, faults: Iterable[Fault]) -> ProfileInvalid:
    """The error of a file with faults."""
    return ProfileInvalid(lines(path, faults))


def _files(folder: Path) -> list[Path]:
    try:
        entries = list(folder.iterdir())
    except OSError:
        return []
    return [p for p in entries if p.name.endswith(SUFFIX) and not p.name.startswith(".")]


def _faulty(path: Path, name: str, message: str) -> Profile:
    faults = (Fault(1, 1, message),)
    parsed = Parsed(name=name, spec=None, faults=faults)
    return Profile(path=path, text="", parsed=parsed, readable=False)


def _known(folder: Path) -> str:
    known = names(folder)
    return f"there are: {', '.join(known)}" if known else "kfwd profile edit NAME makes one"
