"""What `/metrics` says is what Prometheus reads."""

from __future__ import annotations

from prometheus_client.parser import text_string_to_metric_families

from kfwd.daemon.health import about
from kfwd.daemon.metrics import exposition
from kfwd.model import Bytes, Connections, ContextState, ContextView, Snapshot, State
from tests.daemon.records import DAEMON, THEN, entry, problem

Sample = tuple[str, frozenset[tuple[str, str]]]


def read(snapshot: Snapshot) -> dict[Sample, float]:
    return {
        (sample.name, frozenset(sample.labels.items())): sample.value
        for family in text_string_to_metric_families(exposition(snapshot))
        for sample in family.samples
    }


def key(name: str, **labels: str) -> Sample:
    return name, frozenset(labels.items())


def snapshot(**fields: object) -> Snapshot:
    return Snapshot(instance="6f1c", seq=1, daemon=DAEMON, **fields)  # type: ignore[arg-type]


def test_counters_of_an_entry_read_back_exactly() -> None:
    view = entry(
        connections=Connections(open=1, waiting=2, total=812, failed=3),
        bytes=Bytes(received=2**53 - 1, sent=2048),
        reconnects=4,
    )
    found = read(snapshot(entries=(view,)))
    values = {name: value for (name, labels), value in found.items() if len(labels) == 1}
    assert values["kfwd_connections_open"] == 1
    assert values["kfwd_connections_waiting"] == 2
    assert values["kfwd_connections_total"] == 812
    assert values["kfwd_connections_failed_total"] == 3
    assert values["kfwd_received_bytes_total"] == 2**53 - 1
    assert values["kfwd_sent_bytes_total"] == 2048
    assert values["kfwd_reconnects_total"] == 4


def test_exactly_one_state_of_an_entry_is_1() -> None:
    found = read(snapshot(entries=(entry(state=State.WAITING),)))
    states = {dict(labels)["state"]: v for (name, labels), v in found.items() if "state" in name}
    assert {state for state, value in states.items() if value} == {"waiting"}
    assert set(states) == set(State)


def test_problems_are_counted_by_severity_and_contexts_say_whether_they_are_up() -> None:
    context = ContextView(
        name="dev",
        server="https://127.0.0.1",
        state=ContextState.OK,
        latency_ms=12.5,
        transport="spdy",
        login_expires=None,
    )
    problems = (about("daemon", problem(severity="warning")), about("dev/web", problem()))
    found = read(snapshot(contexts=(context,), problems=problems))
    assert found[key("kfwd_problems", severity="warning")] == 1
    assert found[key("kfwd_problems", severity="info")] == 0
    assert found[key("kfwd_context_up", context="dev")] == 1
    assert found[key("kfwd_context_latency_seconds", context="dev")] == 0.0125
    assert found[key("kfwd_start_time_seconds")] == THEN.timestamp()


def test_a_context_with_quotes_and_newlines_in_its_name_reads_back() -> None:
    name = 'a"b\\c\nd'
    context = ContextView(
        name=name,
        server="",
        state=ContextState.UNKNOWN,
        latency_ms=None,
        transport=None,
        login_expires=None,
    )
    assert read(snapshot(contexts=(context,)))[key("kfwd_context_up", context=name)] == 0
