"""The agent of launchd (launchd.plist(5)). Pure."""

from __future__ import annotations

import plistlib
from collections.abc import Mapping, Sequence
from pathlib import Path
from xml.parsers.expat import ExpatError

LABEL = "kfwd.daemon"
FILE = f"{LABEL}.plist"
COMMENT = ("<!-- ", " -->")
UMASK = 0o077


def agent(command: Sequence[str], environment: Mapping[str, str], errors: Path) -> str:
    """The agent that runs `command` from login on, and again when it fails.

    A process that took over on a restart goes on when the one that launchd knows has ended.
    """
    keys = {
        "Label": LABEL,
        "ProgramArguments": list(command),
        "EnvironmentVariables": dict(environment),
        "WorkingDirectory": "/",
        "RunAtLoad": True,
        "KeepAlive": {"SuccessfulExit": False},
        "ThrottleInterval": 5,
        "ExitTimeOut": 20,
        "AbandonProcessGroup": True,
        "ProcessType": "Interactive",
        "Umask": UMASK,
        "SoftResourceLimits": {"Core": 0},
        "HardResourceLimits": {"Core": 0},
        "StandardOutPath": str(errors),
        "StandardErrorPath": str(errors),
    }
    return plistlib.dumps(keys, sort_keys=False).decode()


def environment(text: str) -> dict[str, str] | None:
    """The variables that an agent sets; None if that cannot be read."""
    try:
        found = plistlib.loads(text.encode()).get("EnvironmentVariables")
    except (plistlib.InvalidFileException, ValueError, ExpatError, AttributeError):
        return None
    return found if isinstance(found, dict) else None
