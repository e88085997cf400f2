"""The snapshot in Prometheus' text format (exposition format 0.0.4). Pure."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Mapping
from operator import attrgetter
from typing import Literal

from msgspec import Struct

from kfwd.model import ContextState, EntryView, Severity, Snapshot, State

CONTENT_TYPE = "text/plain; version=0.0.4; charset=utf-8"
SEVERITIES: tuple[Severity, ...] = ("error", "warning", "info")

Labels = Mapping[str, str]
Kind = Literal["counter", "gauge"]

OF_ENTRIES: tuple[tuple[str, Kind, str, str], ...] = (
    ("kfwd_connections_open", "gauge", "Open connections.", "connections.open"),
    (
        "kfwd_connections_waiting",
        "gauge",
        "Connections waiting for something behind the listener.",
        "connections.waiting",
    ),
    ("kfwd_connections_total", "counter", "Accepted connections.", "connections.total"),
    (
        "kfwd_connections_failed_total",
        "counter",
        "Connections that ended with an error.",
        "connections.failed",
    ),
    ("kfwd_received_bytes_total", "counter", "Bytes from pods.", "bytes.received"),
    ("kfwd_sent_bytes_total", "counter", "Bytes to pods.", "bytes.sent"),
    ("kfwd_reconnects_total", "counter", "Sessions opened again.", "reconnects"),
)
"""Metrics that have one number of each entry: name, kind, text, and where it is in a view."""


class Family(Struct, frozen=True):
    """One metric: its name, what it counts, and a value for each set of labels."""

    name: str
    kind: Kind
    text: str
    samples: tuple[tuple[Labels, float], ...]


def exposition(snapshot: Snapshot) -> str:
    """The whole page."""
    families = [*_daemon(snapshot), *_contexts(snapshot), *_entries(snapshot.entries)]
    return "".join(line for family in families for line in _lines(family))


def _daemon(snapshot: Snapshot) -> Iterable[Family]:
    daemon = snapshot.daemon
    severities = Counter(problem.severity for problem in snapshot.problems)
    yield Family("kfwd_info", "gauge", "The daemon.", (({"version": daemon.version}, 1),))
    started = daemon.started.timestamp()
    yield Family("kfwd_start_time_seconds", "gauge", "When it started.", (({}, started),))
    yield Family(
        "kfwd_problems",
        "gauge",
        "Problems that stand.",
        tuple(({"severity": severity}, severities[severity]) for severity in SEVERITIES),
    )


def _contexts(snapshot: Snapshot) -> Iterable[Family]:
    contexts = snapshot.contexts
    yield Family(
        "kfwd_context_up",
        "gauge",
        "Whether the context's API server answers.",
        tuple(({"context": c.name}, c.state is ContextState.OK) for c in contexts),
    )
    yield Family(
        "kfwd_context_latency_seconds",
        "gauge",
        "How long the API server took to answer last.",
        tuple(
            ({"context": c.name}, c.latency_ms / 1000) for c in contexts if c.latency_ms is not None
        ),
    )


def _entries(entries: tuple[EntryView, ...]) -> Iterable[Family]:
    yield Family(
        "kfwd_entry_state",
        "gauge",
        "1 for the state the entry is in.",
        tuple(
            ({"entry": entry.id, "state": state}, entry.state is state)
            for entry in entries
            for state in State
        ),
    )
    for name, kind, text, field in OF_ENTRIES:
        value = attrgetter(field)
        yield Family(name, kind, text, tuple(({"entry": e.id}, value(e)) for e in entries))


def _lines(family: Family) -> Iterable[str]:
    yield f"# HELP {family.name} {family.text}\n"
    yield f"# TYPE {family.name} {family.kind}\n"
    for labels, value in family.samples:
        pairs = ",".join(f'{name}="{_escaped(text)}"' for name, text in labels.items())
        yield f"{family.name}{{{pairs}}} {float(value):.17g}\n"


def _escaped(text: str) -> str:
    return text.replace("\\", "\\\\").replace('"', '\\"').replace("\n", "\\n")
