"""The real cluster that the environment names for measurements and end-to-end tests.

`KFWD_E2E_KUBECONFIG` is its kubeconfig, or several as in KUBECONFIG, of which the current context
counts; `KFWD_E2E_IMAGE` is the probe's image there.
"""

from __future__ import annotations

import os
import subprocess
import sys
from collections.abc import Mapping
from pathlib import Path

KUBECTL = Path(sys.executable).parent / "kubectl"
_OWN = ("KFWD_", "PYTEST_", "KUBECONFIG", "NO_COLOR")


def given(env: Mapping[str, str] = os.environ) -> str | None:
    """The kubeconfig files of the real cluster, or None where a simulated one is to be used."""
    return env.get("KFWD_E2E_KUBECONFIG") or None


def environment(env: Mapping[str, str] = os.environ) -> dict[str, str]:
    """What its login plugins and proxies may need of the environment."""
    return {name: value for name, value in env.items() if not name.startswith(_OWN)}


def write(files: str, path: Path) -> None:
    """Write the current context of `files`, and nothing else, with its certificates, to `path`."""
    command = [str(KUBECTL), "config", "view", "--raw", "--minify", "--flatten"]
    env = {**environment(), "KUBECONFIG": files}
    done = subprocess.run(command, env=env, capture_output=True, text=True, check=False)
    if done.returncode:
        raise RuntimeError(f"{files} names no cluster: {done.stderr.strip()}")
    path.touch(mode=0o600)
    path.write_text(done.stdout)
