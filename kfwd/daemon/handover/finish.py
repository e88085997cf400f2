"""What is left to a process that is the daemon no more: its open connections."""

from __future__ import annotations

import asyncio
import contextlib
import logging

from kfwd.daemon.daemon import Daemon
from kfwd.tasks import either

log = logging.getLogger(__name__)

FINISH_S = 60.0


async def finish(daemon: Daemon, within_s: float = FINISH_S) -> None:
    """Wait until every connection has ended, at most so long or until asked to stop.

    Those that are still open are named in the log; closing the daemon cuts them.
    """
    lives = [life for _, door in daemon.doors() for life in door.lives]
    if not lives:
        return
    with contextlib.suppress(TimeoutError):
        async with asyncio.timeout(within_s):
            await either(asyncio.wait(lives), daemon.stopping.wait())
    report(daemon)


def report(daemon: Daemon) -> None:
    """Say which connections will be cut."""
    for id in dict.fromkeys(id for id, _ in daemon.doors()):
        for each in daemon.entry(id).connections():
            where = each.pod or each.address or each.listen
            log.warning("cut: the connection of %s to %s", each.client, where, extra={"entry": id})
