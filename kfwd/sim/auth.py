"""Who asks, and whether they may: tokens, client certificates, impersonation and RBAC.

Rules are Role, ClusterRole and binding objects in the store, so what kubectl creates counts at
once. Texts follow apiserver `responsewriters/errors.go` (protocol notes A.4).
"""

from __future__ import annotations

import secrets
from collections.abc import Iterable, Iterator, Mapping
from typing import Any

from msgspec import Struct

from kfwd.sim.requests import Info
from kfwd.sim.status import StatusError
from kfwd.sim.store import Store

Obj = dict[str, Any]

ADMINS = "system:masters"
AUTHENTICATED = "system:authenticated"
ANONYMOUS = "system:anonymous"
UNAUTHENTICATED = "system:unauthenticated"


class User(Struct, frozen=True):
    """A name and its groups, as authentication found them."""

    name: str
    groups: tuple[str, ...] = ()


def service_account(namespace: str, name: str) -> User:
    groups = ("system:serviceaccounts", f"system:serviceaccounts:{namespace}", AUTHENTICATED)
    return User(f"system:serviceaccount:{namespace}:{name}", groups)


def certificate_user(peercert: Mapping[str, Any] | None) -> User | None:
    """CN and O of a verified client certificate (`ssl.SSLSocket.getpeercert`)."""
    subject = [pair for rdn in (peercert or {}).get("subject", ()) for pair in rdn]
    names = [value for key, value in subject if key == "commonName"]
    groups = [value for key, value in subject if key == "organizationName"]
    return User(names[0], (*groups, AUTHENTICATED)) if names else None


class Tokens:
    """Bearer tokens and whose they are."""

    def __init__(self) -> None:
        self._users: dict[str, User] = {}

    def issue(self, user: User) -> str:
        """A new token for `user`."""
        token = secrets.token_urlsafe(24)
        self._users[token] = user
        return token

    def revoke(self, token: str) -> None:
        self._users.pop(token, None)

    def user(self, token: str) -> User | None:
        return self._users.get(token)


def _rule_allows(rule: Obj, info: Info) -> bool:
    def has(name: str, value: str) -> bool:
        allowed = rule.get(name) or ()
        return "*" in allowed or value in allowed

    if not has("verbs", info.verb):
        return False
    if not info.resource:
        return any(_path_matches(url, info.path) for url in rule.get("nonResourceURLs") or ())
    names = rule.get("resourceNames") or ()
    return (
        has("apiGroups", info.group)
        and (has("resources", info.full_resource) or _any_subresource(rule, info))
        and (not names or info.name in names)
    )


def _any_subresource(rule: Obj, info: Info) -> bool:
    wildcard = f"*/{info.subresource}"
    return bool(info.subresource) and wildcard in (rule.get("resources") or ())


def _path_matches(pattern: str, path: str) -> bool:
    if pattern.endswith("*"):
        return path.startswith(pattern[:-1])
    return path == pattern


def _is_subject(subject: Obj, user: User) -> bool:
    match subject.get("kind"):
        case "User":
            return bool(subject.get("name") == user.name)
        case "Group":
            return subject.get("name") in user.groups
        case "ServiceAccount":
            return (
                user.name
                == service_account(subject.get("namespace", ""), subject.get("name", "")).name
            )
    return False


class Authorizer:
    """RBAC over the roles and bindings in a store."""

    def __init__(self, store: Store) -> None:
        self._store = store

    def rules(self, user: User, namespace: str) -> Iterator[Obj]:
        """Every rule that holds for `user` in `namespace`; "" gives the cluster-wide ones."""
        yield from self._bound(user, self._store.objects("clusterrolebindings"))
        if namespace:
            yield from self._bound(user, self._store.objects("rolebindings", namespace))

    def _bound(self, user: User, bindings: Iterable[Obj]) -> Iterator[Obj]:
        for binding in bindings:
            if any(_is_subject(s, user) for s in binding.get("subjects") or ()):
                yield from self._role_rules(binding)

    def _role_rules(self, binding: Obj) -> list[Obj]:
        ref = binding.get("roleRef") or {}
        if ref.get("kind") == "ClusterRole":
            role = self._store.get("clusterroles", "", ref.get("name", ""))
        else:
            namespace = binding["metadata"].get("namespace", "")
            role = self._store.get("roles", namespace, ref.get("name", ""))
        return list((role or {}).get("rules") or ())

    def allowed(self, user: User, info: Info) -> bool:
        if ADMINS in user.groups:
            return True
        return any(_rule_allows(rule, info) for rule in self.rules(user, info.namespace))


