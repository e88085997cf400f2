"""Reasons in words, from the values of errors alone: nothing here is dialled."""

from __future__ import annotations

import asyncio
import errno
import socket
import ssl

import pytest

from kfwd.daemon.reach import words
from kfwd.errors import ProtocolError, Unreachable


def refused(code: int) -> ssl.SSLCertVerificationError:
    error = ssl.SSLCertVerificationError(1, "certificate verify failed")
    error.verify_code = code
    return error


def tls(reason: str) -> ssl.SSLError:
    error = ssl.SSLError(1, reason)
    error.reason = reason
    return error


PRIVATE = "10.0.0.1 is a private address, it takes a VPN or a place in its network"


@pytest.mark.parametrize(
    ("error", "host", "says"),
    [
        (
            ConnectionRefusedError(errno.ECONNREFUSED, "x"),
            "127.0.0.11",
            "refused: nothing listens on port 80 of 127.0.0.11, or a firewall says no",
        ),
        (TimeoutError(), "10.0.0.1", f"no answer within 2 s: {PRIVATE}"),
        (TimeoutError(), "127.0.0.11", "no answer within 2 s"),
        (TimeoutError(), "8.8.8.8", "no answer within 2 s"),
        (TimeoutError(), "lb.example.com", "no answer within 2 s"),
        (TimeoutError(), "100.64.3.4", "no answer within 2 s: 100.64.3.4 is a private address"),
        (TimeoutError(), "fd00::1", "no answer within 2 s: fd00::1 is a private address"),
        (OSError(errno.ETIMEDOUT, "x"), "8.8.8.8", "no answer within 2 s"),
        (OSError(errno.EHOSTUNREACH, "x"), "10.0.0.1", f"no route to 10.0.0.1: {PRIVATE}"),
        (
            OSError(errno.ENETUNREACH, "x"),
            "2001:4860:4860::8888",
            "no route to 2001:4860:4860::8888",
        ),
        (ConnectionResetError(errno.ECONNRESET, "x"), "h", "the connection was cut"),
        (OSError(errno.EACCES, "x"), "h", "permission denied"),
        (socket.gaierror(-2, "x"), "foo.bar.com", "no DNS: the name foo.bar.com is not known here"),
        (asyncio.IncompleteReadError(b"", 1), "h", "it closed the connection without an answer"),
        (refused(62), "foo.bar.com", "TLS name: its certificate is not for foo.bar.com"),
        (refused(18), "h", "TLS: nobody whom this machine trusts has signed its certificate"),
        (refused(10), "h", "TLS: its certificate has expired"),
        (refused(9), "h", "TLS: its certificate is not valid yet"),
        (tls("WRONG_VERSION_NUMBER"), "h", "it does not speak TLS"),
        (tls("TLSV1_ALERT_INTERNAL_ERROR"), "h", "TLS: tlsv1 alert internal error"),
        (Unreachable("the server says no"), "h", "the server says no"),
        (ProtocolError("it does not speak HTTP"), "h", "it does not speak HTTP"),
        (OSError("odd"), "h", "odd"),
    ],
)
def test_every_failure_has_its_words(error: BaseException, host: str, says: str) -> None:
    assert words.failure(error, host, 80, 2.0).startswith(says)


def test_a_status_is_named_where_it_has_a_name() -> None:
    assert words.status(404) == "answers 404 Not Found"
    assert words.status(599) == "answers 599"


def test_what_rbac_says_no_to_is_named() -> None:
    text = words.not_allowed("create", "pods/portforward", "shop")
    assert text == "not allowed: create pods/portforward in namespace shop (RBAC)"
