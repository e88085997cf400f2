"""What a gateway sees of a cluster: services, pods and rules of all namespaces it may look at."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from contextlib import ExitStack, contextmanager
from typing import Any

from kfwd.entries.states import Fault
from kfwd.errors import Forbidden, KfwdError, NotFound
from kfwd.kube.objects import ENDPOINT_SLICES, NAMESPACES, PODS, SERVICES, Kind
from kfwd.kube.reflector import Source
from kfwd.kube.reflectors import Reflectors
from kfwd.kube.route_objects import GATEWAYS, HTTP_ROUTES, INGRESSES, REFERENCE_GRANTS
from kfwd.model import Problem
from kfwd.resolve import rules
from kfwd.resolve.landscape import Landscape
from kfwd.resolve.rules import RuleObjects, Rules

OBJECTS = (SERVICES, ENDPOINT_SLICES, PODS)
RULES = (INGRESSES, HTTP_ROUTES, GATEWAYS, REFERENCE_GRANTS, NAMESPACES)
UNIMPORTANT = frozenset({NAMESPACES.name})
"""Only routes that choose namespaces by label need these; those say so themselves."""


class Wide:
    """The objects of one kind: of all namespaces or, where that is forbidden, of one."""

    def __init__(
        self,
        kind: Kind[Any],
        namespace: str,
        reflectors: Reflectors,
        stack: ExitStack,
        wake: Callable[[], None],
    ) -> None:
        self.kind = kind
        self._namespace = namespace
        self._reflectors = reflectors
        self._stack = stack
        self._wake = wake
        self._all = self._use(None)
        self._one: Source[Any] | None = None

    def _use(self, namespace: str | None) -> Source[Any]:
        source = self._stack.enter_context(self._reflectors.use(self.kind, namespace))
        self._stack.callback(source.subscribe(self._wake))
        return source

    def settle(self) -> None:
        """Turn to the one namespace if that is all that is left."""
        forbidden = isinstance(self._all.problem, Forbidden) and not self._all.synced
        if forbidden and self._one is None and self.kind.namespaced:
            self._one = self._use(self._namespace)

    @property
    def narrow(self) -> bool:
        """Whether only the one namespace can be looked at."""
        return self._one is not None and not self._all.synced

    @property
    def _source(self) -> Source[Any]:
        return self._one if self._one is not None and self.narrow else self._all

    @property
    def looked(self) -> bool:
        """Whether the objects were read, or are known to be unreadable."""
        return self._source.synced or self._source.problem is not None

    @property
    def absent(self) -> bool:
        """Whether the cluster has no such kind, which it need not have."""
        return self.kind.optional and isinstance(self._source.problem, NotFound)

    @property
    def objects(self) -> Mapping[str, Any] | None:
        """By `NAMESPACE/NAME` (namespaces: by name); None: not readable."""
        if self.absent:
            return {}
        if not self._source.synced:
            return None
        if not self.narrow:
            return self._source.objects
        return {f"{self._namespace}/{name}": each for name, each in self._source.objects.items()}

    def refresh(self) -> None:
        self._source.refresh()

    @property
    def problem(self) -> KfwdError | None:
        if self.absent or self.kind.name in UNIMPORTANT:
            return None
        return self._source.problem


class Outlook:
    """All kinds that a gateway looks at. `landscape` is what they hold now."""

    def __init__(self, namespace: str) -> None:
        self.kinds: dict[str, Wide] = {}
        self._namespace = namespace
        self._landscape: Landscape | None = None
        self._rules: Rules | None = None

    def changed(self, kind: Kind[Any]) -> None:
        """What is known of a kind has changed."""
        self._landscape = None
        if kind in RULES:
            self._rules = None

    def settle(self) -> None:
        for wide in self.kinds.values():
            wide.settle()

    @property
    def looked(self) -> bool:
        return all(wide.looked for wide in self.kinds.values())

    @property
    def landscape(self) -> Landscape:
        """Valid until the next await."""
        if self._landscape is None:
            self._landscape = Landscape(
                services=self.kinds[SERVICES.name].objects,
                slices=self.kinds[ENDPOINT_SLICES.name].objects,
                pods=self.kinds[PODS.name].objects,
                rules=self._built(),
            )
        return self._landscape

    def _built(self) -> Rules:
        if self._rules is None:
            grants = self._objects(REFERENCE_GRANTS)
            namespaces = self._objects(NAMESPACES)
            self._rules = rules.build(
                RuleObjects(
                    ingresses=(self._objects(INGRESSES) or {}).values(),
                    routes=(self._objects(HTTP_ROUTES) or {}).values(),
                    gateways=self._objects(GATEWAYS),
                    grants=None if grants is None else grants.values(),
                    namespaces=namespaces
                    and {name: each.labels for name, each in namespaces.items()},
                )
            )
        return self._rules

    def _objects(self, kind: Kind[Any]) -> Mapping[str, Any] | None:
        return self.kinds[kind.name].objects

    @property
    def fault(self) -> Fault | None:
        """What cannot be looked at."""
        hidden = [w for w in self.kinds.values() if w.problem is not None and w.objects is None]
        if hidden:
            what = ", ".join(wide.kind.name for wide in hidden)
            first = hidden[0].problem
            return _warning("not-readable", f"{what} cannot be read: {first}")
        if narrow := [wide.kind.name for wide in self.kinds.values() if wide.narrow]:
            listed = ", ".join(name for name in narrow if name not in UNIMPORTANT)
            text = f"only namespace {self._namespace} can be looked at: {listed}"
            return _warning("one-namespace", text)
        late = next((wide.problem for wide in self.kinds.values() if wide.problem), None)
        return _warning(late.code, late.text) if late is not None else None

    def refresh(self) -> None:
        """Look again at once at what tells who is ready."""
        for kind in OBJECTS:
            self.kinds[kind.name].refresh()


def _warning(code: str, text: str) -> Fault:
    hint = "a ClusterRole with list and watch on these shows more"
    return Fault(Problem(code=code, severity="warning", text=text, hint=hint))


@contextmanager
def outlook(reflectors: Reflectors, namespace: str, wake: Callable[[], None]) -> Iterator[Outlook]:
    """Look at a cluster; `namespace` is the one that is left where rules forbid all of them."""
    seen = Outlook(namespace)

    def noticed(kind: Kind[Any]) -> Callable[[], None]:
        def notice() -> None:
            seen.changed(kind)
            wake()

        return notice

    with ExitStack() as stack:
        for kind in (*OBJECTS, *RULES):
            seen.kinds[kind.name] = Wide(kind, namespace, reflectors, stack, noticed(kind))
        yield seen