def forbidden(user: User, info: Info) -> StatusError:
    """The 403 for a request that no rule allows."""
    if not info.resource:
        text = f'forbidden: User "{user.name}" cannot {info.verb} path "{info.path}"'
        return StatusError(403, "Forbidden", text)
    resource = f"{info.resource}.{info.group}" if info.group else info.resource
    where = f'in the namespace "{info.namespace}"' if info.namespace else "at the cluster scope"
    what = f'{resource} "{info.name}"' if info.name else resource
    text = (
        f'{what} is forbidden: User "{user.name}" cannot {info.verb} resource '
        f'"{info.full_resource}" in API group "{info.group}" {where}'
    )
    details = {"name": info.name, "group": info.group, "kind": info.resource}
    return StatusError(403, "Forbidden", text, {k: v for k, v in details.items() if v})


def empty_reason(info: Info) -> StatusError:
    """The second check of a WebSocket upgrade, 1.35 and later: no reason given (notes A.4)."""
    details = {"name": info.name, "kind": info.resource}
    return StatusError(403, "Forbidden", f'pods "{info.name}" is forbidden: ', details)


def _rule(verbs: list[str], resources: list[str], groups: list[str]) -> Obj:
    return {"verbs": verbs, "apiGroups": groups, "resources": resources}


_READ = ["get", "list", "watch"]
_PUBLIC = {"verbs": ["get"], "nonResourceURLs": ["/healthz", "/livez", "/readyz", "/version"]}
_DISCOVERY = {
    "verbs": ["get"],
    "nonResourceURLs": ["/api", "/api/*", "/apis", "/apis/*", "/openapi", "/openapi/*"],
}
_WORK = ["*"]


def bootstrap_roles() -> list[tuple[str, Obj]]:
    """(resource, object) of the roles and bindings that every cluster has."""
    rules: dict[str, list[Obj]] = {
        "cluster-admin": [_rule(["*"], ["*"], ["*"]), {"verbs": ["*"], "nonResourceURLs": ["*"]}],
        "admin": [_rule(["*"], _WORK, ["", "apps", "batch", "networking.k8s.io"])],
        "edit": [_rule(["*"], _WORK, ["", "apps", "batch", "networking.k8s.io"])],
        "view": [
            _rule(_READ, _WORK, ["apps", "batch", "networking.k8s.io", "discovery.k8s.io"]),
            _rule(
                _READ,
                ["pods", "pods/log", "services", "endpoints", "configmaps", "events", "namespaces"],
                [""],
            ),
        ],
        "system:discovery": [_DISCOVERY],
        "system:public-info-viewer": [_PUBLIC],
        "system:basic-user": [
            _rule(
                ["create"],
                ["selfsubjectaccessreviews", "selfsubjectrulesreviews"],
                ["authorization.k8s.io"],
            ),
            _rule(["create"], ["selfsubjectreviews"], ["authentication.k8s.io"]),
        ],
    }
    bindings = {
        "cluster-admin": [ADMINS],
        "system:discovery": [AUTHENTICATED],
        "system:basic-user": [AUTHENTICATED],
        "system:public-info-viewer": [AUTHENTICATED, UNAUTHENTICATED],
    }
    roles = [("clusterroles", {"metadata": {"name": n}, "rules": r}) for n, r in rules.items()]
    bound = [("clusterrolebindings", _binding(name, groups)) for name, groups in bindings.items()]
    return [*roles, *bound]


def _binding(role: str, groups: list[str]) -> Obj:
    api = "rbac.authorization.k8s.io"
    return {
        "metadata": {"name": role},
        "roleRef": {"apiGroup": api, "kind": "ClusterRole", "name": role},
        "subjects": [{"apiGroup": api, "kind": "Group", "name": group} for group in groups],
    }
