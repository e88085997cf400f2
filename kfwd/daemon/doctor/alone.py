"""The way to an API server, walked without a daemon: `python -m kfwd.daemon.doctor.alone`.

A program of its own, so that the command line can walk it without knowing what a cluster is. A
`DoctorQuery` comes in on stdin; the lines of `GET /v1/doctor` go out on stdout.
"""

from __future__ import annotations

import asyncio
import os
import sys
from collections.abc import AsyncGenerator, Mapping

import msgspec

from kfwd import decoding
from kfwd.api_doctor import AnyDoctorEvent, DoctorQuery, HopWalked
from kfwd.daemon import profiles
from kfwd.daemon.clusters import Clusters
from kfwd.daemon.doctor.context import ContextWalk
from kfwd.daemon.doctor.findings import diagnosis, unknown
from kfwd.daemon.doctor.walk import Walk
from kfwd.errors import ConfigError
from kfwd.tasks import TaskSet


async def examine(
    query: DoctorQuery, env: Mapping[str, str]
) -> AsyncGenerator[AnyDoctorEvent, None]:
    """The hops to the API server of the caller's context, then the diagnosis."""
    try:
        ref = await asyncio.to_thread(profiles.find, query.kubeconfig, query.context)
    except ConfigError as error:
        for event in unknown(query.context, error):
            yield event
        return
    clusters = Clusters(env, {}, changed=lambda: None, learned=lambda: None)
    tasks, walk, steps = TaskSet("doctor"), Walk(ref.name), list[HopWalked]()
    try:
        with clusters.borrow(ref) as context:
            tasks.spawn(_walk(ContextWalk(context, walk, env, query.path), walk), ref.name)
            async for step in walk:
                steps.append(step)
                yield step
    finally:
        await tasks.close()
        await clusters.close()
    yield diagnosis(steps)


async def _walk(hops: ContextWalk, walk: Walk) -> None:
    try:
        await hops.run()
    finally:
        walk.end()


async def _main() -> None:
    query = decoding.decode(sys.stdin.buffer.read(), DoctorQuery)
    async for event in examine(query, os.environ):
        sys.stdout.buffer.write(msgspec.json.encode(event) + b"\n")
        sys.stdout.buffer.flush()


if __name__ == "__main__":
    asyncio.run(_main())
