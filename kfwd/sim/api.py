"""The API server without its sockets: a request in, an answer or a watch out.

The order of checks is apiserver's: overload, authentication, authorization, object (protocol notes
A.2). Faults are asked at the point where a real server would fail.
"""

from __future__ import annotations

import base64
import binascii
from collections.abc import Callable, Mapping
from typing import Any

import msgspec

from kfwd.kube.route_objects import GATEWAY_GROUP
from kfwd.resolve import ingress_legacy
from kfwd.sim import discovery, logs, read, reviews, subresources, write
from kfwd.sim.auth import (
    ANONYMOUS,
    UNAUTHENTICATED,
    Authorizer,
    Tokens,
    User,
    certificate_user,
    empty_reason,
    forbidden,
)
from kfwd.sim.exchange import Answer, Request, WatchAnswer, json_answer, object_of
from kfwd.sim.faults import Faults
from kfwd.sim.logs import LogAnswer
from kfwd.sim.podlog import PodLog
from kfwd.sim.requests import Info, parse, query_of
from kfwd.sim.resources import BY_PATH, PODS, Resource
from kfwd.sim.status import (
    StatusError,
    bad_request,
    method_not_allowed,
    no_such_path,
    unauthorized,
)
from kfwd.sim.store import Store

Obj = dict[str, Any]

HEALTH = frozenset({"/healthz", "/livez", "/readyz"})

NOT_SERVED = Answer(
    body=b"404 page not found\n",
    code=404,
    content_type="text/plain; charset=utf-8",
    headers={"X-Content-Type-Options": "nosniff"},
)
"""For a path that nothing is registered for (apiserver `pkg/util/notfoundhandler`): no Status."""


