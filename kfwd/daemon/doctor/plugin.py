"""Whether a login plugin is found: by whoever asks, and by the daemon, whose PATH is another."""

from __future__ import annotations

import shutil
from collections.abc import Mapping
from pathlib import PurePath

from kfwd.daemon.doctor.walk import Told
from kfwd.kube.kubeconfig import Context

RESTART = "run `kfwd daemon restart` in this terminal: the daemon then has this PATH"


def misplaced(context: Context, env: Mapping[str, str], path: str | None) -> Told | None:
    """What to say of a plugin that is on the caller's `path` and not on the PATH in `env`."""
    plugin = context.user.exec
    if plugin is None or path is None or PurePath(plugin.command).name != plugin.command:
        return None
    ours = dict(plugin.env).get("PATH") or env.get("PATH", "")
    yours = shutil.which(plugin.command, path=path)
    if yours is None or shutil.which(plugin.command, path=ours) is not None:
        return None
    return Told(
        state="broken",
        text=f"the login plugin {plugin.command} is on your PATH ({yours}) but not on the daemon's",
        hint=RESTART,
        code="exec-plugin-missing",
    )
