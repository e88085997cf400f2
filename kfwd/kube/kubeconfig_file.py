"""One kubeconfig file: its entries by name, with paths made absolute. No merging here.

Unknown keys are ignored, since kubeconfigs carry what other tools put there, and `null` means
"not set". Shapes: client-go `tools/clientcmd/api/v1/types.go`.
"""

from __future__ import annotations

import base64
import binascii
import re
from collections.abc import Iterable
from pathlib import Path
from typing import Any, Literal, TypeVar

import msgspec
from msgspec import Struct, field

from kfwd import decoding, yamldoc
from kfwd.errors import ConfigError
from kfwd.kube import small_file
from kfwd.kube.guarded import Guarded

T = TypeVar("T")


class Extension(Struct, frozen=True):
    name: str = ""
    extension: Any = None


class ClusterEntry(Guarded, frozen=True, kw_only=True, rename="kebab"):
    server: str = ""
    certificate_authority: str = ""
    certificate_authority_data: str = ""
    insecure_skip_tls_verify: bool = False
    tls_server_name: str = ""
    proxy_url: str = ""
    disable_compression: bool = False
    extensions: tuple[Extension, ...] = ()

    def extension(self, name: str) -> object:
        return next((e.extension for e in self.extensions if e.name == name), None)


class Variable(Guarded, frozen=True, kw_only=True):
    name: str
    value: str = ""


class ExecEntry(Guarded, frozen=True, kw_only=True, rename="camel"):
    command: str = ""
    api_version: str = ""
    args: tuple[str, ...] = ()
    env: tuple[Variable, ...] = ()
    install_hint: str = ""
    provide_cluster_info: bool = False
    interactive_mode: Literal["Never", "IfAvailable", "Always"] = "IfAvailable"


class ProviderEntry(Guarded, frozen=True, kw_only=True):
    name: str = ""
    config: dict[str, str] = field(default_factory=dict)


class UserEntry(Guarded, frozen=True, kw_only=True, rename="kebab"):
    token: str = ""
    token_file: str = field(default="", name="tokenFile")
    client_certificate: str = ""
    client_certificate_data: str = ""
    client_key: str = ""
    client_key_data: str = ""
    username: str = ""
    password: str = ""
    exec: ExecEntry | None = None
    auth_provider: ProviderEntry | None = None
    as_user: str = field(default="", name="as")
    as_uid: str = ""
    as_groups: tuple[str, ...] = ()
    as_user_extra: dict[str, tuple[str, ...]] = field(default_factory=dict)


class ContextEntry(Struct, frozen=True, kw_only=True):
    cluster: str = ""
    user: str = ""
    namespace: str = ""


class NamedCluster(Struct, frozen=True):
    name: str
    cluster: ClusterEntry = ClusterEntry()


class NamedUser(Struct, frozen=True):
    name: str
    user: UserEntry = UserEntry()


class NamedContext(Struct, frozen=True):
    name: str
    context: ContextEntry = ContextEntry()


class Content(Struct, frozen=True, rename="kebab"):
    """The whole file. Anything but these keys belongs to somebody else."""

    current_context: str = ""
    clusters: tuple[NamedCluster, ...] = ()
    users: tuple[NamedUser, ...] = ()
    contexts: tuple[NamedContext, ...] = ()


class File(Struct, frozen=True, kw_only=True):
    """A file's entries. Of two with one name the first counts."""

    path: Path
    current_context: str
    clusters: dict[str, ClusterEntry]
    users: dict[str, UserEntry]
    contexts: dict[str, ContextEntry]


def read(path: Path) -> File | None:
    """The file at `path`, or None when there is none.

    Raises `ConfigError`: `kubeconfig-unreadable`, or `kubeconfig-invalid` with the place.
    """
    try:
        text = small_file.read(path).decode()
    except FileNotFoundError:
        return None
    except (OSError, UnicodeDecodeError) as error:
        reason = error.strerror if isinstance(error, OSError) else "not UTF-8 text"
        raise ConfigError(
            f"the kubeconfig {path} cannot be read: {reason}", code="kubeconfig-unreadable"
        ) from error
    return parse(path, text)


def parse(path: Path, text: str) -> File:
    """The file at `path` with this `text`. Raises `ConfigError` `kubeconfig-invalid`."""
    return _file(path, _content(path, text))


def decode(text: str, what: str) -> bytes:
    """The bytes of a base64 value; line breaks inside are fine.

    Raises `ConfigError` that calls the value `what`.
    """
    try:
        return base64.b64decode("".join(text.split()), validate=True)
    except (binascii.Error, ValueError) as error:
        raise ConfigError(f"{what} is not valid base64") from error


def _content(path: Path, text: str) -> Content:
    documents = yamldoc.parse(text)
    faults = [fault for document in documents for fault in document.faults]
    if faults:
        raise ConfigError(f"{path}:{faults[0]}")
    if not documents or documents[0].value is None:
        return Content()
    try:
        return decoding.convert(_without_nulls(documents[0].value), Content)
    except msgspec.ValidationError as error:
        line, column = documents[0].position(_steps(str(error)))
        raise ConfigError(f"{path}:{line}:{column}: {error}") from error


def _without_nulls(value: Any, built: dict[int, Any] | None = None) -> Any:
    """`value` without the keys that are null, but for what belongs to extensions.

    What an alias repeats is built once, or a small file could stand for a huge one.
    """
    built = {} if built is None else built
    if id(value) not in built:
        if isinstance(value, list):
            built[id(value)] = [_without_nulls(item, built) for item in value]
        elif isinstance(value, dict):
            built[id(value)] = {
                key: item if key == "extension" else _without_nulls(item, built)
                for key, item in value.items()
                if item is not None
            }
        else:
            return value
    return built[id(value)]


def _steps(message: str) -> tuple[str | int, ...]:
    """The path in a msgspec message, as in ``... - at `$.users[0].user.token` ``."""
    found = re.search(r"`\$(.*)`$", message)
    steps = re.findall(r"\.([^.\[\]]+)|\[(\d+)\]", found[1]) if found else []
    return tuple(key or int(index) for key, index in steps)


def _file(path: Path, content: Content) -> File:
    folder = path.parent
    return File(
        path=path,
        current_context=content.current_context,
        clusters=_first((c.name, _resolved_cluster(c.cluster, folder)) for c in content.clusters),
        users=_first((u.name, _resolved_user(u.user, folder)) for u in content.users),
        contexts=_first((c.name, c.context) for c in content.contexts),
    )


def _first(pairs: Iterable[tuple[str, T]]) -> dict[str, T]:
    found: dict[str, T] = {}
    for name, entry in pairs:
        found.setdefault(name, entry)
    return found


def _resolved_cluster(entry: ClusterEntry, folder: Path) -> ClusterEntry:
    return msgspec.structs.replace(
        entry, certificate_authority=_absolute(entry.certificate_authority, folder)
    )


def _resolved_user(entry: UserEntry, folder: Path) -> UserEntry:
    plugin = entry.exec
    if plugin is not None and "/" in plugin.command:
        plugin = msgspec.structs.replace(plugin, command=_absolute(plugin.command, folder))
    return msgspec.structs.replace(
        entry,
        exec=plugin,
        token_file=_absolute(entry.token_file, folder),
        client_certificate=_absolute(entry.client_certificate, folder),
        client_key=_absolute(entry.client_key, folder),
    )


def _absolute(path: str, folder: Path) -> str:
    return str(folder / path) if path else ""
