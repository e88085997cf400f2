"""What came of a measurement, as data: kept, compared with an earlier one, and drawn. Pure."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from html import escape
from pathlib import Path

import msgspec

from kfwd.measure.figures import COLUMNS, Figure, Result, rows

TOLERANCE = 0.15
"""How much worse than before a ratio may be: the machine is noisy."""

WIDTH, ROW, LEFT, SCALE = 760, 26, 300, 200
"""Pixels: of the picture, of a row, before the bars, and of a bar as long as kubectl's."""


def results(figures: Iterable[Figure]) -> list[Result]:
    """The figures of a run."""
    return [figure.result for figure in figures]


def table(found: Sequence[Result]) -> str:
    """The figures as a table in Markdown; what misses its goal is marked."""
    heading = (*COLUMNS, "reached")
    reached = {True: "yes", False: "**no**", None: ""}
    cells = [(*row, reached[each.good]) for row, each in zip(rows(found), found, strict=True)]
    lines = [heading, ["---"] * len(heading), *cells]
    return "\n".join("| " + " | ".join(line) + " |" for line in lines)


def placed(page: str, table: str, name: str = "figures") -> str:
    """The page with the table in the place of that name. Raises `ValueError` if it has none."""
    start, end = f"<!-- {name} -->", f"<!-- end of {name} -->"
    before, found, rest = page.partition(start)
    _, ended, after = rest.partition(end)
    if not (found and ended):
        raise ValueError(f"the page has no {start} ... {end}")
    return f"{before}{start}\n{table}\n{end}{after}"


def encode(found: Sequence[Result]) -> bytes:
    """The file that a later run compares with."""
    return msgspec.json.format(msgspec.json.encode(found), indent=1) + b"\n"


def load(path: Path) -> list[Result]:
    return msgspec.json.decode(path.read_bytes(), type=list[Result])


def worse(before: Iterable[Result], now: Iterable[Result]) -> list[str]:
    """A sentence for each ratio that is more than `TOLERANCE` worse than before."""
    old = {result.what: result.ratio for result in before}
    found = []
    for result in now:
        was = old.get(result.what)
        if was is None or result.ratio is None:
            continue
        change = result.ratio / was
        if (change < 1 - TOLERANCE) if result.higher else (change > 1 + TOLERANCE):
            found.append(f"{result.what}: the ratio was {was:.2f} and is {result.ratio:.2f}")
    return found


def picture(found: Iterable[Result]) -> str:
    """Bars of kfwd's figures as parts of kubectl's (the line at 1), as SVG."""
    paired = [result for result in found if result.ratio is not None]
    bars = "\n".join(_bar(index, result) for index, result in enumerate(paired))
    height = ROW * len(paired) + 40
    line = LEFT + SCALE
    return (
        f'<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 {WIDTH} {height}" '
        f'font-family="sans-serif" font-size="13">\n'
        f'<rect width="{WIDTH}" height="{height}" fill="#ffffff"/>\n{bars}\n'
        f'<line x1="{line}" y1="4" x2="{line}" y2="{height - 26}" stroke="#444444"/>\n'
        f'<text x="{line}" y="{height - 10}" text-anchor="middle">kubectl = 1</text>\n</svg>\n'
    )


def _bar(index: int, result: Result) -> str:
    assert result.ratio is not None
    top = index * ROW + 6
    better = result.ratio >= 1 if result.higher else result.ratio <= 1
    colour = "#2a7f62" if better else "#b3541e"
    length = min(result.ratio * SCALE, WIDTH - LEFT - 60)
    more = "more is better" if result.higher else "less is better"
    return (
        f'<text x="{LEFT - 8}" y="{top + 14}" text-anchor="end">{escape(result.what)}'
        f"<title>{more}</title></text>"
        f'<rect x="{LEFT}" y="{top}" width="{length:.0f}" height="18" fill="{colour}"/>'
        f'<text x="{LEFT + length + 6:.0f}" y="{top + 14}">{result.ratio:.2f}</text>'
    )
