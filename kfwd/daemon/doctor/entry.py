"""The hops of one entry: rights, pod, port, transport, and the local port."""

from __future__ import annotations

from collections.abc import Mapping

from kfwd.api_doctor import Fact, Hop, HopState, Part
from kfwd.daemon.doctor.walk import STEP_S, Told, Walk, skipped
from kfwd.daemon.reach.knock import Knock, knock
from kfwd.daemon.shared_context import SharedContext
from kfwd.entries.entry import Entry
from kfwd.entries.parts import place
from kfwd.entries.states import Facts, Seen
from kfwd.errors import KfwdError
from kfwd.kube.cluster import Cluster
from kfwd.model import EntryView
from kfwd.resolve.facts import Endpoint
from kfwd.tunnel.dial import DIAL_S

PORTS_MAX = 8
ANSWER_S = 2.0
OF_PORT = {"bad-port", "no-such-port", "udp-port"}
"""What may be wrong with the port that was asked for, not with what the target stands for."""

VERBS = ("create", "get")
HOP_OF: Mapping[Part, Hop] = {
    "listener": "local-port",
    "context": "api",
    "pod": "pod",
    "session": "transport",
    "backend": "port",
}
REMOTE: tuple[Hop, ...] = ("rbac", "pod", "port", "transport")
NO_RIGHT, GRANT = "portforward-forbidden", "config/rbac in kfwd's source has a Role that grants it"


class EntryWalk:
    """`cluster` None: something is broken on the way to the API server."""

    def __init__(
        self, entry: Entry, context: SharedContext, cluster: Cluster | None, walk: Walk
    ) -> None:
        self._entry = entry
        self._context = context
        self._cluster = cluster
        self._walk = walk
        self._view: EntryView = entry.view()
        self._facts: Facts = entry.facts()
        self._parts: dict[str, Fact] = {fact.part: fact for fact in entry.parts()}
        self._knocked: Knock | None = None
        self._undialled: KfwdError | None = None

    async def run(self) -> None:
        """Walk them all. The local port needs no other."""
        walk, paused = self._walk, self._facts.paused
        if self._cluster is None or paused:
            why = "it is paused" if paused else f"{self._context.name} cannot be used"
            for hop in REMOTE:
                walk.tell(hop, skipped(why))
        else:
            await walk.take("rbac", self._rbac(self._cluster))
            await walk.take("pod", self._pod())
            await walk.take("port", self._port(), DIAL_S + STEP_S)
            await walk.take("transport", self._transport())
        walk.broken = None
        await walk.take("local-port", self._local_port())

    @property
    def _seen(self) -> Seen:
        return self._facts.ports[0].seen

    async def _rbac(self, cluster: Cluster) -> Told:
        if self._seen.by == "api":
            return skipped("what requests may do is theirs to find out")
        if self._seen.by == "direct":
            return skipped("connections go straight to an address")
        if self._seen.by == "api-proxy":
            return await self._may_proxy(cluster)
        may = [verb for verb in VERBS if await self._may(cluster, verb, "pods", "portforward")]
        where = f"pods/portforward in namespace {self._view.namespace}"
        if len(may) == len(VERBS):
            return Told(text=f"you may create and get {where}")
        missing = " and ".join(verb for verb in VERBS if verb not in may)
        serves = "create" in may or self._parts["session"].state == "ok"
        rest = ": only some transports work" if serves else ""
        return Told(
            state="warning" if serves else "broken",
            text=f"you may not {missing} {where}{rest}",
            hint=GRANT,
            code=NO_RIGHT,
        )

    async def _may_proxy(self, cluster: Cluster) -> Told:
        resource = "services" if (self._view.target or "").startswith("s") else "pods"
        where = f"{resource}/proxy in namespace {self._view.namespace}"
        if await self._may(cluster, "get", resource, "proxy"):
            return Told(text=f"you may get {where}")
        return Told(state="broken", text=f"you may not get {where}", hint=GRANT, code="forbidden")

    async def _may(self, cluster: Cluster, verb: str, resource: str, sub: str) -> bool:
        """Whether we may do this to any pod there or, if not, to the one that is meant."""
        pods = [each.pod for each in self._seen.places[:1] if isinstance(each, Endpoint)]
        for name in ("", *pods):
            if await cluster.api.allowed(
                verb, resource, self._view.namespace, subresource=sub, name=name
            ):
                return True
        return False

    async def _pod(self) -> Told:
        fact = self._parts["pod"]
        if fact.code in OF_PORT:
            return Told(text="what the target stands for is there")
        if fact.state == "unknown":
            return Told(state="warning", text=fact.text, code="not-ready")
        return _as_told(fact)

    async def _port(self) -> Told:
        if (fact := self._parts["pod"]).code in OF_PORT:
            return _as_told(fact)
        if self._seen.by in ("api", "cluster"):
            return skipped("every request says its own")
        if self._seen.by != "tunnel":
            return _as_told(self._parts["backend"])
        pods = [port.seen.places[0] for port in self._facts.ports[:PORTS_MAX] if port.seen.places]
        for each in pods:
            assert isinstance(each, Endpoint), "places behind a tunnel are pods"
            if (told := await self._refused(each)) is not None:
                return told
        if self._knocked is None:
            return skipped("there is no pod to ask")
        listed = ", ".join(place(each) for each in pods)
        return Told(text=f"something listens on {listed}", latency_ms=self._knocked.latency_ms)

    async def _refused(self, each: Endpoint) -> Told | None:
        """Why nothing comes of a port. What came of the session is for `_transport`."""
        try:
            found = await knock(self._context, each.namespace, each.pod, each.port, ANSWER_S)
        except KfwdError as error:
            self._undialled = error
            return skipped("there is no session to ask over")
        self._knocked = found
        if found.refusal is None:
            return None
        return Told(
            state="broken",
            text=f"{found.refusal} in {each.pod}",
            hint="check the container's port, or wait until it has started",
            code="port-refused",
        )

    async def _transport(self) -> Told:
        fact = self._parts["session"]
        if self._undialled is not None:
            raise self._undialled
        if fact.state == "warning":
            return _as_told(fact)
        if self._knocked is not None:
            return Told(text=f"{self._knocked.transport} works")
        return _as_told(fact)

    async def _local_port(self) -> Told:
        return _as_told(self._parts["listener"])


def untried(entry: Entry, walk: Walk) -> None:
    """Tell what is known of an entry without trying anything."""
    for fact in entry.parts():
        if fact.state in ("warning", "broken"):
            walk.tell(HOP_OF[fact.part], _as_told(fact))


def _as_told(fact: Fact) -> Told:
    state: HopState = "skipped"
    if fact.state in ("ok", "warning", "broken"):
        state = fact.state
    return Told(state=state, text=fact.text, code=fact.code, hint=fact.hint)
