"""`kfwd logs`: what the daemon wrote, from the daemon or, when none answers, from its file."""

from __future__ import annotations

import sys
from collections import deque
from collections.abc import Iterable, Iterator
from pathlib import Path

import click
import msgspec

from kfwd import decoding
from kfwd.api_model import LogLine, RequestView
from kfwd.cli import render
from kfwd.cli.app import App, output_option, pass_app, say
from kfwd.cli.names import EntryName, Named
from kfwd.client import stream, view
from kfwd.errors import DaemonUnreachable

LEVEL_STYLE = {
    "error": render.RED,
    "warning": render.YELLOW,
    "info": "",
    "debug": render.DIM,
}
LAST = 200


@click.command(cls=Named)
@click.argument("name", required=False, type=EntryName())
@click.option("-f", "--follow", is_flag=True, help="Go on with each new line until Ctrl-C.")
@click.option("-n", "--last", type=click.IntRange(0, 10_000), default=LAST, help="Default: 200.")
@click.option("--requests", is_flag=True, help="The HTTP requests that the entry has served.")
@output_option("text", "json")
@pass_app
def logs(
    app: App, /, *, name: str | None, follow: bool, last: int, requests: bool, output: str
) -> None:
    """The daemon's log, or the lines about one entry."""
    colour = render.colours(sys.stdout, app.env)
    if requests:
        _print_requests(app, name, last, follow, output)
        return
    for line in _lines(app, name, last, follow):
        print(render.as_line(line) if output == "json" else text(line, colour), end="", flush=True)


def _print_requests(app: App, name: str | None, last: int, follow: bool, output: str) -> None:
    if name is None:
        raise click.UsageError("--requests needs the NAME of an entry")
    entry = view.entry_id(app.client.snapshot(), name)
    with stream.requests(app.client, entry) as found:
        known = list(found)
    for request in deque(known, maxlen=last):
        _print_request(request, output)
    if follow:
        before = set(known)
        with stream.requests(app.client, entry, follow=True) as found:
            for request in found:
                if request not in before:
                    _print_request(request, output)


def _print_request(request: RequestView, output: str) -> None:
    line = render.as_line(request) if output == "json" else request_text(request)
    print(line, end="", flush=True)


def request_text(request: RequestView) -> str:
    """`12:00:00 GET 200 3.1 ms 812 B POD /path`."""
    words = [
        render.clock(request.time),
        f"{request.method:6}",
        str(request.status or "-").rjust(3),
        f"{request.duration_ms:8.1f} ms",
        render.size(request.bytes.received).rjust(9),
        *([request.pod] if request.pod else []),
        request.path,
    ]
    return render.clean(" ".join(words)).rstrip() + "\n"


def _lines(app: App, name: str | None, last: int, follow: bool) -> Iterator[LogLine]:
    try:
        entry = view.entry_id(app.client.snapshot(), name) if name else None
        with stream.logs(app.client, entry=entry, last=last, follow=follow) as lines:
            yield from lines
    except DaemonUnreachable as error:
        path = app.paths.log_file
        if follow or not path.exists():
            raise
        say(f"{error.text}; this is the end of {path}")
        yield from _from_file(path, name, last)


def _from_file(path: Path, name: str | None, last: int) -> Iterable[LogLine]:
    decoder = decoding.decoder(LogLine)
    kept: deque[LogLine] = deque(maxlen=last)
    with path.open("rb") as file:
        for data in file:
            try:
                line = decoder.decode(data)
            except msgspec.DecodeError:
                continue  # the daemon was killed while it wrote this line
            if name is None or line.entry == name or (line.entry or "").endswith(f"/{name}"):
                kept.append(line)
    return kept


def text(line: LogLine, colour: bool) -> str:
    about = line.entry or line.context or line.logger.removeprefix("kfwd.")
    level = render.paint(f"{line.level:7}", LEVEL_STYLE[line.level], colour)
    lines = [f"{about}: {line.text}", *(line.error or "").splitlines()]
    said = "\n".join(render.clean(one) for one in lines)
    return f"{render.clock(line.time)} {level} {said}\n"
