"""Which proxy, if any, stands between us and a server. Pure; the environment is a parameter.

A cluster's `proxy-url` always counts. Without it the environment decides as Go's
`golang.org/x/net/http/httpproxy` does, for kubectl and kfwd must agree: `HTTPS_PROXY` for https,
`HTTP_PROXY` for http, upper case first; never for loopback. `NO_PROXY` lists names (`a.com` with
all below it, `.a.com` and `*.a.com` only what is below), addresses and CIDR blocks; names and
addresses may carry a port.
"""

from __future__ import annotations

import ipaddress
from collections.abc import Mapping
from typing import ClassVar, Literal, get_args
from urllib.parse import SplitResult, unquote, urlsplit

from kfwd.errors import ConfigError
from kfwd.kube.guarded import Guarded
from kfwd.wire.authority import authority

Scheme = Literal["http", "https", "socks5", "socks5h"]
SCHEMES: tuple[Scheme, ...] = get_args(Scheme)
DEFAULT_PORTS = {"http": 80, "https": 443, "socks5": 1080, "socks5h": 1080}


class Proxy(Guarded, frozen=True, kw_only=True):
    """A proxy to go through. `login` is a user name and a password."""

    shown: ClassVar[frozenset[str]] = frozenset({"scheme", "host", "port"})
    scheme: Scheme
    host: str
    port: int
    login: tuple[str, str] | None = None

    def __str__(self) -> str:
        """Scheme, host and port: safe to show."""
        return f"{self.scheme}://{authority(self.host, self.port)}"


def choose(
    url: str | None, scheme: str, host: str, port: int, env: Mapping[str, str]
) -> Proxy | None:
    """The proxy for `scheme`://`host`:`port`, given a cluster's proxy `url`.

    Raises `ConfigError` `proxy-invalid` or `proxy-unsupported`.
    """
    if url:
        return parse(url, "proxy-url")
    variable = "HTTPS_PROXY" if scheme == "https" else "HTTP_PROXY"
    value = _either_case(env, variable)
    if not value or not _proxied(host, port, _either_case(env, "NO_PROXY")):
        return None
    return parse(value if "://" in value else f"http://{value}", variable)


def parse(url: str, source: str) -> Proxy:
    """A proxy URL. Errors name `source`, never the URL, which may hold a password."""
    try:
        parts = urlsplit(url.strip())
        port = parts.port
    except ValueError as error:
        raise ConfigError(f"{source} is not a URL: {error}", code="proxy-invalid") from None
    if parts.scheme not in SCHEMES:
        raise ConfigError(
            f'{source} has the scheme "{parts.scheme}", which kfwd cannot go through',
            code="proxy-unsupported",
            hint="http://, https://, socks5:// and socks5h:// proxies work",
        )
    if not parts.hostname:
        raise ConfigError(f"{source} names no host", code="proxy-invalid")
    return Proxy(
        scheme=parts.scheme,
        host=parts.hostname,
        port=port or DEFAULT_PORTS[parts.scheme],
        login=_login(parts),
    )


def _login(parts: SplitResult) -> tuple[str, str] | None:
    if parts.username is None:
        return None
    return unquote(parts.username), unquote(parts.password or "")


def _either_case(env: Mapping[str, str], name: str) -> str:
    return env.get(name) or env.get(name.lower()) or ""


def _proxied(host: str, port: int, no_proxy: str) -> bool:
    host = host.lower().rstrip(".")
    ip = _ip(host)
    if host == "localhost" or (ip is not None and ip.is_loopback):
        return False
    entries = [entry.strip().lower() for entry in no_proxy.split(",")]
    return not any(_matches(entry, host, ip, port) for entry in entries if entry)


_Ip = ipaddress.IPv4Address | ipaddress.IPv6Address


def _matches(entry: str, host: str, ip: _Ip | None, port: int) -> bool:
    if entry == "*":
        return True
    if "/" in entry:
        return ip is not None and _in_block(ip, entry)
    name, wanted_port = _split_port(entry)
    if wanted_port and wanted_port != str(port):
        return False
    if ip is not None:
        return _ip(name) == ip
    name = name.removeprefix("*")
    if name.startswith("."):
        return host.endswith(name)
    return bool(name) and (host == name or host.endswith(f".{name}"))


def _split_port(entry: str) -> tuple[str, str]:
    """Host and port of `host`, `host:port`, `[v6]:port` or a bare IPv6 address."""
    if entry.startswith("["):
        host, _, rest = entry[1:].partition("]")
        return host, rest.removeprefix(":")
    if entry.count(":") == 1:
        host, _, port = entry.partition(":")
        return host, port
    return entry, ""


def _in_block(ip: _Ip, block: str) -> bool:
    try:
        return ip in ipaddress.ip_network(block, strict=False)
    except ValueError:
        return False


def _ip(host: str) -> _Ip | None:
    try:
        ip = ipaddress.ip_address(host)
    except ValueError:
        return None
    return getattr(ip, "ipv4_mapped", None) or ip
