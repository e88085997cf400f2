"""What would happen to each entry, as coloured lines. Pure."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator, Mapping

from rich.cells import cell_len

from kfwd.api_model import Plan, PlanItem
from kfwd.errors import KfwdError
from kfwd.text import clean
from kfwd.tui.pieces import Piece, Pieces, Tone, cut, fit, wrap

MARGIN = "   "
SIGNS: Mapping[str, tuple[str, Tone]] = {
    "stop": ("-", "bad"),
    "start": ("+", "good"),
    "change": ("~", "warn"),
    "leave": ("=", "dim"),
}


def lines(plan: Plan, cells: int) -> Iterator[tuple[str, Pieces]]:
    """A line for each entry, by its id: `+ start  shop/web  svc/web 8080:http in dev`."""
    wide = max((cell_len(item.id) for item in plan.items), default=0)
    for item in plan.items:
        yield item.id, _line(item, min(wide, cells // 2), cells)


def _line(item: PlanItem, wide: int, cells: int) -> Pieces:
    sign, tone = SIGNS[item.action]
    said = f"{MARGIN}{sign} {item.action:<6} {fit(item.id, wide)}  {clean(item.text)}"
    return cut((Piece(said, tone),), cells)


def refusal(error: KfwdError, cells: int, *, without: str = "") -> Iterator[Pieces]:
    """Why nothing would happen, a line a reason; `without` what is before the names of files."""
    for text in error.text.replace(without, "").splitlines():
        yield from _wrapped(text, "bad", cells)
    if error.hint:
        yield from _wrapped(error.hint, "dim", cells)


def _wrapped(text: str, tone: Tone, cells: int) -> Iterator[Pieces]:
    for number, said in enumerate(wrap(text, max(8, cells - 2 * len(MARGIN)))):
        yield (Piece(f"{MARGIN}{'  ' if number else ''}{said}", tone),)


def summary(plan: Plan) -> str:
    """`1 to stop, 2 to start`; `nothing to do` where all stay as they are."""
    counts = Counter[str](item.action for item in plan.items)
    done = [action for action in ("stop", "start", "change") if counts[action]]
    return ", ".join(f"{counts[action]} to {action}" for action in done) or "nothing to do"
