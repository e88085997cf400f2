"""Kubeconfig files: who and where a context is, merged and read as kubectl does it.

Sources: client-go `tools/clientcmd/{loader,client_config,validation}.go`. The first file that has a
named entry, or a current context, wins; a missing file in the list is skipped; paths are relative
to the file they stand in. Only the certificates of the context that is asked for are read.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from pathlib import Path
from typing import ClassVar, Literal, TypeVar

from msgspec import Struct, field

from kfwd.errors import ConfigError, UnknownContext
from kfwd.kube import in_cluster, small_file
from kfwd.kube.guarded import Guarded
from kfwd.kube.kubeconfig_file import ClusterEntry, ContextEntry, File, UserEntry, decode, read
from kfwd.model import ContextRef

EXEC_EXTENSION = "client.authentication.k8s.io/exec"
T = TypeVar("T")
InteractiveMode = Literal["Never", "IfAvailable", "Always"]
Fingerprint = tuple[tuple[int, int, int] | None, ...]


class Cluster(Guarded, frozen=True, kw_only=True):
    """Where an API server is and how to know it. `ca` is PEM; None means the system's roots."""

    shown: ClassVar[frozenset[str]] = frozenset(
        {"name", "server", "insecure_skip_tls_verify", "tls_server_name"}
    )
    name: str
    server: str
    ca: bytes | None = None
    ca_file: Path | None = None
    insecure_skip_tls_verify: bool = False
    tls_server_name: str | None = None
    proxy_url: str | None = None
    disable_compression: bool = False
    exec_config: object = None
    """What the cluster's extension `client.authentication.k8s.io/exec` tells exec plugins."""


class ExecConfig(Guarded, frozen=True, kw_only=True):
    """A login plugin (client.authentication.k8s.io). `command` is absolute or found in PATH."""

    shown: ClassVar[frozenset[str]] = frozenset({"command", "api_version", "interactive_mode"})
    command: str
    api_version: str
    args: tuple[str, ...] = ()
    env: tuple[tuple[str, str], ...] = ()
    install_hint: str | None = None
    provide_cluster_info: bool = False
    interactive_mode: InteractiveMode = "IfAvailable"


class AuthProvider(Guarded, frozen=True, kw_only=True):
    """A legacy auth provider (`oidc`, `gcp`, ...) and its settings."""

    shown: ClassVar[frozenset[str]] = frozenset({"name"})
    name: str
    config: dict[str, str]


class Impersonation(Struct, frozen=True, kw_only=True):
    """Whom to act as, once authenticated."""

    user: str
    uid: str | None = None
    groups: tuple[str, ...] = ()
    extra: dict[str, tuple[str, ...]] = field(default_factory=dict)


class User(Guarded, frozen=True, kw_only=True):
    """How to authenticate. Data wins over files, a token over everything but a readable token file.

    `client_cert` and `client_key` are PEM; files are absolute paths.
    """

    shown: ClassVar[frozenset[str]] = frozenset(
        {"name", "token_file", "client_cert_file", "client_key_file", "exec", "impersonate"}
    )
    name: str
    token: str | None = None
    token_file: Path | None = None
    client_cert: bytes | None = None
    client_cert_file: Path | None = None
    client_key: bytes | None = None
    client_key_file: Path | None = None
    username: str | None = None
    password: str | None = None
    exec: ExecConfig | None = None
    auth_provider: AuthProvider | None = None
    impersonate: Impersonation | None = None


class Context(Struct, frozen=True, kw_only=True):
    """One API server, one user, one default namespace."""

    ref: ContextRef
    cluster: Cluster
    user: User
    namespace: str = "default"

    @property
    def files(self) -> tuple[Path, ...]:
        """The files that the kubeconfig names for it and that may be replaced while it is used."""
        user = self.user
        named = (self.cluster.ca_file, user.token_file, user.client_cert_file, user.client_key_file)
        return tuple(file for file in named if file is not None)


class Kubeconfig:
    """Merged kubeconfig files. `paths` are all that were asked for, `files` those that exist."""

    def __init__(self, paths: Sequence[Path], files: Sequence[File]) -> None:
        self.paths = tuple(str(path) for path in paths)
        self.files = tuple(file.path for file in files)
        self.current_context = next((f.current_context for f in files if f.current_context), None)
        self._contexts = _first_wins(file.contexts for file in files)
        self._clusters = _first_wins(file.clusters for file in files)
        self._users = _first_wins(file.users for file in files)

    def names(self) -> list[str]:
        """The contexts there are, sorted."""
        return sorted(self._contexts)

    def context(self, name: str | None = None) -> Context:
        """The context `name`, or the current one.

        Raises `ConfigError`: codes `unknown-context`, `no-current-context`, `kubeconfig-invalid`,
        `certificate-unreadable`.
        """
        name = name or self.current_context
        if not name:
            raise ConfigError(
                f"no context is named and {self._where()} sets no current one",
                code="no-current-context",
                hint=self._choices(),
            )
        entry = self._contexts.get(name)
        if entry is None:
            raise UnknownContext(
                f'there is no context "{name}" in {self._where()}', hint=self._choices()
            )
        return Context(
            ref=ContextRef(kubeconfig=self.paths, name=name),
            cluster=self._cluster(name, entry),
            user=self._user(name, entry),
            namespace=entry.namespace or "default",
        )

    def _cluster(self, context: str, entry: ContextEntry) -> Cluster:
        return _cluster(
            entry.cluster, self._named("cluster", entry.cluster, self._clusters, context)
        )

    def _user(self, context: str, entry: ContextEntry) -> User:
        if not entry.user:
            return User(name="")
        return _user(entry.user, self._named("user", entry.user, self._users, context))

    def _named(self, what: str, name: str, known: Mapping[str, T], context: str) -> T:
        if name not in known:
            raise ConfigError(
                f'context "{context}" names the {what} "{name}", which is not in {self._where()}',
                hint=f"{what}s: {_listed(known)}",
            )
        return known[name]

    def _where(self) -> str:
        return ", ".join(str(path) for path in self.files)

    def _choices(self) -> str:
        return f"contexts: {_listed(self._contexts)}"