class Api:
    """Everything that answers a request but the bytes behind `portforward` and `proxy`."""

    def __init__(
        self,
        store: Store,
        tokens: Tokens,
        faults: Faults,
        log: Callable[[str], PodLog | None] = lambda uid: None,
    ) -> None:
        """`log` finds what a pod wrote, by the pod's UID."""
        self.store = store
        self.tokens = tokens
        self.authorizer = Authorizer(store)
        self._faults = faults
        self._log = log

    def user(
        self,
        headers: Mapping[str, str],
        peercert: Mapping[str, Any] | None,
        *,
        faulty: bool = True,
    ) -> User:
        """Who asks. Raises 401. `faulty`: the faults count."""
        user = self._certified_or_token(headers, peercert, faulty)
        if "impersonate-user" in headers:
            return self._impersonated(user, headers)
        return user

    def _certified_or_token(
        self, headers: Mapping[str, str], peercert: Mapping[str, Any] | None, faulty: bool
    ) -> User:
        if (user := certificate_user(peercert)) is not None:
            return user
        scheme, _, bearer = headers.get("authorization", "").partition(" ")
        if not scheme:
            return User(ANONYMOUS, (UNAUTHENTICATED,))
        found = self.tokens.user(bearer.strip()) if scheme.lower() == "bearer" else None
        if found is None or (faulty and self._faults.rejects_tokens):
            raise unauthorized()
        return found

    def _impersonated(self, user: User, headers: Mapping[str, str]) -> User:
        name = headers["impersonate-user"]
        groups = tuple(filter(None, headers.get("impersonate-group", "").split(", ")))
        asked = [Info(verb="impersonate", path="", resource="users", name=name)]
        asked += [Info(verb="impersonate", path="", resource="groups", name=g) for g in groups]
        for info in asked:
            self.authorize(user, info)
        return User(name, tuple(dict.fromkeys((*groups, "system:authenticated"))))

    def authorize(self, user: User, info: Info) -> None:
        """Raises 403, or 401 for one who gave no name."""
        if self.authorizer.allowed(user, info) and not self._forbidden(info):
            return
        raise unauthorized() if user.name == ANONYMOUS else forbidden(user, info)

    def _forbidden(self, info: Info) -> bool:
        return bool(info.resource) and self._faults.forbids(info.verb, info.full_resource)

    def portforward_pod(
        self, method: str, target: str, headers: Mapping[str, str], peercert: Any
    ) -> Obj:
        """The pod of a `pods/portforward` request. Raises 400, 401, 403, 404 (notes A.2)."""
        path, _, raw = target.partition("?")
        query = query_of(raw)
        info = parse(method, path, {})
        user = self.user(_with_protocol_token(headers), peercert)
        self.authorize(user, info)
        if info.verb not in {"get", "create"}:
            raise method_not_allowed()
        if info.verb == "get":
            create = msgspec.structs.replace(info, verb="create")
            if not self.authorizer.allowed(user, create) or self._forbidden(create):
                raise empty_reason(info)
        if "dryRun" in query:
            raise bad_request("the dryRun parameter is not supported on connect")
        pod = read.find(self.store, PODS, info.namespace, info.name)
        if not pod["spec"].get("nodeName"):
            raise bad_request(f"pod {info.name} does not have a host assigned")
        return pod

    def proxied(self, method: str, target: str, headers: Mapping[str, str], peercert: Any) -> Info:
        """What a request to a `proxy` subresource asks for, once it may. Raises 401, 403."""
        user = self.user(_with_protocol_token(headers), peercert)
        info = parse(method, target.partition("?")[0], {})
        self.authorize(user, info)
        return info

    def answer(
        self,
        method: str,
        target: str,
        headers: Mapping[str, str],
        peercert: Mapping[str, Any] | None,
        body: bytes = b"",
        *,
        faulty: bool = True,
    ) -> Answer | WatchAnswer | LogAnswer:
        """Answer one request; header names are lower case. Raises StatusError.

        `faulty`: requests may be too many and tokens have expired.
        """
        if faulty and self._faults.takes_too_many():
            return self._overloaded()
        path, _, raw = target.partition("?")
        query = query_of(raw)
        user = self.user(headers, peercert, faulty=faulty)
        info = parse(method, path, query)
        self.authorize(user, info)
        request = Request(info=info, query=query, user=user, headers=headers, body=body)
        if not info.resource:
            return self._plain(request)
        resource = BY_PATH.get((info.group, info.version, info.resource))
        if resource is None:
            return _not_served(request)
        if info.subresource and info.subresource != "status":
            return self._subresource(resource, request)
        return self._object(resource, request)

    def _overloaded(self) -> Answer:
        """What priority and fairness answers when it drops a request (notes I.5)."""
        headers = {
            "Retry-After": str(self._faults.now.retry_after_s),
            "X-Content-Type-Options": "nosniff",
            "X-Kubernetes-PF-FlowSchema-UID": "4f3c6a52-0000-4000-8000-000000000001",
            "X-Kubernetes-PF-PriorityLevel-UID": "4f3c6a52-0000-4000-8000-000000000002",
        }
        return Answer(
            body=b"Too many requests, please try again later.\n",
            code=429,
            content_type="text/plain; charset=utf-8",
            headers=headers,
        )

    def _plain(self, request: Request) -> Answer:
        path = request.info.path.rstrip("/")
        if request.info.verb not in {"get", "head"}:
            raise method_not_allowed()
        if path in HEALTH:
            return self._health(path, verbose="verbose" in request.query)
        found = discovery.document(path, request.accept, request.headers.get("host", ""))
        if found is None:
            return NOT_SERVED
        document, content_type = found
        if not isinstance(document, bytes):
            document = msgspec.json.encode(document) + b"\n"
        return Answer(body=document, content_type=content_type)

    def _health(self, path: str, *, verbose: bool) -> Answer:
        text = "ok"
        if verbose:
            text = f"[+]ping ok\n[+]etcd ok\n{path.strip('/')} check passed\n"
        return Answer(body=text.encode(), content_type="text/plain; charset=utf-8")

    def _object(self, resource: Resource, request: Request) -> Answer | WatchAnswer:
        info = request.info
        if info.subresource and info.subresource not in resource.subresources:
            raise no_such_path()
        if info.verb not in resource.verbs:
            raise method_not_allowed()
        if not resource.stored:
            review = object_of(request)
            return json_answer(
                reviews.answer(
                    resource.name, self.authorizer, self._faults.forbids, request.user, review
                ),
                201,
            )
        if info.verb == "watch":
            return read.watch(self.store, resource, request)
        handlers = {
            "get": read.get,
            "list": read.list_all,
            "create": write.create,
            "update": write.update,
            "patch": write.patch_object,
            "delete": write.delete,
            "deletecollection": write.delete_collection,
        }
        if info.verb == "create" and resource.namespaced and not info.namespace:
            raise method_not_allowed()
        return handlers[info.verb](self.store, resource, request)

    def _subresource(self, resource: Resource, request: Request) -> Answer | LogAnswer:
        name = request.info.subresource
        if name not in resource.subresources:
            raise no_such_path()
        match name, request.info.verb:
            case "scale", _:
                return subresources.scale(self.store, resource, request)
            case "eviction", "create":
                return subresources.eviction(self.store, request)
            case "binding", "create":
                return subresources.binding(self.store, request)
            case "log", "get":
                pod = read.find(self.store, PODS, request.info.namespace, request.info.name)
                log = self._log(pod["metadata"]["uid"])
                return logs.answer(pod, log, request.query, self.store.clock())
            case "token", "create":
                return subresources.token(self.store, self.tokens, request)
        raise method_not_allowed()


def _not_served(request: Request) -> Answer:
    """A Status where a built-in group lacks it; what no group serves falls through to nobody."""
    if (error := _removed(request)) is not None:
        raise error
    info = request.info
    known = (info.group, info.version) in {key[:2] for key in BY_PATH}
    if known and info.group != GATEWAY_GROUP:
        raise no_such_path()
    return NOT_SERVED


def _removed(request: Request) -> StatusError | None:
    """What to write instead of an Ingress in a form that is not served any more."""
    version = f"{request.info.group}/{request.info.version}"
    if version not in ingress_legacy.GONE or not request.body.strip():
        return None
    sent = {**object_of(request), "apiVersion": version, "kind": "Ingress"}
    old = ingress_legacy.complaint(sent)
    return StatusError(404, "NotFound", f"{old.text}: {old.hint}") if old else None


def _with_protocol_token(headers: Mapping[str, str]) -> Mapping[str, str]:
    """The headers with a token that came as a WebSocket subprotocol (protocol notes A.1)."""
    prefix = "base64url.bearer.authorization.k8s.io."
    offered = [p.strip() for p in headers.get("sec-websocket-protocol", "").split(",")]
    for protocol in offered:
        if "authorization" not in headers and protocol.startswith(prefix):
            text = protocol.removeprefix(prefix)
            try:
                token = base64.urlsafe_b64decode(text + "=" * (-len(text) % 4)).decode()
            except (binascii.Error, UnicodeDecodeError):
                raise unauthorized() from None
            return {**headers, "authorization": f"Bearer {token}"}
    return headers
