"""Streams of events from a stand-in daemon."""

from __future__ import annotations

import socket

from kfwd import api_model
from kfwd.api_doctor import Diagnosis, DoctorQuery, HopWalked
from kfwd.client import stream
from kfwd.client.calls import Client
from kfwd.model import EntryRemoved, Heartbeat, SnapshotEvent
from tests.standin import Request, StandIn, chunk, entry, snapshot


def test_events_begin_with_a_snapshot(server: StandIn, client: Client) -> None:
    first = SnapshotEvent(seq=41, snapshot=snapshot(entry()))
    server.on_lines("GET /v1/events", first, EntryRemoved(seq=42, id="dev/web"), Heartbeat(seq=42))
    with stream.events(client) as events:
        assert list(events) == [first, EntryRemoved(seq=42, id="dev/web"), Heartbeat(seq=42)]


def test_events_of_a_newer_daemon_are_passed_over(server: StandIn, client: Client) -> None:
    server.on_lines("GET /v1/events", {"type": "novelty", "seq": 1}, Heartbeat(seq=2))
    with stream.events(client) as events:
        assert list(events) == [Heartbeat(seq=2)]


def test_a_stream_that_is_cut_off_ends(server: StandIn, client: Client) -> None:
    server.on_raw("GET /v1/events", server.stream_head() + chunk(Heartbeat(seq=1)) + b"99\r\n{")
    with stream.events(client) as events:
        assert list(events) == [Heartbeat(seq=1)]


def test_a_stream_ends_when_nothing_comes_within_its_limit(server: StandIn, client: Client) -> None:
    def silent(request: Request, connection: socket.socket) -> None:
        connection.sendall(server.stream_head() + chunk(Heartbeat(seq=1)))
        connection.recv(1)

    server.on_raw("GET /v1/events", silent)
    with stream.events(client) as events:
        events.limit(0.05)
        assert list(events) == [Heartbeat(seq=1)]


def test_attach_tells_listeners_and_connections(server: StandIn, client: Client) -> None:
    listening = api_model.AttachListening(listen=("127.0.0.1:8080",), remote=80)
    connection = api_model.AttachConnection(port=8080)
    server.on_lines("GET /v1/entries/-/web/attach", listening, connection)
    with stream.attach(client, "-/web") as events:
        assert list(events) == [listening, connection]


def test_logs_are_asked_for_with_their_bounds(server: StandIn, client: Client) -> None:
    line = {"time": "2026-01-01T12:00:00Z", "level": "info", "logger": "kfwd", "text": "up"}
    server.on_lines("GET /v1/logs", line)
    with stream.logs(client, entry="dev/web", last=5, follow=True) as lines:
        assert [found.text for found in lines] == ["up"]
    assert server.requests[0].target == "/v1/logs?n=5&entry=dev%2Fweb&follow=1"


def test_a_doctor_tells_hops_and_a_verdict(server: StandIn, client: Client) -> None:
    hop = HopWalked(about="kind", hop="dns", state="ok", text="known")
    verdict = Diagnosis(well=True, exit_code=0)
    server.on_lines("GET /v1/doctor", hop, verdict)
    with stream.doctor(client, DoctorQuery(entry="dev/web")) as events:
        assert list(events) == [hop, verdict]
