"""The control API's JSON as other programs see it."""

from __future__ import annotations

import msgspec
import pytest

from kfwd import api_model
from kfwd.model import ForwardSpec, PortSpec, State


def test_an_entry_request_names_its_kind() -> None:
    spec = ForwardSpec(name="web", target="svc/web", ports=(PortSpec(local=8080, remote="http"),))
    body = msgspec.json.encode(api_model.EntryRequest(spec=spec, kubeconfig=("/k",)))
    assert msgspec.json.decode(body)["spec"]["kind"] == "forward"
    assert msgspec.json.decode(body, type=api_model.EntryRequest).spec == spec


@pytest.mark.parametrize(
    ("line", "event"),
    [
        (
            b'{"type":"listening","listen":["127.0.0.1:8080"],"remote":80}',
            api_model.AttachListening(listen=("127.0.0.1:8080",), remote=80),
        ),
        (b'{"type":"connection","port":8080}', api_model.AttachConnection(port=8080)),
        (
            b'{"type":"state","state":"ready","problem":null}',
            api_model.AttachState(state=State.READY),
        ),
        (b'{"type":"heartbeat"}', api_model.AttachHeartbeat()),
    ],
)
def test_attach_events_are_told_apart_by_type(line: bytes, event: object) -> None:
    assert msgspec.json.decode(line, type=api_model.AnyAttachEvent) == event
    assert msgspec.json.encode(event) == line


def test_an_error_has_everything_the_command_line_shows() -> None:
    detail = api_model.ErrorDetail(code="not-found", text="no entry web", exit_code=4)
    assert msgspec.json.encode(api_model.ErrorBody(detail)) == (
        b'{"error":{"code":"not-found","text":"no entry web","hint":null,"exit_code":4}}'
    )


def test_a_log_line_carries_only_what_it_has() -> None:
    line = b'{"time":"2026-01-01T12:00:00Z","level":"info","logger":"kfwd","text":"up"}'
    assert msgspec.json.encode(msgspec.json.decode(line, type=api_model.LogLine)) == line
