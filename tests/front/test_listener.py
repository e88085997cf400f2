"""Bound sockets: where, by whom not, and for how long."""

from __future__ import annotations

import asyncio
import errno
import os
import socket
import stat
from pathlib import Path

import pytest

from kfwd.errors import KfwdError
from kfwd.front import listener as listener_module
from kfwd.front.listener import Listener, PortInUse, bind_all, explain
from tests.until import until


def close_all(sockets: list[socket.socket]) -> None:
    for sock in sockets:
        sock.close()


def test_localhost_is_both_families_on_one_free_port() -> None:
    sockets = bind_all(["localhost"], 0)
    try:
        assert [sock.family for sock in sockets] == [socket.AF_INET, socket.AF_INET6]
        assert len({sock.getsockname()[1] for sock in sockets}) == 1
    finally:
        close_all(sockets)


def test_an_address_that_is_named_twice_is_bound_once() -> None:
    sockets = bind_all(["127.0.0.1", "localhost", "127.0.0.1"], 0)
    try:
        assert [sock.getsockname()[0] for sock in sockets] == ["127.0.0.1", "::1"]
    finally:
        close_all(sockets)


def test_a_busy_port_is_named_and_leaves_nothing_bound() -> None:
    free, taken = bind_all(["localhost"], 0)
    port = taken.getsockname()[1]
    free.close()
    with taken, pytest.raises(PortInUse, match=rf"port {port} on ::1 is in use$") as caught:
        bind_all(["localhost"], port)
    assert caught.value.port == port
    close_all(bind_all(["localhost"], port))


def test_a_machine_without_ipv6_still_has_localhost(monkeypatch: pytest.MonkeyPatch) -> None:
    real = listener_module._listen

    def without_v6(family: socket.AddressFamily, address: tuple[str, int]) -> socket.socket:
        if family == socket.AF_INET6:
            raise OSError(errno.EADDRNOTAVAIL, "no address")
        return real(family, address)

    monkeypatch.setattr(listener_module, "_listen", without_v6)
    sockets = bind_all(["localhost"], 0)
    assert len(sockets) == 1
    close_all(sockets)
    with pytest.raises(KfwdError) as caught:
        bind_all(["::1"], 0)
    assert caught.value.code == "bind-failed"


@pytest.mark.parametrize(
    ("number", "port", "code"),
    [
        (errno.EACCES, 80, "port-privileged"),
        (errno.EADDRINUSE, 80, "port-in-use"),
        (errno.EADDRNOTAVAIL, 8080, "bind-failed"),
        (errno.EACCES, 8080, "bind-failed"),
    ],
)
def test_a_failed_bind_is_explained(number: int, port: int, code: str) -> None:
    error = explain(OSError(number, os.strerror(number)), "10.9.8.7", port)
    assert error.code == code
    assert f"port {port} on 10.9.8.7" in error.text


def test_a_unix_socket_is_private_and_takes_a_stale_ones_place(tmp_path: Path) -> None:
    path = tmp_path / "s"
    close_all(bind_all([f"unix:{path}"], 0))
    assert path.is_socket()
    sockets = bind_all([f"unix:{path}"], 0)
    assert stat.S_IMODE(path.stat().st_mode) == 0o600
    with pytest.raises(PortInUse):
        bind_all([f"unix:{path}"], 0)
    close_all(sockets)


async def test_it_accepts_and_says_where_it_listens(tmp_path: Path) -> None:
    accepted: list[socket.socket] = []
    unix = f"unix:{tmp_path / 's'}"
    listener = Listener(bind_all(["127.0.0.1", "::1", unix], 0), accepted.append)
    v4, v6, path = listener.addresses
    port = int(v4.rpartition(":")[2])
    assert (v4, v6, path) == (f"127.0.0.1:{port}", f"[::1]:{port}", unix)
    apps = [socket.create_connection(("127.0.0.1", port)) for _ in range(3)]
    apps.append(socket.create_connection(("::1", port)))
    await until(lambda: len(accepted) == 4)
    assert not any(sock.getblocking() for sock in accepted)
    listener.close()
    close_all(apps + accepted)
    assert not (tmp_path / "s").exists()
    with pytest.raises(ConnectionRefusedError):
        socket.create_connection(("127.0.0.1", port))


async def test_out_of_descriptors_it_rests_and_goes_on(
    monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    monkeypatch.setattr(listener_module, "REST_S", 0.02)
    accepted: list[socket.socket] = []

    class Full(socket.socket):
        failures = 3

        def accept(self) -> tuple[socket.socket, object]:
            if Full.failures:
                Full.failures -= 1
                raise OSError(errno.EMFILE, "Too many open files")
            return super().accept()

    full = Full(socket.AF_INET, socket.SOCK_STREAM)
    full.setblocking(False)
    full.bind(("127.0.0.1", 0))
    full.listen()
    listener = Listener([full], accepted.append)
    with socket.create_connection(full.getsockname()):
        await until(lambda: accepted)
    assert caplog.text.count("Too many open files") == 3
    listener.close()
    close_all(accepted)
    await asyncio.sleep(0)
