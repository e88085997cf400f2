"""Everything about one entry, as sections of lines. Pure."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from datetime import datetime

from msgspec import Struct

from kfwd.api_doctor import Fact, PartState
from kfwd.api_history import HistoryItem
from kfwd.api_model import ConnectionView, LogLine, RequestView
from kfwd.client import copies
from kfwd.client.address import authority
from kfwd.model import ContextState, ContextView, EntryView
from kfwd.text import age, clean, clock, listening, stamp
from kfwd.tui import timeline, words
from kfwd.tui.picture import Rates
from kfwd.tui.pieces import Piece, Pieces, Tone, fit
from kfwd.tui.request_lines import request
from kfwd.tui.sheet import LABEL, Row, Section, labelled, wrapped

SHOWN = 50
"""Connections, events and log lines that are shown; requests have a screen of their own."""

REQUESTS = 5
PLOT_ROWS = 2
FACTS: Mapping[PartState, tuple[str, Tone]] = {
    "ok": ("●", "good"),
    "warning": ("◐", "warn"),
    "broken": ("✖", "bad"),
    "unknown": ("◌", "dim"),
    "unused": ("-", "dim"),
}
PARTS = {"listener": "listener", "backend": "back end"}
LEVELS: Mapping[str, Tone] = {"error": "bad", "warning": "warn", "info": "plain", "debug": "dim"}


class Known(Struct, frozen=True, kw_only=True):
    """What is known of an entry. `keys` are those that help with its problem: key and words.

    `requests` None: it keeps none.
    """

    entry: EntryView
    now: datetime
    context: ContextView | None = None
    rates: Rates = Rates()
    facts: tuple[Fact, ...] = ()
    history: tuple[HistoryItem, ...] = ()
    connections: tuple[ConnectionView, ...] = ()
    requests: tuple[RequestView, ...] | None = None
    log: tuple[LogLine, ...] = ()
    keys: tuple[tuple[str, str], ...] = ()
    requests_key: str = "h"


def title(known: Known) -> tuple[Pieces, Pieces]:
    """What stands left and right in the first line."""
    entry = known.entry
    since = _since(known)
    state = words.state(entry.state)
    profile = "" if entry.profile == "-" else f"{entry.profile}/"
    left = (
        Piece(f" {clean(profile)}", "dim"),
        Piece(clean(entry.name), "title"),
        Piece(f"   {state.text} {age(since, known.now)}", state.tone),
    )
    where = " ▸ ".join(part for part in (entry.context, entry.namespace) if part)
    return left, (Piece(clean(f"{where} · {entry.target or entry.kind} "), "dim"),)


def _since(known: Known) -> datetime:
    """When the entry came into its state, as far back as the history tells."""
    entered = [item for item in known.history if item.code in timeline.STATES]
    begin = known.entry.since
    for before, item in zip([None, *entered], entered, strict=False):
        if before is None or before.code != item.code:
            begin = item.at
    same = entered and entered[-1].code == known.entry.state.value
    return begin if same else known.entry.since


def sections(known: Known, cells: int) -> Iterator[Section]:
    """From what is wrong to the log, newest first in each."""
    yield Section((), tuple(_problem(known, cells)))
    yield Section((), (*_local(known), *_facts(known, cells)))
    yield Section((), tuple(_hour(known, cells)))
    yield Section((), tuple(_traffic(known, cells)))
    yield _connections(known, cells)
    yield _requests(known)
    yield Section(_title("events", known.history), tuple(_events(known)))
    yield Section(_title("log", known.log), tuple(_log(known)))


def _title(name: str, rows: Sequence[object], note: str = "newest first") -> Pieces:
    return (Piece(name, "title"), Piece(f"  {note}" if len(rows) > 1 else "", "dim"))


def _problem(known: Known, cells: int) -> Iterator[Row]:
    problem = known.entry.problem
    if problem is None:
        return
    tone: Tone = "bad" if problem.severity == "error" else "warn"
    said = f"{problem.text} (for {age(problem.since, known.now)})"
    yield from wrapped("problem", " ! ", said, tone, cells)
    if problem.hint:
        yield from wrapped("hint", "   ", problem.hint, "plain", cells)
    if known.keys:
        pieces = [Piece("  ")]
        for key, said in known.keys:
            pieces += [Piece(f" {key}", "accent"), Piece(f" {said} ", "dim")]
        yield Row("keys", tuple(pieces))


def _local(known: Known) -> Iterator[Row]:
    entry, listener = known.entry, _listener(known)
    for at, port in enumerate(entry.ports):
        if not port.listen:
            continue
        to = str(port.port or port.remote or "")
        named = f"{port.remote} ({to})" if port.remote not in (None, to) else to
        said = listening(port.listen) + (f" → {named}" if named else "")
        text = authority(port) or port.listen[0].removeprefix("unix:")
        yield labelled(f"local:{at}", "local", (listener, Piece(clean(said))), text)
    if (client := copies.client(entry)) is not None:
        yield labelled("client", client.what, (Piece(client.text, "accent"),), client.text)


def _listener(known: Known) -> Piece:
    """How the local ports are."""
    states = [fact.state for fact in known.facts if fact.part == "listener"]
    glyph, tone = FACTS[states[0] if states else "unknown"]
    return Piece(f"{glyph} ", tone)


def _told(fact: Fact) -> bool:
    """Whether a fact says more than the lines of the local ports, or that it does not matter."""
    if fact.part == "listener":
        return fact.state not in ("ok", "unused")
    return fact.state != "unused" or fact.part == "session"


def _facts(known: Known, cells: int) -> Iterator[Row]:
    problem = known.entry.problem
    for fact in filter(_told, known.facts):
        glyph, tone = FACTS[fact.state]
        label = PARTS.get(fact.part, fact.part)
        said = [fact.text]
        if fact.part == "context":
            said = [*_context(known), fact.text]
        if fact.latency_ms is not None:
            said.append(words.latency(fact.latency_ms))
        if fact.part == "session" and (count := known.entry.reconnects):
            said.append(f"reconnected {count} times" if count > 1 else "reconnected once")
        text = Piece(clean(" · ".join(said)), "dim" if tone == "dim" else "plain")
        yield labelled(fact.part, label, (Piece(f"{glyph} ", tone), text))
        if fact.hint and (problem is None or fact.code != problem.code):
            yield from wrapped(f"{fact.part}-hint", " " * (LABEL + 3), fact.hint, "dim", cells)


def _context(known: Known) -> Iterator[str]:
    yield known.entry.context
    context = known.context
    if context is None or context.login_expires is None:
        return
    if context.state is ContextState.OK and context.login_expires > known.now:
        yield f"login valid for {words.span(known.now, context.login_expires)}"


def _hour(known: Known, cells: int) -> Iterator[Row]:
    hour = timeline.stretches(known.history, known.now)
    yield labelled("hour", "last hour", timeline.bar(hour, max(10, cells - LABEL - 2)))
    said = (*timeline.legend(hour), *timeline.summary(hour))
    if said:
        yield labelled("served", "", said)


def _traffic(known: Known, cells: int) -> Iterator[Row]:
    rates, total = known.rates, known.entry.bytes
    for label, history, now, count in (
        ("down", rates.history, rates.down, total.received),
        ("up", rates.history_up, rates.up, total.sent),
    ):
        said = f" {words.rate(now):>9}  peak {words.rate(max(history)):>9}  {words.amount(count)}"
        room = max(10, cells - LABEL - 2 - 40)
        lines = words.plot(history, min(room, 2 * len(history)), PLOT_ROWS if any(history) else 1)
        tone: Tone = "accent" if any(history) else "dim"
        for at, line in enumerate(lines):
            last = at == len(lines) - 1
            note = Piece(f"{said} in all" if last else "", "dim")
            yield labelled(f"{label}:{at}", label if last else "", (Piece(line, tone), note))


def _connections(known: Known, cells: int) -> Section:
    count = known.entry.connections
    note = (
        f"{count.open} open, {count.waiting} waiting, {count.total} so far, {count.failed} failed"
    )
    title = (Piece("connections  ", "title"), Piece(note, "dim"))
    newest = sorted(known.connections, key=lambda each: each.since, reverse=True)
    if not newest:
        return Section(title, (Row("none", (Piece("   none now", "dim"),)),))
    heading = _columns(("PROCESS", "TO", "FROM", "IN", "OUT", "AGE"), cells)
    rows = [Row("heading", (Piece(f"     {heading}", "dim"),))]
    rows += [_connection(each, known.now, cells) for each in newest[:SHOWN]]
    if len(newest) > SHOWN:
        rows.append(Row("more", (Piece(f"     and {len(newest) - SHOWN} more", "dim"),)))
    return Section(title, tuple(rows))


def _columns(texts: tuple[str, str, str, str, str, str], cells: int) -> str:
    who, to, by, into, out, old = texts
    room = max(26, cells - 44)
    left, right = fit(who, room // 2), fit(to, room - room // 2)
    return f"{left} {right} {by:<15} {into:>7} {out:>7} {old:>4}"


def _connection(of: ConnectionView, now: datetime, cells: int) -> Row:
    who = f"{of.process or 'process'} ({of.pid})" if of.pid is not None else "-"
    place = of.address or of.pod or "-"
    into, out = words.amount(of.bytes.received), words.amount(of.bytes.sent)
    texts = (who, place, of.client, into, out, words.span(of.since, now))
    state = words.CONNECTIONS[of.state]
    pieces = (Piece(f"   {state.text} ", state.tone), Piece(_columns(texts, cells)))
    return Row(f"connection:{of.client}:{of.listen}", pieces, of.client)


def _requests(known: Known) -> Section:
    found = known.requests
    if found is None:
        return Section((), ())
    newest = tuple(reversed(found[-REQUESTS:]))
    rows = tuple(
        Row(f"request:{each.time.isoformat()}:{at}", request(each, known.entry.kind))
        for at, each in enumerate(newest)
    )
    heading = (Piece("requests  ", "title"), Piece(f"{known.requests_key}: all of them", "dim"))
    return Section(heading, rows or (Row("no-requests", (Piece("   none yet", "dim"),)),))


def _events(known: Known) -> Iterator[Row]:
    for at, item in enumerate(reversed(known.history[-SHOWN:])):
        state = timeline.STATES.get(item.code)
        glyph, tone = words.STATES[state] if state else ("·", "dim")
        said = clean(item.text)
        pieces = (
            Piece(f"   {stamp(item.at, known.now)} ", "dim"),
            Piece(f"{glyph} ", tone),
            Piece(said if said.startswith(item.code) else f"{item.code}: {said}"),
        )
        yield Row(f"event:{len(known.history) - at}:{item.at.isoformat()}", pieces, item.text)


def _log(known: Known) -> Iterator[Row]:
    for line in reversed(known.log[-SHOWN:]):
        pieces = (
            Piece(f"   {clock(line.time)} ", "dim"),
            Piece(f"{line.level:7} ", LEVELS[line.level]),
            Piece(clean(line.text)),
        )
        yield Row(f"log:{line.time.isoformat()}", pieces, line.text)
