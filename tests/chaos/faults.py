"""How each kind of fault is done to the world, and undone."""

from __future__ import annotations

import os
import random
import signal
import time
from collections.abc import Callable
from typing import Any

from tests.chaos.schedule import Event, Kind
from tests.chaos.windows import CERT
from tests.chaos.world import World

DELETE_GRACE_S = 3
GONE_S = 40.0

BANS: tuple[dict[str, Any], ...] = (
    {"refuse_upgrade": 403, "refuse_transports": ["spdy"]},
    {"refuse_upgrade": 502, "refuse_transports": ["spdy"]},
    {"refuse_upgrade": 400, "refuse_transports": ["websocket"]},
    {"drop_transports": ["spdy"]},
)
UNBAN: dict[str, Any] = {"refuse_upgrade": 0, "refuse_transports": [], "drop_transports": []}


def inject(world: World, event: Event) -> None:
    """Do it, wait as long as it lasts, undo it; blocks until its consequences are over."""
    _DEEDS[event.kind](world, event, random.Random(event.pick))


def calm(world: World) -> None:
    """Undo whatever the cluster still has."""
    world.sim.faults(
        api_down=False,
        freeze="",
        watch_gone=False,
        too_many_requests=0,
        latency_ms=0,
        **UNBAN,
    )


def _switched(world: World, event: Event, during: dict[str, Any], after: dict[str, Any]) -> None:
    world.sim.faults(**during)
    time.sleep(event.lasts)
    world.sim.faults(**after)


def _latency(world: World, event: Event, rng: random.Random) -> None:
    _switched(world, event, {"latency_ms": rng.choice((20, 100, 300))}, {"latency_ms": 0})


def _freeze_sessions(world: World, event: Event, rng: random.Random) -> None:
    _switched(world, event, {"freeze": "sessions"}, {"freeze": ""})


def _freeze_all(world: World, event: Event, rng: random.Random) -> None:
    _switched(world, event, {"freeze": "all"}, {"freeze": ""})


def _api_down(world: World, event: Event, rng: random.Random) -> None:
    world.sim.faults(api_down=True)
    world.admin("POST", "/sim/cut", {"how": rng.choice(("eof", "reset"))})
    time.sleep(event.lasts)
    world.sim.faults(api_down=False)


def _ban(world: World, event: Event, rng: random.Random) -> None:
    _switched(world, event, rng.choice(BANS), UNBAN)


def _token(world: World, event: Event, rng: random.Random) -> None:
    world.admin("POST", "/sim/revoke", {"token": world.token})
    time.sleep(event.lasts)
    world.new_token()


def _restart(world: World, event: Event, rng: random.Random) -> None:
    world.restart_daemon()


def _kill(world: World, event: Event, rng: random.Random) -> None:
    world.kill_daemon()
    time.sleep(event.lasts)
    world.run_daemon()


def _sleep(world: World, event: Event, rng: random.Random) -> None:
    os.kill(world.pid, signal.SIGSTOP)
    time.sleep(event.lasts)
    os.kill(world.pid, signal.SIGCONT)


def _until_gone(world: World, uids: set[str]) -> None:
    def gone() -> bool:
        return not uids & {pod["metadata"]["uid"] for pod in world.pods()}

    world.until(gone, "the pods are gone", GONE_S)


def _pod_delete(world: World, event: Event, rng: random.Random) -> None:
    pods = [pod["metadata"] for pod in world.pods()]
    chosen = rng.sample(pods, min(len(pods), rng.choice((1, 1, 2, 3))))
    for pod in chosen:
        grace = {"gracePeriodSeconds": rng.randint(0, DELETE_GRACE_S)}
        world.admin("DELETE", world.path(f"pods/{pod['name']}"), grace)
    _until_gone(world, {pod["uid"] for pod in chosen})


def _rollout(world: World, event: Event, rng: random.Random) -> None:
    old = {pod["metadata"]["uid"] for pod in world.pods()}
    stamp = {"kubectl.kubernetes.io/restartedAt": f"{event.at}"}
    template = {"spec": {"template": {"metadata": {"annotations": stamp}}}}
    world.patch("deployments/web", template, "/apis/apps/v1")
    _until_gone(world, old)


def _unready(world: World, event: Event, rng: random.Random) -> None:
    pod = rng.choice(world.pods())
    _set_ready(world, pod["metadata"]["name"], "False")
    time.sleep(event.lasts)
    _set_ready(world, pod["metadata"]["name"], "True")


def _set_ready(world: World, name: str, status: str) -> None:
    """As a readiness probe that fails or passes would. A pod that is gone is left alone."""
    pod = world.admin("GET", world.path(f"pods/{name}"))
    if pod.status == 404 or "deletionTimestamp" in pod["metadata"]:
        return
    conditions = pod["status"]["conditions"]
    for condition in conditions:
        if condition["type"] in {"Ready", "ContainersReady"}:
            condition["status"] = status
    world.patch(f"pods/{name}/status", {"status": {"conditions": conditions}})


def _cut(how: str) -> Callable[[World, Event, random.Random], None]:
    def cut(world: World, event: Event, rng: random.Random) -> None:
        world.admin("POST", "/sim/cut", {"how": how})

    return cut


def _compact(world: World, event: Event, rng: random.Random) -> None:
    world.admin("POST", "/sim/compact")


def _watch_gone(world: World, event: Event, rng: random.Random) -> None:
    _switched(world, event, {"watch_gone": True}, {"watch_gone": False})


def _too_many(world: World, event: Event, rng: random.Random) -> None:
    world.sim.faults(too_many_requests=rng.randint(1, 20), retry_after_s=1)


def _edit(world: World, event: Event, rng: random.Random) -> None:
    """A forward more, a broken file, or a comment; afterwards the file is as before."""
    file, text = world.profile(CERT), world.profile_text(CERT)
    more = world.profile_text(CERT, "- {name: more, target: svc/web, ports: [':80']}\n")
    file.write_text(rng.choice((more, f"{text}forwards: 3\n", f"# edited\n{text}", "")))
    time.sleep(event.lasts)
    file.write_text(text)


_DEEDS: dict[Kind, Callable[[World, Event, random.Random], None]] = {
    Kind.LATENCY: _latency,
    Kind.FREEZE_SESSIONS: _freeze_sessions,
    Kind.FREEZE_ALL: _freeze_all,
    Kind.API_DOWN: _api_down,
    Kind.BAN: _ban,
    Kind.TOKEN: _token,
    Kind.RESTART: _restart,
    Kind.KILL: _kill,
    Kind.SLEEP: _sleep,
    Kind.POD_DELETE: _pod_delete,
    Kind.UNREADY: _unready,
    Kind.ROLLOUT: _rollout,
    Kind.CUT_EOF: _cut("eof"),
    Kind.CUT_RESET: _cut("reset"),
    Kind.CUT_BACKEND: _cut("backend"),
    Kind.COMPACT: _compact,
    Kind.WATCH_GONE: _watch_gone,
    Kind.TOO_MANY: _too_many,
    Kind.EDIT: _edit,
}
