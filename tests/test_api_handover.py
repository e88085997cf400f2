"""What a new version says to an old one must stay readable for it."""

from __future__ import annotations

import msgspec

from kfwd.api_handover import HandoverRequest, Successor


def test_a_request_and_its_answer_have_these_fields() -> None:
    request = HandoverRequest(protocol=1, command=("kfwd", "daemon", "run"), environment={"A": "b"})
    assert msgspec.json.encode(request) == (
        b'{"protocol":1,"command":["kfwd","daemon","run"],"environment":{"A":"b"}}'
    )
    assert msgspec.json.encode(Successor(pid=2)) == b'{"pid":2}'


def test_what_a_newer_one_adds_is_no_hindrance() -> None:
    text = b'{"protocol":2,"command":[],"environment":{},"more":1}'
    assert msgspec.json.decode(text, type=HandoverRequest).protocol == 2
