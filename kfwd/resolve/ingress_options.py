"""The annotations of ingress-nginx that decide where a request goes.

Source: https://kubernetes.github.io/ingress-nginx/user-guide/nginx-configuration/annotations/
"""

from __future__ import annotations

from msgspec import Struct

from kfwd.kube.route_objects import Ingress
from kfwd.resolve import hosts

PREFIX = "nginx.ingress.kubernetes.io/"
OLD_PREFIX = "ingress.kubernetes.io/"
"""What the annotations began with before ingress-nginx 0.9."""

_TRUE = {"1", "t", "T", "true", "TRUE", "True"}
_PLAIN_PROTOCOLS = {"", "HTTP", "AUTO_HTTP"}
_NOT_FOLLOWED = (
    "auth-tls-secret",
    "auth-type",
    "auth-url",
    "configuration-snippet",
    "custom-http-errors",
    "default-backend",
    "denylist-source-range",
    "enable-cors",
    "from-to-www-redirect",
    "mirror-target",
    "permanent-redirect",
    "server-alias",
    "server-snippet",
    "ssl-passthrough",
    "temporal-redirect",
    "upstream-vhost",
    "whitelist-source-range",
    "x-forwarded-prefix",
)
"""They change what a client gets. Timeouts, buffers, limits and affinity do not."""


class Options(Struct, frozen=True, kw_only=True):
    """`canary`: the object only shares the traffic of another one with the same rules."""

    rewrite_target: str = ""
    use_regex: bool = False
    app_root: str = ""
    canary: bool = False
    notes: tuple[str, ...] = ()

    def rewrites(self, path: str) -> bool:
        """Whether a location of `path` is rewritten; a target like the path changes nothing."""
        return self.rewrite_target not in {"", path}


def read(ingress: Ingress) -> Options:
    """The options of an object, and in `notes` what it asks for that is not done."""
    given = {
        name.removeprefix(PREFIX): value
        for name, value in ingress.annotations.items()
        if name.startswith(PREFIX)
    }
    app_root = given.get("app-root", "")
    return Options(
        rewrite_target=given.get("rewrite-target", "").strip(),
        use_regex=given.get("use-regex") in _TRUE,
        app_root=app_root if app_root.startswith("/") else "",
        canary=given.get("canary") in _TRUE,
        notes=(*_tls_notes(ingress, given), *_other_notes(ingress, given)),
    )


def has_tls(ingress: Ingress, host: str) -> bool:
    """Whether the object serves `host` over TLS; an entry without hosts is for all of them."""
    for entry in ingress.spec.tls or ():
        if not entry.hosts or any(h == host or hosts.fits_ingress(h, host) for h in entry.hosts):
            return True
    return False


def _tls_notes(ingress: Ingress, given: dict[str, str]) -> list[str]:
    asked = "force-ssl-redirect" if given.get("force-ssl-redirect") in _TRUE else "ssl-redirect"
    wanted = given.get(asked) in _TRUE or (ingress.spec.tls and asked not in given)
    return [f"{asked} is ignored: kfwd serves plain HTTP"] if wanted else []


def _other_notes(ingress: Ingress, given: dict[str, str]) -> list[str]:
    notes = [f"the annotation {name} is not followed" for name in _NOT_FOLLOWED if name in given]
    protocol = given.get("backend-protocol", "").upper()
    if protocol not in _PLAIN_PROTOCOLS:
        notes.append(f"backend-protocol {protocol} is not followed: plain HTTP is sent")
    if f"{OLD_PREFIX}rewrite-target" in ingress.annotations:
        notes.append(f"{OLD_PREFIX}rewrite-target has no effect: write {PREFIX}rewrite-target")
    return notes
