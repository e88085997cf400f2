"""Profile files for the daemon: which come up, what is wrong with them, and what they are now."""

from __future__ import annotations

import contextlib
from collections.abc import Collection, Iterable, Mapping
from pathlib import Path

from kfwd.api_model import UpRequest
from kfwd.daemon.state import UpProfile, write
from kfwd.errors import KfwdError, NotFound, ProfileInvalid
from kfwd.kube import kubeconfig
from kfwd.model import ADHOC, ContextRef, Problem, ProfileSpec, ProfileView
from kfwd.profiles import store
from kfwd.profiles.clash import Listener
from kfwd.profiles.parse import Parsed, parse
from kfwd.profiles.store import Profile
from kfwd.yamldoc import Fault

SHOWN_FAULTS = 10


def read_valid(
    folder: Path, names: Collection[str], up: Iterable[str], adhoc: Iterable[Listener] = ()
) -> list[ProfileSpec]:
    """The profiles `names`, or all that are enabled; valid beside those that are `up`.

    `adhoc` are the listeners of entries that belong to no profile.

    Raises `NotFound`, or `ProfileInvalid` with every fault of every one of them.
    """
    found = _named(folder, names) if names else _enabled(folder)
    read = {profile.name for profile in found}
    beside = _all_of(folder, (name for name in up if name not in read))
    beside.append(Parsed(name=ADHOC, spec=None, faults=(), listeners=tuple(adhoc)))
    together = store.taken([*beside, *(profile.parsed for profile in found)])
    faults = [
        store.lines(profile.path, faults)
        for profile in found
        if (faults := store.faults_beside(profile.parsed, together))
    ]
    if faults:
        hint = None if names else "name a profile to bring it up without the others"
        raise ProfileInvalid("\n".join(faults), hint=hint)
    return [profile.parsed.spec for profile in found if profile.parsed.spec is not None]


def read_pinned(
    folder: Path,
    request: UpRequest,
    before: Mapping[str, UpProfile],
    *,
    taken: Iterable[Listener],
    default: Collection[str],
) -> dict[str, UpProfile]:
    """The profiles asked for, as `read_valid` reads them, each as `raised`."""
    return {
        spec.name: raised(spec, before.get(spec.name), request.kubeconfig, default)
        for spec in read_valid(folder, request.profiles, before, taken)
    }


def _named(folder: Path, names: Iterable[str]) -> list[Profile]:
    return [store.read(folder, name) for name in dict.fromkeys(names)]


def _enabled(folder: Path) -> list[Profile]:
    """Those that are enabled, and those that do not say so because they cannot be read."""
    every = store.read_all(folder).values()
    found = [p for p in every if p.parsed.spec is None or p.parsed.spec.enabled]
    if not found:
        raise NotFound(
            f"there is no profile to bring up in {folder}",
            hint="`kfwd add svc/NAME 8080:http --save PROFILE` makes one",
        )
    return found


def _all_of(folder: Path, names: Iterable[str]) -> list[Parsed]:
    """Without those that were deleted meanwhile, which clash with nothing."""
    found = []
    for name in names:
        with contextlib.suppress(KfwdError):
            found.append(store.read(folder, name).parsed)
    return found


def faults_of(folder: Path, name: str, text: str, up: Iterable[str]) -> tuple[Fault, ...]:
    """What is wrong with `text` as the file of `name`, beside the profiles that are up."""
    beside = store.taken(_all_of(folder, (other for other in up if other != name)))
    return store.faults_beside(parse(text, name), beside)


def names(folder: Path) -> list[str]:
    """The profiles there are files of."""
    return store.names(folder)


def replace(folder: Path, name: str, text: str) -> None:
    """Write the file of `name` as a whole. Raises `KfwdError` when it cannot be written."""
    path = store.path_of(folder, name)
    try:
        write(path, text.encode())
    except OSError as error:
        raise KfwdError(f"{path} cannot be written: {error.strerror or error}") from error


def pin(
    spec: ProfileSpec, before: UpProfile | None, caller: Collection[str], default: Collection[str]
) -> ContextRef:
    """The context a profile means, looked up once: what it was pinned to stays while it is up.

    `caller` are the kubeconfig paths of who asked, `default` those of the daemon. Raises
    `ConfigError` when there is no such context.
    """
    pinned = before.context if before else None
    paths = tuple(spec.kubeconfig or (pinned.kubeconfig if pinned else caller) or default)
    name = spec.context or (pinned.name if pinned else None)
    if pinned is not None and pinned == ContextRef(kubeconfig=paths, name=name or ""):
        return pinned
    return find(paths, name, own=not spec.kubeconfig)


def raised(
    spec: ProfileSpec, before: UpProfile | None, caller: Collection[str], default: Collection[str]
) -> UpProfile:
    """A profile as it is up from now on. Where it was switched to stays until its file, or what
    it was pinned to, names another context than before. Raises what `pin` raises.
    """
    context = pin(spec, before, caller, default)
    stays = before is not None and before.context == context
    return UpProfile(spec=spec, context=context, moved=before.moved if before and stays else None)


def find(paths: Collection[str], name: str | None, *, own: bool = True) -> ContextRef:
    """The key of a context, or of the current one; `own` as in `kubeconfig.load`.

    Raises `ConfigError`.
    """
    return kubeconfig.load(paths, own=own).context(name).ref


def views(up: Mapping[str, UpProfile], problems: Mapping[str, Problem]) -> list[ProfileView]:
    """The profiles that are up, by name."""
    return [
        ProfileView(
            name=name,
            context=profile.current.name,
            entries=len(profile.spec.entries),
            problem=problems.get(name),
        )
        for name, profile in sorted(up.items())
    ]


def problem_of(error: KfwdError) -> Problem:
    """Why a file does not count as it is now. What is up stays as it was."""
    lines = error.text.splitlines()
    more = [f"and {len(lines) - SHOWN_FAULTS} more"] if len(lines) > SHOWN_FAULTS else []
    return Problem(
        code=error.code,
        severity="error",
        text="\n".join([*lines[:SHOWN_FAULTS], *more]),
        hint=error.hint or "what was up stays up; correct the file and it counts at once",
    )
