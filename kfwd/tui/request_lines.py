"""HTTP requests of an entry: as lines, sifted, in detail, and as curl. Pure.

A request is known without its query, headers and body: those hold what must not be kept.
"""

from __future__ import annotations

from kfwd.api_model import RequestView
from kfwd.text import clean, clock
from kfwd.tui import words
from kfwd.tui.pieces import Piece, Pieces, Tone, fit

METHOD, STATUS, TIME, SIZE = 7, 3, 9, 7
HEADING = f"   {'TIME':8} {'METHOD':{METHOD}} {'':{STATUS}} {'TOOK':>{TIME}} {'SIZE':>{SIZE}}  PATH"


def tone(status: int) -> Tone:
    """How an answer is shown: 0 is that the client left before it."""
    if status >= 500:
        return "bad"
    return "warn" if status >= 400 or status == 0 else "good"


def heading(cells: int) -> Pieces:
    return (Piece(fit(HEADING, cells), "dim"),)


def request(of: RequestView) -> Pieces:
    """`14:02:11 GET     200    3.1 ms   812 B  /path`."""
    size = words.amount(of.bytes.received)
    return (
        Piece(f"   {clock(of.time)} ", "dim"),
        Piece(f"{fit(of.method, METHOD)} "),
        Piece(f"{of.status or '-':>{STATUS}} ", tone(of.status)),
        Piece(f"{words.latency(of.duration_ms):>{TIME}} {size:>{SIZE}}  ", "dim"),
        Piece(clean(of.path)),
    )
