"""The kubeconfig that leads to a simulated cluster."""

from __future__ import annotations

import base64
from pathlib import Path
from typing import Any

from msgspec import Struct

from kfwd import whole_file, yamldoc
from kfwd.errors import ConfigError
from kfwd.sim.tls import KeyPair

EXTENSION = "kfwd.sim"
CLUSTER = "sim"
NAMESPACE = "demo"


class Access(Struct, frozen=True, kw_only=True):
    """All there is to know to reach the cluster."""

    url: str
    admin_url: str
    ca: bytes
    admin_cert: KeyPair
    admin_token: str
    narrow_token: str


def _text(data: bytes) -> str:
    return base64.b64encode(data).decode()


def document(access: Access) -> dict[str, Any]:
    """The kubeconfig as plain data: contexts `sim`, `sim-token` and `sim-narrow`."""
    extension = {"admin": access.admin_url, "token": access.admin_token}
    cluster = {
        "server": access.url,
        "certificate-authority-data": _text(access.ca),
        "extensions": [{"name": EXTENSION, "extension": extension}],
    }
    certified = {
        "client-certificate-data": _text(access.admin_cert.cert),
        "client-key-data": _text(access.admin_cert.key),
    }
    users = {
        "sim": certified,
        "sim-token": {"token": access.admin_token},
        "sim-narrow": {"token": access.narrow_token},
    }
    return {
        "apiVersion": "v1",
        "kind": "Config",
        "current-context": "sim",
        "preferences": {},
        "clusters": [{"name": CLUSTER, "cluster": cluster}],
        "users": [{"name": name, "user": user} for name, user in users.items()],
        "contexts": [
            {"name": name, "context": {"cluster": CLUSTER, "namespace": NAMESPACE, "user": name}}
            for name in users
        ],
    }


def _is_ours(text: str) -> bool:
    try:
        found = yamldoc.load(text)
        clusters = found["clusters"] if isinstance(found, dict) else []
        ours = [EXTENSION in str(c["cluster"].get("extensions")) for c in clusters]
        return bool(ours) and all(ours)
    except (ValueError, LookupError, TypeError, AttributeError):
        return False


def check(path: Path) -> None:
    """Raise ConfigError for a file that a simulated cluster must not write over."""
    if path.exists() and path.stat().st_size and not _is_ours(path.read_text(errors="replace")):
        raise ConfigError(
            f"{path} is there already and is not a simulated cluster's kubeconfig",
            hint="name another file with --kubeconfig",
            code="kubeconfig-exists",
        )


def write(path: Path, access: Access) -> None:
    """Write the file in one step, readable by its owner only. Raises OSError."""
    import yaml

    path.parent.mkdir(parents=True, exist_ok=True)
    text = yaml.safe_dump(document(access), sort_keys=False)
    whole_file.replace(path, text.encode(), 0o600)
