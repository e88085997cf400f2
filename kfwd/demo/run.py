"""The demo from beginning to end: for a machine with numbers, for a person with a shell hint."""

from __future__ import annotations

import threading
import time
from collections.abc import Callable, Iterator, Mapping, Sequence

from kfwd.demo.stage import Stage
from kfwd.demo.steps import STEPS, Demo, Step, bring_up, start_cluster
from kfwd.demo.traffic import Tally
from kfwd.errors import ExitCode, KfwdError
from kfwd.signals import terminable

Say = Callable[[str], None]


def headless(
    env: Mapping[str, str],
    say: Say,
    *,
    steps: Sequence[tuple[str, Step]] = STEPS,
    clock: Callable[[], float] = time.monotonic,
) -> int:
    """Run every step, say a line for each and the sum at the end; returns the exit status."""
    tally, begun = Tally(), clock()
    with terminable(), Stage(env) as stage:
        demo = Demo(stage, tally)
        good = all(_step(demo, name, step, say, clock) for name, step in steps)
    seconds = clock() - begun
    say(
        f"demo: {tally.requests} requests, {tally.failed} failed, "
        f"{tally.verified} bytes verified by SHA-256, {demo.deletions} deletions, "
        f"{demo.restarts} restarts in {seconds:.1f} s"
    )
    return ExitCode.OK if good and not tally.failed else ExitCode.FAILED


def _step(demo: Demo, name: str, step: Step, say: Say, clock: Callable[[], float]) -> bool:
    tally, begun = demo.tally, clock()
    requests, failed = tally.requests, tally.failed
    try:
        seen = step(demo)
    except KfwdError as error:
        say(f"{name:22} FAILED: {error.text}")
        return False
    counts = f"{tally.requests - requests:5} requests, {tally.failed - failed} failed"
    say(f"{name:22} {clock() - begun:5.1f} s  {counts}  {seen}")
    for reason in tally.reasons[-1:] if tally.failed > failed else []:
        say(f"{'':22} {reason}")
    return True


def interactive(env: Mapping[str, str], say: Say) -> int:
    """Leave the cluster and the daemon running until Ctrl-C or SIGTERM."""
    with terminable(), Stage(env) as stage:
        demo = Demo(stage, Tally())
        for name, step in (("start a cluster", start_cluster), ("bring a profile up", bring_up)):
            if not _step(demo, name, step, say, time.monotonic):
                return ExitCode.FAILED
        for line in hint(stage.own, demo.ports()):
            say(line)
        try:
            threading.Event().wait()
        except KeyboardInterrupt:
            say("cleaning up")
    return ExitCode.OK


def hint(own: Mapping[str, str], ports: Mapping[str, int]) -> Iterator[str]:
    """What to type in another shell."""
    yield ""
    yield "In another shell:"
    yield ""
    for name, value in own.items():
        yield f"  export {name}={value}"
    yield ""
    yield "  kfwd ls --watch"
    yield f"  curl http://localhost:{ports['web:http']}/"
    yield "  kubectl delete pod -l app=web --wait=false"
    yield "  kubectl rollout restart deploy/web"
    yield ""
    yield "Ctrl-C here ends it and removes everything."
