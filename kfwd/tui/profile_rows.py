"""Profiles as lines: how each stands, and what bringing it up would do. Pure."""

from __future__ import annotations

from collections import Counter

from msgspec import Struct

from kfwd.model import ProfileView, State
from kfwd.profiles.folder import Files
from kfwd.tui.picture import Picture
from kfwd.tui.pieces import Piece, Pieces, cut, fit, shorten
from kfwd.tui.status_line import count
from kfwd.yamldoc import Fault

MARGIN = 3
STATE, ENTRIES = 12, 14


class Row(Struct, frozen=True, kw_only=True):
    """A profile that has a file, is up, or both. `entries` None: its file cannot be read."""

    name: str
    up: bool
    context: str | None
    entries: int | None
    ready: int = 0
    names: tuple[str, ...] = ()
    has_file: bool = True
    enabled: bool = True
    faults: tuple[Fault, ...] = ()


def rows(files: Files, picture: Picture) -> list[Row]:
    """Every profile by name; one that is up may have lost its file."""
    up = {profile.name: profile for profile in picture.profiles}
    entries = picture.entries.values()
    ready = Counter(entry.profile for entry in entries if entry.state is State.READY)
    return [_row(name, files, up.get(name), ready[name]) for name in sorted({*files, *up})]


def _row(name: str, files: Files, up: ProfileView | None, ready: int) -> Row:
    checked = files.get(name)
    spec = checked.profile.parsed.spec if checked else None
    names = tuple(entry.name for entry in spec.entries) if spec else ()
    return Row(
        name=name,
        up=up is not None,
        context=up.context if up else spec.context if spec else None,
        entries=up.entries if up else len(names) if spec else None,
        ready=ready,
        names=names,
        has_file=checked is not None,
        enabled=spec is None or spec.enabled,
        faults=checked.faults if checked else (),
    )


def _widths(cells: int) -> tuple[int, int]:
    """Of name and context."""
    return max(14, cells // 5), max(12, cells // 6)


def heading(cells: int) -> Pieces:
    name, context = _widths(cells)
    titles = (("PROFILE", name), ("STATE", STATE), ("CONTEXT", context), ("ENTRIES", ENTRIES))
    said = "".join(f"{fit(title, size)} " for title, size in titles)
    return cut((Piece(f"{' ' * MARGIN}{said}", "dim"),), cells)


def line(row: Row, cells: int) -> Pieces:
    """`shop  ● up  dev  2 of 3 ready  web, echo, search`."""
    name, context = _widths(cells)
    pieces = (
        Piece(" " * MARGIN),
        Piece(f"{fit(row.name, name)} ", "title"),
        _sized(_state(row), STATE),
        Piece(f"{fit(row.context or '-', context)} ", "plain" if row.up else "dim"),
        _sized(_entries(row), ENTRIES),
    )
    said = ", ".join(row.names) if row.has_file else "its file is gone"
    return cut((*pieces, Piece(said, "dim")), cells)


def _sized(piece: Piece, cells: int) -> Piece:
    return Piece(f"{fit(piece.text, cells)} ", piece.tone)


def _state(row: Row) -> Piece:
    if row.faults and not row.up:
        return Piece(f"✖ {count(len(row.faults), 'fault')}", "bad")
    if row.up:
        return Piece("● up", "good") if row.ready == row.entries else Piece("◐ up", "warn")
    return Piece("○ down" if row.enabled else "○ disabled", "dim")


def _entries(row: Row) -> Piece:
    if row.up:
        return Piece(f"{row.ready} of {row.entries} ready")
    if row.entries is None:
        return Piece("-", "dim")
    return Piece(str(row.entries), "dim")


def fault(row: Row, cells: int) -> Pieces:
    """The line below a profile whose file has faults: the first of them."""
    more = f" (and {len(row.faults) - 1} more)" if len(row.faults) > 1 else ""
    stays = "; what is up stays up" if row.up else ""
    said = shorten(f"└ {row.faults[0]}", cells - MARGIN - 3 - len(more) - len(stays))
    return (Piece(" " * (MARGIN + 2)), Piece(f"{said}{more}{stays}", "bad"))
