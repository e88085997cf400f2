from __future__ import annotations

import pytest

from kfwd.errors import ProtocolError
from kfwd.wire.socks import ClientHandshake, address

CONNECTED = b"\x05\x00\x00\x01\x7f\x00\x00\x01\x00\x50"


def test_the_trace_without_a_login() -> None:
    handshake = ClientHandshake("api.test", 6443)
    assert handshake.start() == b"\x05\x01\x00"
    assert handshake.receive(b"\x05\x00") == b"\x05\x01\x00\x03\x08api.test\x19\x2b"
    assert handshake.receive(CONNECTED) == b""
    assert handshake.done


def test_the_trace_with_a_login() -> None:
    handshake = ClientHandshake("127.0.0.1", 80, ("ann", "pw"))
    assert handshake.start() == b"\x05\x02\x00\x02"
    assert handshake.receive(b"\x05\x02") == b"\x01\x03ann\x02pw"
    assert handshake.receive(b"\x01\x00") == b"\x05\x01\x00\x01\x7f\x00\x00\x01\x00\x50"
    handshake.receive(CONNECTED)
    assert handshake.done


def test_a_proxy_may_do_without_the_login_it_is_offered() -> None:
    handshake = ClientHandshake("::1", 80, ("ann", "pw"))
    assert handshake.receive(b"\x05\x00").startswith(b"\x05\x01\x00\x04")


@pytest.mark.parametrize(
    "bound", [b"\x01" + bytes(4), b"\x04" + bytes(16), b"\x03\x04host"], ids=["v4", "v6", "name"]
)
def test_any_split_of_the_answers_gives_the_same(bound: bytes) -> None:
    answers = b"\x05\x02" + b"\x01\x00" + b"\x05\x00\x00" + bound + b"\x00\x50"
    handshake = ClientHandshake("api.test", 6443, ("ann", "pw"))
    sent = handshake.start()
    for byte in answers:
        assert not handshake.done
        sent += handshake.receive(bytes([byte]))
    whole = ClientHandshake("api.test", 6443, ("ann", "pw"))
    assert sent == whole.start() + whole.receive(answers)
    assert handshake.done
    assert whole.done


@pytest.mark.parametrize(
    ("answer", "text"),
    [
        (b"HT", "does not speak SOCKS5"),
        (b"\x05\xff", "asks for a login that we do not have"),
        (b"\x05\x02", "asks for a login that we do not have"),
        (b"\x05\x00" + b"\x05\x05\x00\x01\x00", "connection refused"),
        (b"\x05\x00" + b"\x05\x63\x00\x01\x00", "failure 99"),
        (b"\x05\x00" + b"\x04\x00\x00\x01\x00", "does not speak SOCKS5"),
        (b"\x05\x00" + b"\x05\x00\x00\x09\x00", "unknown address type 9"),
        (b"\x05\x00" + CONNECTED + b"!", "sent more than its answer"),
    ],
)
def test_refusals_say_why(answer: bytes, text: str) -> None:
    with pytest.raises(ProtocolError, match=text):
        ClientHandshake("a", 1).receive(answer)


def test_a_rejected_login_says_so() -> None:
    with pytest.raises(ProtocolError, match="rejected the user name or password"):
        ClientHandshake("a", 1, ("ann", "pw")).receive(b"\x05\x02\x01\x01")


@pytest.mark.parametrize(
    ("host", "login", "text"),
    [
        ("x" * 256, None, "host name is longer"),
        ("a", ("u" * 256, "p"), "user name is longer"),
        ("a", ("u", "p" * 256), "password is longer"),
    ],
)
def test_what_does_not_fit_is_refused(host: str, login: tuple[str, str] | None, text: str) -> None:
    with pytest.raises(ProtocolError, match=text):
        ClientHandshake(host, 1, login)


def test_addresses_are_written_as_the_rfc_has_them() -> None:
    assert address("10.0.0.1") == b"\x01\x0a\x00\x00\x01"
    assert address("::1") == b"\x04" + bytes(15) + b"\x01"
    assert address("b\u00fccher.test") == b"\x03\x12xn--bcher-kva.test"
