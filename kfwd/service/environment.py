"""PATH and variables of a person for the way to API servers, which login plugins need as well.

A service manager has others, so those of the person who last started a daemon, or installed the
service, are kept in a file beside the state: mode 0600, since a proxy's URL may hold a password.
"""

from __future__ import annotations

import json
from collections.abc import Mapping
from pathlib import Path

from kfwd.service import files

PROXIES = ("HTTP_PROXY", "HTTPS_PROXY", "NO_PROXY", "ALL_PROXY")
TRANSPORTS = "KFWD_TRANSPORTS"
"""Which transports are tried (`kfwd.tunnel.transports`)."""

NAMES = ("PATH", TRANSPORTS, *PROXIES, *(name.lower() for name in PROXIES))
FILE = "environment.json"


def of(env: Mapping[str, str]) -> dict[str, str]:
    """What of an environment is recorded."""
    return {name: env[name] for name in NAMES if name in env}


def record(state: Path, env: Mapping[str, str]) -> None:
    """Keep `of(env)` in the state folder, for `recorded`. Raises `OSError`."""
    text = json.dumps(of(env), indent=1) + "\n"
    path = state / FILE
    if files.read(path) != text:
        state.mkdir(mode=0o700, parents=True, exist_ok=True)
        files.replace(path, text, 0o600)


def recorded(state: Path) -> dict[str, str] | None:
    """What was recorded last; None if nothing that can be read was."""
    try:
        found = json.loads(files.read(state / FILE) or "null")
    except ValueError:
        return None
    if not isinstance(found, dict):
        return None
    return of({name: value for name, value in found.items() if isinstance(value, str)})


def completed(env: Mapping[str, str], state: Path) -> dict[str, str]:
    """`env` with what was recorded in place of its own PATH and proxies."""
    found = recorded(state)
    if found is None:
        return dict(env)
    return {name: value for name, value in env.items() if name not in NAMES} | found
