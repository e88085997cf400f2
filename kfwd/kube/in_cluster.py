"""A pod's own way to its cluster, as a kubeconfig: the credentials of its service account.

Source: client-go `rest/config.go`, InClusterConfig; kubectl uses it where there is no kubeconfig.
"""

from __future__ import annotations

import contextlib
import os
from collections.abc import Mapping
from pathlib import Path

from kfwd.kube import small_file
from kfwd.kube.kubeconfig_file import ClusterEntry, ContextEntry, File, UserEntry
from kfwd.wire.authority import authority

FOLDER = Path("/var/run/secrets/kubernetes.io/serviceaccount")
NAME = "in-cluster"
"""Of the context, the cluster and the user."""


def read(env: Mapping[str, str] = os.environ, folder: Path = FOLDER) -> File | None:
    """What is true of this process, or None where it runs in no pod."""
    host, port = env.get("KUBERNETES_SERVICE_HOST", ""), env.get("KUBERNETES_SERVICE_PORT", "")
    token, ca, namespace = (folder / name for name in ("token", "ca.crt", "namespace"))
    if not (host and port.isdecimal() and token.is_file()):
        return None
    own = ""
    with contextlib.suppress(OSError, UnicodeDecodeError):
        own = small_file.read(namespace).decode().strip()
    cluster = ClusterEntry(
        server=f"https://{authority(host, int(port))}",
        certificate_authority=str(ca) if ca.is_file() else "",
    )
    return File(
        path=token,
        current_context=NAME,
        clusters={NAME: cluster},
        users={NAME: UserEntry(token_file=str(token))},
        contexts={NAME: ContextEntry(cluster=NAME, user=NAME, namespace=own)},
    )
