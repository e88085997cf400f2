"""Objects and requests as the tests of the simulated cluster need them."""

from __future__ import annotations

import json
from typing import Any

from kfwd.sim.api import Api
from kfwd.sim.auth import ADMINS, AUTHENTICATED, Tokens, User, bootstrap_roles
from kfwd.sim.content import DEMO, IMAGE, deployment, node, service
from kfwd.sim.exchange import Answer, WatchAnswer
from kfwd.sim.faults import Faults
from kfwd.sim.logs import LogAnswer
from kfwd.sim.resources import BY_KIND, BY_NAME
from kfwd.sim.status import StatusError
from kfwd.sim.store import Store
from kfwd.sim.write import create_object

Obj = dict[str, Any]

ADMIN = User("kubernetes-admin", (ADMINS, AUTHENTICATED))

__all__ = ["ADMIN", "DEMO", "Asker", "create", "deployment", "filled", "node", "pod", "service"]


def pod(name: str, labels: dict[str, str] | None = None, **spec: object) -> Obj:
    """A pod manifest with one container."""
    container = {"name": "c", "image": IMAGE, "ports": [{"name": "http", "containerPort": 8080}]}
    return {
        "kind": "Pod",
        "apiVersion": "v1",
        "metadata": {"name": name, "labels": labels or {}},
        "spec": {"containers": [container], **spec},
    }


def filled() -> Store:
    """A store with namespace `demo`, four nodes and the roles every cluster has."""
    store = Store()
    create_object(store, BY_NAME["namespaces"], {"metadata": {"name": DEMO}}, "")
    for number in range(1, 5):
        store.create("nodes", node(f"node-{number}", f"127.0.0.{10 + number}", store.now()))
    for resource, obj in bootstrap_roles():
        store.create(resource, obj)
    return store


def create(store: Store, obj: Obj, namespace: str = DEMO) -> Obj:
    """Store a manifest as a POST would."""
    return create_object(store, BY_KIND[obj["apiVersion"], obj["kind"]], obj, namespace)


class Asker:
    """A client of an API without sockets, with a token of its own."""

    def __init__(self, user: User = ADMIN, store: Store | None = None) -> None:
        self.store = store if store is not None else filled()
        self.faults = Faults()
        self.tokens = Tokens()
        self.api = Api(self.store, self.tokens, self.faults)
        self.headers = {"authorization": f"Bearer {self.tokens.issue(user)}"}

    def ask(
        self, method: str, target: str, body: object = None, **headers: str
    ) -> Answer | WatchAnswer | LogAnswer:
        """A request; header names take `_` for `-`."""
        named = {name.replace("_", "-"): value for name, value in headers.items()}
        raw = (
            body if isinstance(body, bytes) else b"" if body is None else json.dumps(body).encode()
        )
        return self.api.answer(method, target, {**self.headers, **named}, None, raw)

    def json(self, method: str, target: str, body: object = None, **headers: str) -> Any:
        """The body of an answer that is not a watch."""
        answer = self.ask(method, target, body, **headers)
        assert isinstance(answer, Answer)
        return json.loads(answer.body)

    def watch(self, target: str, **headers: str) -> WatchAnswer:
        answer = self.ask("GET", target, **headers)
        assert isinstance(answer, WatchAnswer)
        return answer

    def refusal(self, method: str, target: str, body: object = None, **headers: str) -> StatusError:
        """The error that a request ends with."""
        try:
            self.ask(method, target, body, **headers)
        except StatusError as error:
            return error
        raise AssertionError(f"{method} {target} was not refused")
