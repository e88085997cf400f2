"""kubectl's global connection flags, as a kubeconfig of their own (k8s client-go clientcmd)."""

from __future__ import annotations

import os
import tempfile
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import msgspec

from kfwd import yamldoc
from kfwd.errors import ConfigError
from kfwd.paths import prepare_folder

_CREDENTIALS = ("token", "tokenFile", "username", "password", "exec", "auth-provider")
_FILES = {
    "clusters": ("certificate-authority",),
    "users": ("client-certificate", "client-key", "tokenFile"),
}


class Overrides(msgspec.Struct, frozen=True, kw_only=True):
    """Flags by kubectl's names; None or empty where not given."""

    cluster: str | None = None
    user: str | None = None
    server: str | None = None
    certificate_authority: str | None = None
    insecure_skip_tls_verify: bool = False
    tls_server_name: str | None = None
    proxy_url: str | None = None
    disable_compression: bool = False
    token: str | None = None
    username: str | None = None
    password: str | None = None
    client_certificate: str | None = None
    client_key: str | None = None
    as_user: str | None = None
    as_group: tuple[str, ...] = ()
    as_uid: str | None = None
    as_user_extra: tuple[str, ...] = ()


@contextmanager
def kubeconfig(
    paths: Sequence[str], context: str | None, flags: Overrides, folder: Path
) -> Iterator[tuple[tuple[str, ...], str | None]]:
    """The kubeconfig files and context that mean the same as `paths`, `context` and `flags`.

    With flags that is a temporary file in `folder`, for its owner only, gone afterwards.
    """
    if flags == Overrides():
        yield tuple(paths), context
        return
    merged = apply(_load(paths), context, flags)
    prepare_folder(folder)
    handle, name = tempfile.mkstemp(dir=folder, prefix="kubeconfig-", suffix=".json")
    try:
        with os.fdopen(handle, "wb") as file:
            file.write(msgspec.json.encode(merged))
        yield (name,), merged["current-context"]
    finally:
        Path(name).unlink(missing_ok=True)


def apply(config: Mapping[str, Any], context: str | None, flags: Overrides) -> dict[str, Any]:
    """One context with one cluster and one user, changed as the flags say.

    Raises `ConfigError` where something named is not there.
    """
    name = context or config.get("current-context") or ""
    base = _named(config, "contexts", name) if name else {}
    cluster_name = flags.cluster or base.get("cluster")
    user_name = flags.user or base.get("user")
    cluster = _named(config, "clusters", cluster_name) if cluster_name else {}
    user = _named(config, "users", user_name) if user_name else {}
    own = {"cluster": cluster_name or "kfwd", "user": user_name or "kfwd"}
    return {
        "apiVersion": "v1",
        "kind": "Config",
        "current-context": name or "kfwd",
        "contexts": [{"name": name or "kfwd", "context": {**base, **own}}],
        "clusters": [{"name": own["cluster"], "cluster": _cluster(cluster, flags)}],
        "users": [{"name": own["user"], "user": _user(user, flags)}],
    }


def _cluster(cluster: Mapping[str, Any], flags: Overrides) -> dict[str, Any]:
    changed = dict(cluster)
    if flags.server:
        changed |= {"server": flags.server}
        changed.pop("tls-server-name", None)
    if flags.insecure_skip_tls_verify or flags.certificate_authority:
        for key in (*_FILES["clusters"], "certificate-authority-data", "insecure-skip-tls-verify"):
            changed.pop(key, None)
    given = {
        "certificate-authority": _absolute(flags.certificate_authority),
        "insecure-skip-tls-verify": flags.insecure_skip_tls_verify,
        "tls-server-name": flags.tls_server_name,
        "proxy-url": flags.proxy_url,
        "disable-compression": flags.disable_compression,
    }
    return changed | {key: value for key, value in given.items() if value}


def _user(user: Mapping[str, Any], flags: Overrides) -> dict[str, Any]:
    changed = dict(user)
    if flags.token or flags.username or flags.password:
        for key in _CREDENTIALS:
            changed.pop(key, None)
    for flag, key in ((flags.client_certificate, "certificate"), (flags.client_key, "key")):
        if flag:
            changed.pop(f"client-{key}-data", None)
    extra: dict[str, list[str]] = {}
    for pair in flags.as_user_extra:
        key, _, value = pair.partition("=")
        extra.setdefault(key, []).append(value)
    given = {
        "token": flags.token,
        "username": flags.username,
        "password": flags.password,
        "client-certificate": _absolute(flags.client_certificate),
        "client-key": _absolute(flags.client_key),
        "as": flags.as_user,
        "as-groups": list(flags.as_group),
        "as-uid": flags.as_uid,
        "as-user-extra": extra,
    }
    return changed | {key: value for key, value in given.items() if value}


def _absolute(path: str | None) -> str | None:
    return str(Path(path).absolute()) if path else None


def _named(config: Mapping[str, Any], kind: str, name: str) -> Mapping[str, Any]:
    found: Mapping[str, Any] | None = config.get(kind, {}).get(name)
    if found is None:
        raise ConfigError(f'{kind[:-1]} "{name}" does not exist', code=f"unknown-{kind[:-1]}")
    return found


def _load(paths: Sequence[str]) -> dict[str, Any]:
    """Contexts, clusters and users by name; the first file that has one wins."""
    merged: dict[str, Any] = {"contexts": {}, "clusters": {}, "users": {}}
    for path in map(Path, paths):
        config = _read(path)
        if not merged.get("current-context") and config.get("current-context"):
            merged["current-context"] = config["current-context"]
        for kind in ("contexts", "clusters", "users"):
            for item in config.get(kind) or ():
                value = _resolved(item.get(kind[:-1]) or {}, kind, path.parent)
                merged[kind].setdefault(item.get("name"), value)
    return merged


def _read(path: Path) -> dict[str, Any]:
    try:
        value = yamldoc.load(path.read_text())
    except FileNotFoundError:
        return {}
    except OSError as error:
        raise ConfigError(f"kubeconfig {path} cannot be read: {error.strerror}") from error
    except ValueError as error:
        raise ConfigError(f"kubeconfig {path}:{error}") from error
    if not isinstance(value, dict | None):
        raise ConfigError(f"kubeconfig {path} is no mapping")
    return value or {}


def _resolved(value: Mapping[str, Any], kind: str, folder: Path) -> dict[str, Any]:
    """Relative paths mean the same outside of their file's folder."""
    changed = dict(value)
    for key in _FILES.get(kind, ()):
        if changed.get(key):
            changed[key] = str(folder / str(changed[key]))
    command = (changed.get("exec") or {}).get("command", "")
    if "/" in command:
        changed["exec"] = {**changed["exec"], "command": str(folder / command)}
    return changed
