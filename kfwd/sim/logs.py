"""`pods/log`: which lines a request asks for, and how they are shown. Pure."""

from __future__ import annotations

from collections.abc import AsyncIterator, Mapping
from datetime import datetime, timedelta
from typing import Any

from msgspec import Struct

from kfwd.sim.podlog import Line, PodLog
from kfwd.sim.requests import truthy
from kfwd.sim.status import StatusError, bad_request
from kfwd.sim.tablerows import when

Obj = dict[str, Any]


class LogAnswer(Struct, frozen=True, kw_only=True):
    """A log as it is asked for: `first`, then with `follow` what comes after line `last`."""

    log: PodLog
    first: list[Line]
    last: int
    follow: bool
    timestamps: bool
    limit: int | None

    async def chunks(self) -> AsyncIterator[bytes]:
        """The lines as the kubelet sends them, up to the limit of bytes."""
        left = self.limit
        async for lines in self._lines():
            data = "".join(map(self._shown, lines)).encode()[:left]
            yield data
            left = None if left is None else left - len(data)
            if left == 0:
                return

    async def _lines(self) -> AsyncIterator[list[Line]]:
        yield self.first
        last = self.last
        while self.follow and (lines := await self.log.following(last)):
            last = lines[-1].number
            yield lines

    def _shown(self, line: Line) -> str:
        stamp = f"{_nanoseconds(line.at)} " if self.timestamps else ""
        return f"{stamp}{line.text}\n"


def _nanoseconds(moment: datetime) -> str:
    return moment.strftime("%Y-%m-%dT%H:%M:%S.%f000Z")


def answer(pod: Obj, log: PodLog | None, query: Mapping[str, str], now: datetime) -> LogAnswer:
    """What a request for a pod's log gets. Raises 400."""
    name = pod["metadata"]["name"]
    containers = [container["name"] for container in pod["spec"]["containers"]]
    asked = query.get("container") or containers[0]
    if asked not in containers:
        raise bad_request(f"container {asked} is not valid for pod {name}")
    if not query.get("container") and len(containers) > 1:
        choice = " ".join(containers)
        raise bad_request(
            f"a container name must be specified for pod {name}, choose one of: [{choice}]"
        )
    if truthy(query.get("previous")):
        raise bad_request(f'previous terminated container "{asked}" in pod "{name}" not found')
    if log is None or pod.get("status", {}).get("phase") == "Pending":
        why = f'container "{asked}" in pod "{name}" is waiting to start: ContainerCreating'
        raise bad_request(why)
    return LogAnswer(
        log=log,
        first=_selected(log.lines(), query, now),
        last=log.last,
        follow=truthy(query.get("follow")),
        timestamps=truthy(query.get("timestamps")),
        limit=_number(query, "limitBytes"),
    )


def _selected(lines: list[Line], query: Mapping[str, str], now: datetime) -> list[Line]:
    if (seconds := _number(query, "sinceSeconds")) is not None:
        lines = [line for line in lines if line.at >= now - timedelta(seconds=seconds)]
    if since := query.get("sinceTime"):
        try:
            lines = [line for line in lines if line.at >= when(since)]
        except ValueError:
            raise bad_request(f"sinceTime is no RFC 3339 time: {since!r}") from None
    if (tail := _number(query, "tailLines")) is not None:
        lines = lines[-tail:] if tail else []
    return lines


def _number(query: Mapping[str, str], name: str) -> int | None:
    text = query.get(name)
    if text is None:
        return None
    if not (text.isascii() and text.isdigit()):
        message = f'PodLogOptions "" is invalid: {name}: Invalid value: "{text}"'
        raise StatusError(422, "Invalid", message)
    return int(text)
