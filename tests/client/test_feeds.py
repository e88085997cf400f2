"""Where streams are and what their lines mean."""

from __future__ import annotations

import msgspec
import pytest

from kfwd.api_doctor import DoctorQuery
from kfwd.client import feeds
from kfwd.model import Heartbeat


def test_a_line_is_an_event() -> None:
    assert feeds.events().read(b'{"type":"heartbeat","seq":3}') == Heartbeat(seq=3)


@pytest.mark.parametrize("line", [b"", b'{"type":"novelty","seq":1}'])
def test_what_says_nothing_to_us_is_passed_over(line: bytes) -> None:
    assert feeds.events().read(line) is None


def test_a_line_that_was_cut_off_is_an_error() -> None:
    with pytest.raises(msgspec.DecodeError):
        feeds.events().read(b'{"type":"heart')


def test_targets_carry_what_is_asked_for() -> None:
    assert feeds.attach("-/web").target == "/v1/entries/-/web/attach"
    logs = feeds.logs(entry="dev/web", last=5, follow=True)
    assert logs.target == "/v1/logs?n=5&entry=dev%2Fweb&follow=1"
    assert feeds.logs().target == "/v1/logs?n=200"
    assert feeds.requests("dev/a b").target == "/v1/entries/dev/a%20b/requests"
    assert feeds.requests("dev/web", follow=True).target.endswith("?follow=1")


def test_a_doctor_is_told_whom_to_look_at() -> None:
    assert feeds.doctor(DoctorQuery()).target == "/v1/doctor"
    asked = DoctorQuery(entry="-/web", path="/bin", kubeconfig=("/a", "/b"))
    assert feeds.doctor(asked).target == (
        "/v1/doctor?entry=-%2Fweb&path=%2Fbin&kubeconfig=%2Fa&kubeconfig=%2Fb"
    )


def test_objects_of_a_namespace_or_of_all() -> None:
    assert feeds.objects("dev", ["/k"]).target == "/v1/contexts/dev/objects?kubeconfig=%2Fk"
    one = feeds.objects("a/b", (), namespace="shop", follow=True)
    assert one.target == "/v1/contexts/a%2Fb/objects?namespace=shop&follow=1"
    assert feeds.objects("dev", (), everywhere=True).target.endswith("objects?all=1")
