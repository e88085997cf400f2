from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from kfwd.sim.protobuf import MAGIC, decode, wire


def varint(number: int) -> bytes:
    found = b""
    while True:
        number, low = number >> 7, number & 0x7F
        found += bytes([low | (0x80 if number else 0)])
        if not number:
            return found


def field(number: int, value: bytes | str | int) -> bytes:
    """One field of a message."""
    if isinstance(value, int):
        return varint(number << 3) + varint(value % (1 << 64))
    raw = value.encode() if isinstance(value, str) else value
    return varint(number << 3 | 2) + varint(len(raw)) + raw


def body(api_version: str, kind: str, message: bytes) -> bytes:
    """A request body as client-go makes it."""
    names = field(1, api_version) + field(2, kind)
    return MAGIC + field(1, names) + field(2, message) + field(3, "") + field(4, "")


def test_a_deployment_reads_like_its_json() -> None:
    port = field(1, "http") + field(2, 0) + field(3, 8080) + field(4, "TCP")
    container = field(1, "c") + field(2, "i") + field(6, port)
    label = field(1, "app") + field(2, "web")
    template = field(1, field(1, "") + field(11, label)) + field(2, field(2, container))
    surge = field(1, field(1, 1) + field(2, 0) + field(3, "25%"))
    spec = field(1, 0) + field(2, field(1, label)) + field(3, template)
    spec += field(4, field(1, "") + field(2, surge))
    found = decode(body("apps/v1", "Deployment", field(1, field(1, "web")) + field(2, spec)))
    assert found == {
        "kind": "Deployment",
        "apiVersion": "apps/v1",
        "metadata": {"name": "web"},
        "spec": {
            "replicas": 0,
            "selector": {"matchLabels": {"app": "web"}},
            "template": {
                "metadata": {"labels": {"app": "web"}},
                "spec": {
                    "containers": [
                        {
                            "name": "c",
                            "image": "i",
                            "ports": [{"name": "http", "containerPort": 8080, "protocol": "TCP"}],
                        }
                    ]
                },
            },
            "strategy": {"rollingUpdate": {"maxUnavailable": "25%"}},
        },
    }


def test_numbers_bytes_and_inlined_messages_are_understood() -> None:
    entry = field(1, "a") + field(2, b"\x00\xff")
    assert decode(body("v1", "Secret", field(2, entry)))["data"] == {"a": "AP8="}
    options = decode(body("v1", "DeleteOptions", field(1, -1) + field(3, 1)))
    assert (options["gracePeriodSeconds"], options["orphanDependents"]) == (-1, True)
    path = field(1, "/") + field(3, "Prefix")
    rule = field(1, "h") + field(2, field(1, field(1, path)))
    ingress = decode(body("networking.k8s.io/v1", "Ingress", field(2, field(3, rule))))
    assert ingress["spec"]["rules"] == [
        {"host": "h", "http": {"paths": [{"path": "/", "pathType": "Prefix"}]}}
    ]
    target = field(1, 0) + field(2, 8080) + field(3, "")
    port = field(3, 80) + field(4, target)
    service = decode(body("v1", "Service", field(2, field(1, port))))
    assert service["spec"]["ports"] == [{"port": 80, "targetPort": 8080}]


def test_unknown_fields_and_fixed_numbers_are_skipped() -> None:
    skipped = field(999, "x") + varint(998 << 3 | 1) + bytes(8) + varint(997 << 3 | 5) + bytes(4)
    assert decode(body("v1", "Namespace", skipped + field(1, field(1, "n"))))["metadata"] == {
        "name": "n"
    }


@pytest.mark.parametrize(
    "broken",
    [
        b"",
        b"{}",
        body("v1", "Gadget", b""),
        body("v1", "Namespace", b"\x0a\xff"),
        body("v1", "Namespace", b"\x0b"),
        body("v1", "Namespace", b"\x08\x01"),
        body("v1", "Namespace", b"\xff" * 11),
        body("v1", "Namespace", field(1, field(1, b"\xff"))),
    ],
)
def test_a_broken_body_is_a_value_error(broken: bytes) -> None:
    with pytest.raises(ValueError, match=r"protobuf|utf-8"):
        decode(broken)


@given(st.binary(max_size=200))
def test_any_bytes_are_a_message_or_a_value_error(data: bytes) -> None:
    try:
        found = decode(body("apps/v1", "Deployment", data))
    except ValueError:
        return
    assert found["kind"] == "Deployment"
    assert list(wire(data)) is not None
