"""HTTP requests of an entry: as lines, sifted, in detail, and as curl. Pure.

A request is known without query, body and any header but Host: those hold what must not be kept.
"""

from __future__ import annotations

import shlex
from collections.abc import Iterator
from datetime import datetime

from kfwd.api_model import RequestView
from kfwd.client.address import authority
from kfwd.model import EntryView
from kfwd.text import clean, clock, stamp
from kfwd.tui import words
from kfwd.tui.pieces import Piece, Pieces, Tone, fit
from kfwd.tui.sheet import Row, labelled, wrapped

METHOD, STATUS, TIME, SIZE = 7, 3, 9, 7
HEADING = f"   {'TIME':8} {'METHOD':{METHOD}} {'':{STATUS}} {'TOOK':>{TIME}} {'SIZE':>{SIZE}}  PATH"
GATEWAY = "gateway"


def tone(status: int) -> Tone:
    """How an answer is shown: 0 is that the client left before it."""
    if status >= 500:
        return "bad"
    return "warn" if status >= 400 or status == 0 else "good"


def heading(cells: int) -> Pieces:
    return (Piece(fit(HEADING, cells), "dim"),)


def request(of: RequestView, kind: str = "proxy") -> Pieces:
    """`14:02:11 GET     200    3.1 ms   812 B  /path`; of a gateway with its host."""
    size = words.amount(of.bytes.received)
    return (
        Piece(f"   {clock(of.time)} ", "dim"),
        Piece(f"{fit(of.method, METHOD)} "),
        Piece(f"{of.status or '-':>{STATUS}} ", tone(of.status)),
        Piece(f"{words.latency(of.duration_ms):>{TIME}} {size:>{SIZE}}  ", "dim"),
        Piece(clean(asked(of, kind))),
    )


def asked(of: RequestView, kind: str) -> str:
    """The path, with the host where that is what decides."""
    return f"{of.host}{of.path}" if kind == GATEWAY and _is_path(of) and of.host else of.path


def _is_path(of: RequestView) -> bool:
    return of.path.startswith("/")


def matches(of: RequestView, find: str) -> bool:
    """Every word is somewhere in method, status (`404`, `4xx`), host, path or pod."""
    words = find.casefold().split()
    if not words:
        return True
    facts = (of.method, str(of.status), f"{of.status // 100}xx", of.host, of.path, of.pod)
    text = " ".join(fact for fact in facts if fact).casefold()
    return all(word in text for word in words)


def details(of: RequestView, entry: EntryView, now: datetime, cells: int) -> Iterator[Row]:
    """Everything about one request."""
    first = f" {'request':12}"
    yield from wrapped("request", first, f"{of.method} {asked(of, entry.kind)}", "title", cells)
    answer = str(of.status) if of.status else "none: the client left before it"
    took = f"after {words.latency(of.duration_ms)}, at {stamp(of.time, now)}"
    yield labelled("answer", "answer", (Piece(answer, tone(of.status)), Piece(f" {took}", "dim")))
    into, out = words.amount(of.bytes.received), words.amount(of.bytes.sent)
    served = f", served by {of.pod}" if of.pod else ""
    moved = f"{into} in, {out} out" if of.bytes.sent else f"{into} in"
    yield labelled("moved", "moved", (Piece(clean(f"{moved}{served}")),))
    if (text := curl(of, entry)) is not None:
        yield from wrapped("curl", f" {'curl':12}", text, "accent", cells)
    note = "its query, body and other headers are not kept"
    yield labelled("kept", "", (Piece(note, "dim"),))


def curl(of: RequestView, entry: EntryView) -> str | None:
    """The same request once more, without query and body; None without a TCP port to send it to."""
    local = next((found for port in entry.ports if (found := authority(port))), None)
    if local is None:
        return None
    if of.method == "SOCKS":
        return shlex.join(["curl", "-x", f"socks5h://{local}", _url(of.path)])
    if of.method == "CONNECT":
        return shlex.join(["curl", "-p", "-x", f"http://{local}", _url(of.path)])
    command = ["curl", *_method(of.method)]
    if not _is_path(of):
        return shlex.join([*command, "-x", f"http://{local}", of.path])
    if entry.kind == GATEWAY and of.host:
        command += ["-H", f"Host: {of.host}"]
    return shlex.join([*command, "--path-as-is", f"http://{local}{of.path}"])


def _method(method: str) -> list[str]:
    if method == "HEAD":
        return ["-I"]
    return [] if method == "GET" else ["-X", method]


def _url(place: str) -> str:
    """A place, HOST:PORT, as a URL."""
    host, _, port = place.rpartition(":")
    return f"https://{host}/" if port == "443" else f"http://{place}/"