def load(paths: Iterable[Path | str], *, own: bool = True) -> Kubeconfig:
    """Read and merge `paths`; where none exists, in a pod, what it was given itself: not (`own`
    false) in place of a file that somebody named, which kubectl wants to be there as well.

    Raises `ConfigError`: `no-kubeconfig` when none exists, `kubeconfig-unreadable`, and
    `kubeconfig-invalid` with `file:line:column`.
    """
    wanted = [Path(path).absolute() for path in paths]
    files = [file for path in wanted if (file := read(path)) is not None]
    if own and not files and (given := in_cluster.read()) is not None:
        files = [given]
    if not files:
        raise ConfigError(
            f"there is no kubeconfig at {', '.join(str(path) for path in wanted)}",
            code="no-kubeconfig",
            hint="set KUBECONFIG or pass --kubeconfig with the file of your cluster",
        )
    return Kubeconfig(wanted, files)


def find(ref: ContextRef) -> Context:
    """The context with that key, as its files are now. Raises as `load` and `context` do."""
    return load(ref.kubeconfig, own=ref.name == in_cluster.NAME).context(ref.name)


def fingerprint(paths: Iterable[Path | str]) -> Fingerprint:
    """Changes whenever one of `paths` is written, replaced, made or removed."""

    def one(path: Path) -> tuple[int, int, int] | None:
        try:
            found = path.stat()
        except (OSError, ValueError):  # a NUL in a path
            return None
        return found.st_mtime_ns, found.st_size, found.st_ino

    return tuple(one(Path(path)) for path in paths)


def _first_wins(sections: Iterable[Mapping[str, T]]) -> dict[str, T]:
    merged: dict[str, T] = {}
    for section in sections:
        merged = {**section, **merged}
    return merged


def _listed(names: Iterable[str]) -> str:
    return ", ".join(sorted(names)) or "none"


def _cluster(name: str, entry: ClusterEntry) -> Cluster:
    if not entry.server:
        raise ConfigError(f'the cluster "{name}" has no server address')
    return Cluster(
        name=name,
        server=entry.server,
        ca=_authority(name, entry),
        ca_file=_path(entry.certificate_authority),
        insecure_skip_tls_verify=entry.insecure_skip_tls_verify,
        tls_server_name=entry.tls_server_name or None,
        proxy_url=entry.proxy_url or None,
        disable_compression=entry.disable_compression,
        exec_config=entry.extension(EXEC_EXTENSION),
    )


def _authority(name: str, entry: ClusterEntry) -> bytes | None:
    what = f'the certificate authority of cluster "{name}"'
    if entry.certificate_authority_data:
        return decode(entry.certificate_authority_data, what)
    if not entry.certificate_authority:
        return None
    return read_certificate(Path(entry.certificate_authority), what)


def read_certificate(path: Path, what: str) -> bytes:
    """The content of a certificate or key file.

    Raises `ConfigError` `certificate-unreadable` with the system's reason.
    """
    try:
        return small_file.read(path)
    except OSError as error:
        raise ConfigError(
            f"{what} cannot be read: {path}: {error.strerror}",
            hint="correct its path in the kubeconfig, or let your user read it",
            code="certificate-unreadable",
        ) from error


def _user(name: str, entry: UserEntry) -> User:
    cert, key = entry.client_certificate_data, entry.client_key_data
    return User(
        name=name,
        token=entry.token or None,
        token_file=_path(entry.token_file),
        client_cert=decode(cert, f'the client certificate of user "{name}"') if cert else None,
        client_cert_file=_path(entry.client_certificate),
        client_key=decode(key, f'the client key of user "{name}"') if key else None,
        client_key_file=_path(entry.client_key),
        username=entry.username or None,
        password=entry.password or None,
        exec=_exec(name, entry),
        auth_provider=_provider(entry),
        impersonate=_impersonation(name, entry),
    )


def _path(text: str) -> Path | None:
    return Path(text) if text else None


def _exec(name: str, entry: UserEntry) -> ExecConfig | None:
    plugin = entry.exec
    if plugin is None:
        return None
    if not plugin.command or not plugin.api_version:
        missing = "apiVersion" if plugin.command else "command"
        raise ConfigError(f'the exec section of user "{name}" has no {missing}')
    return ExecConfig(
        command=plugin.command,
        api_version=plugin.api_version,
        args=plugin.args,
        env=tuple((variable.name, variable.value) for variable in plugin.env),
        install_hint=plugin.install_hint.strip() or None,
        provide_cluster_info=plugin.provide_cluster_info,
        interactive_mode=plugin.interactive_mode,
    )


def _provider(entry: UserEntry) -> AuthProvider | None:
    if entry.auth_provider is None:
        return None
    return AuthProvider(name=entry.auth_provider.name, config=entry.auth_provider.config)


def _impersonation(name: str, entry: UserEntry) -> Impersonation | None:
    if entry.as_user:
        return Impersonation(
            user=entry.as_user,
            uid=entry.as_uid or None,
            groups=entry.as_groups,
            extra=entry.as_user_extra,
        )
    if entry.as_uid or entry.as_groups or entry.as_user_extra:
        raise ConfigError(f'user "{name}" asks for as-uid, as-groups or as-user-extra without "as"')
    return None
