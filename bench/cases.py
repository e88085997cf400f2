"""What is measured: each case drives one port and returns its figures."""

from __future__ import annotations

import concurrent.futures
import contextlib
import hashlib
import socket
import time
from collections.abc import Iterator

MB = 1_000_000
CHUNK = 1 << 20


def download(port: int, size: int) -> float:
    """MB a second through the probe's source."""
    start = time.perf_counter()
    buffer = bytearray(CHUNK)
    got = 0
    with socket.create_connection(("127.0.0.1", port), 60) as sock:
        sock.sendall(f"{size}\n".encode())
        while count := sock.recv_into(buffer):
            got += count
    if got != size:
        raise AssertionError(f"{got} of {size} bytes came")
    return size / MB / (time.perf_counter() - start)


def upload(port: int, size: int) -> float:
    """MB a second through the probe's counted hash; the hash must be right."""
    block = bytes(CHUNK)
    digest = hashlib.sha256()
    start = time.perf_counter()
    with socket.create_connection(("127.0.0.1", port), 60) as sock:
        sock.sendall(f"{size}\n".encode())
        for _ in range(size // CHUNK):
            sock.sendall(block)
        answer = sock.makefile().readline().split()
    took = time.perf_counter() - start
    for _ in range(size // CHUNK):
        digest.update(block)
    if answer[1] != digest.hexdigest():
        raise AssertionError("the upload's hash is wrong")
    return size / MB / took


def first_byte(port: int) -> float:
    """Seconds to connect and have one byte echoed."""
    start = time.perf_counter()
    with socket.create_connection(("127.0.0.1", port), 30) as sock:
        sock.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        sock.sendall(b"x")
        if sock.recv(1) != b"x":
            raise AssertionError("no echo")
        return time.perf_counter() - start


def first_bytes(port: int, count: int, *, at_once: int = 1) -> list[float]:
    """Sorted seconds of `count` connections, `at_once` at a time."""
    if at_once == 1:
        return sorted(first_byte(port) for _ in range(count))
    with concurrent.futures.ThreadPoolExecutor(at_once) as pool:
        return sorted(pool.map(first_byte, [port] * count))


def quantile(ordered: list[float], part: float) -> float:
    return ordered[min(len(ordered) - 1, int(len(ordered) * part))]


@contextlib.contextmanager
def stalled_readers(port: int, count: int) -> Iterator[None]:
    """Connections that ask for 2 GB and never read."""
    socks = []
    try:
        for _ in range(count):
            sock = socket.create_connection(("127.0.0.1", port), 30)
            sock.sendall(b"2000000000\n")
            sock.recv(1)
            socks.append(sock)
        yield
    finally:
        for sock in socks:
            sock.close()
