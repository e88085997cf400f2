"""The floor: TLS bytes read or written in this process, nothing parsed and nothing handed on."""

from __future__ import annotations

import contextlib
import multiprocessing
import socket
import ssl
import subprocess
import sys
import time
from collections.abc import Iterator

import trustme

from bench.harness import Rig
from kfwd.kube.tls_records import RECORD_SIZE, TlsRecords
from kfwd.measure.figures import Figure

CHUNK = 256 * 1024
GB = 1e9


def _serve(listener: socket.socket, context: ssl.SSLContext) -> None:
    """Take `size` bytes, then give as many, on each connection."""
    data = bytes(1 << 20)
    buffer = bytearray(1 << 20)
    while True:
        sock, _ = listener.accept()
        with sock, context.wrap_socket(sock, server_side=True) as tls:
            left = size = int(tls.recv(20))
            while left:
                left -= tls.recv_into(buffer)
            for _ in range(size // len(data)):
                tls.sendall(data)


@contextlib.contextmanager
def _server() -> Iterator[tuple[int, ssl.SSLContext]]:
    authority = trustme.CA()
    served = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    authority.issue_cert("127.0.0.1").configure_cert(served)
    trusting = ssl.create_default_context()
    authority.configure_trust(trusting)
    with socket.create_server(("127.0.0.1", 0)) as listener:
        process = multiprocessing.get_context("fork").Process(
            target=_serve, args=(listener, served), daemon=True
        )
        process.start()
        try:
            yield listener.getsockname()[1], trusting
        finally:
            process.terminate()
            process.join()


def measure(rig: Rig, runs: int, size: int) -> list[Figure]:
    """In a process of its own, whose server takes the cipher that an API server would."""
    up = Figure("floor: CPU of a GB written", "s")
    down = Figure("floor: CPU of a GB read", "s")
    for _ in range(runs):
        command = [sys.executable, "-m", "bench.floor", str(size)]
        done = subprocess.run(command, env=rig.as_go(), capture_output=True, text=True, check=True)
        written, read = map(float, done.stdout.split())
        up.add(written)
        down.add(read)
    return [down, up]


def main(size: int) -> None:
    """Print the CPU seconds of a GB written and of a GB read."""
    with _server() as (port, context), socket.create_connection(("127.0.0.1", port)) as sock:
        tls = _joined(sock, context)
        sock.sendall(b"".join(tls.seal(memoryview(f"{size:20}".encode()))))
        print(_write(sock, tls, size) / (size / GB), _read(sock, tls, size) / (size / GB))


def _joined(sock: socket.socket, context: ssl.SSLContext) -> TlsRecords:
    tls = TlsRecords(context, "127.0.0.1")
    received = b""
    while True:
        complete = tls.shake_hands(received)
        sock.sendall(tls.outgoing())
        if complete:
            return tls
        received = sock.recv(RECORD_SIZE)


def _write(sock: socket.socket, tls: TlsRecords, size: int) -> float:
    data = memoryview(bytes(CHUNK))
    before = time.process_time()
    for _ in range(size // CHUNK):
        records = tls.seal(data)
        sent = sock.sendmsg(records)
        if sent < sum(map(len, records)):
            sock.sendall(memoryview(b"".join(records))[sent:])
    return time.process_time() - before


def _read(sock: socket.socket, tls: TlsRecords, size: int) -> float:
    sealed = memoryview(bytearray(CHUNK))
    opened = memoryview(bytearray(CHUNK + 2 * RECORD_SIZE))
    before = time.process_time()
    while size > 0:
        count = sock.recv_into(sealed)
        size -= tls.open(sealed[:count], opened)[0]
    return time.process_time() - before


if __name__ == "__main__":
    main(int(sys.argv[1]))
