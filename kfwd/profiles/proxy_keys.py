"""The keys of a proxy in a profile: where it listens, what is behind it, and kubectl's flags."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from kfwd.model import ProxyFlags
from kfwd.profiles import words
from kfwd.profiles.keys import FORWARD, HOLD, TEXT, Key, accepted_by, choice, pattern
from kfwd.resolve import goregex, target

DEFAULT = ProxyFlags()
PROXIES = "proxies"


def _user(value: Any) -> str:
    if isinstance(value, int) and not isinstance(value, bool) and value >= 0:
        return str(value)
    return words.text(value)


def _prefix(value: Any) -> str:
    word = words.text(value)
    if not word.startswith("/"):
        raise ValueError(f'prefix "{word}" must start with "/"')
    return word


def _regexes(default: str, about: str) -> Key:
    return Key(
        read=accepted_by(goregex.listed),
        schema={**TEXT, "default": default},
        about=f"{about} Regular expressions, separated by commas.",
    )


_FLAG = {"type": "boolean", "default": False}
_VIA = choice("auto", "tunnel", "api-proxy")

FLAGS: Mapping[str, Key] = {
    "accept-hosts": _regexes(DEFAULT.accept_hosts, "Hosts of requests that are served."),
    "accept-paths": _regexes(DEFAULT.accept_paths, "Paths that are served."),
    "reject-paths": _regexes(DEFAULT.reject_paths, "Paths that are not."),
    "reject-methods": _regexes(DEFAULT.reject_methods, "Methods that are not served."),
    "disable-filter": Key(
        read=words.boolean, schema=_FLAG, about="Serve every host, page, path and method."
    ),
    "api-prefix": Key(
        read=_prefix,
        schema={**TEXT, "default": DEFAULT.api_prefix},
        about="Where the API is served.",
    ),
    "append-server-path": Key(
        read=words.boolean,
        schema=_FLAG,
        about="Put the path of the server's address in the kubeconfig before every path.",
    ),
    "www": Key(read=words.path, schema=TEXT, about="A folder whose files are served too."),
    "www-prefix": Key(
        read=_prefix,
        schema={**TEXT, "default": DEFAULT.www_prefix},
        about="Where the files are served.",
    ),
    "keepalive": Key(
        read=words.duration,
        schema={**pattern(words.DURATION), "default": "0s"},
        about="How often TCP asks a silent API server whether it is there; 0s is every 15 s.",
    ),
}
"""Those of `kubectl proxy`."""

WITH_TARGET = frozenset({"accept-hosts", "disable-filter"})
"""Flags that mean something for a proxy with a target too."""

PROXY: Mapping[str, Key] = {
    "name": FORWARD["name"],
    "target": Key(
        read=accepted_by(target.with_port),
        schema=TEXT,
        about="One app at /, with its port: svc/web:http. Without it, the whole API is served.",
    ),
    "namespace": FORWARD["namespace"],
    "listen": Key(
        read=words.listen,
        schema={"type": ["string", "integer"]},
        about="127.0.0.1:8001 (the default), [::1]:8001, localhost:8001, a port (0 is a free one "
        "that is kept), or unix:/path.",
    ),
    "via": Key(
        read=_VIA[0],
        schema=_VIA[1],
        about="The way to a target. auto: a tunnel, and the API server's proxy where tunnels are "
        "forbidden.",
    ),
    "hold": Key(
        read=words.duration,
        schema=HOLD,
        about="How long a request waits while nothing answers behind the listener.",
    ),
    "allow-users": Key(
        read=_user,
        schema={"type": ["string", "integer"]},
        about="Users of this machine who may connect besides you, by name or number; * is all.",
        many=True,
    ),
    "requests": Key(
        read=words.boolean,
        schema=_FLAG,
        about="Keep the newest requests for kfwd logs NAME --requests.",
    ),
    **FLAGS,
}
