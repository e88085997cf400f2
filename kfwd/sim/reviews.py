"""Questions about oneself: may I, what may I, who am I."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from kfwd.sim.auth import ADMINS, Authorizer, User
from kfwd.sim.requests import Info

Obj = dict[str, Any]
Forbids = Callable[[str, str], bool]


def _asked(spec: Obj) -> Info:
    """The request that a SelfSubjectAccessReview asks about."""
    if plain := spec.get("nonResourceAttributes"):
        return Info(verb=plain.get("verb", ""), path=plain.get("path", ""))
    about = spec.get("resourceAttributes") or {}
    return Info(
        path="",
        **{f: about.get(f, "") for f in ("verb", "group", "resource", "subresource", "name")},
        namespace=about.get("namespace", ""),
    )


def access(authorizer: Authorizer, forbids: Forbids, user: User, review: Obj) -> Obj:
    """SelfSubjectAccessReview. "*" for a verb or resource asks for all of them."""
    info = _asked(review.get("spec") or {})
    allowed = authorizer.allowed(user, info) and not forbids(info.verb, info.full_resource)
    status: Obj = {"allowed": allowed}
    if allowed:
        status["reason"] = "RBAC: allowed"
    return {**review, "status": status}


def rules(authorizer: Authorizer, user: User, review: Obj) -> Obj:
    """SelfSubjectRulesReview."""
    namespace = (review.get("spec") or {}).get("namespace", "")
    found = list(authorizer.rules(user, namespace))
    if ADMINS in user.groups:
        found.append({"verbs": ["*"], "apiGroups": ["*"], "resources": ["*"]})
    status = {
        "resourceRules": [rule for rule in found if "resources" in rule],
        "nonResourceRules": [rule for rule in found if "nonResourceURLs" in rule],
        "incomplete": False,
    }
    return {**review, "status": status}


def identity(user: User, review: Obj) -> Obj:
    """SelfSubjectReview."""
    info = {"username": user.name, "groups": list(user.groups)}
    return {**review, "status": {"userInfo": info}}


def answer(resource: str, authorizer: Authorizer, forbids: Forbids, user: User, review: Obj) -> Obj:
    """The review with its status filled in."""
    review = {**review, "metadata": {"creationTimestamp": None}}
    match resource:
        case "selfsubjectaccessreviews":
            return access(authorizer, forbids, user, review)
        case "selfsubjectrulesreviews":
            return rules(authorizer, user, review)
    return identity(user, review)
