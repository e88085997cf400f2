"""Requests through the forwards, checked one by one: counts, hashes, and what went wrong."""

from __future__ import annotations

import hashlib
import http.client
import os
import socket
import threading
import time
from collections.abc import Iterator
from contextlib import closing, contextmanager

HOST = "127.0.0.1"
TIMEOUT_S = 35.0
BLOCK = 256 * 1024
KEPT_REASONS = 5


class Tally:
    """What was asked for and what came of it. Shared by threads."""

    def __init__(self) -> None:
        self.requests = 0
        self.failed = 0
        self.verified = 0
        self.reasons: list[str] = []
        self._lock = threading.Lock()

    @contextmanager
    def request(self) -> Iterator[None]:
        """Count what happens inside as one request; an error in it makes it a failed one."""
        reason: str | None = None
        try:
            yield
        except (OSError, http.client.HTTPException, Wrong) as error:
            reason = f"{type(error).__name__}: {error}"
        with self._lock:
            self.requests += 1
            if reason is not None:
                self.failed += 1
                self.reasons = [*self.reasons, reason][-KEPT_REASONS:]

    def verify(self, size: int) -> None:
        with self._lock:
            self.verified += size


class Wrong(Exception):
    """An answer that is not the right one."""


def page(tally: Tally, port: int) -> str | None:
    """GET a page on a connection of its own; the pod that answered, None if none did."""
    answered: str | None = None
    with tally.request(), closing(_connect(port)) as connection:
        connection.request("GET", "/demo")
        response = connection.getresponse()
        body = response.read().decode()
        pod = response.headers.get("X-Pod", "")
        if response.status != 200 or not body.startswith(f"pod={pod} path=/demo "):
            raise Wrong(f"{response.status} {body[:80]!r}")
        answered = pod
    return answered


def _connect(port: int) -> http.client.HTTPConnection:
    return http.client.HTTPConnection(HOST, port, timeout=TIMEOUT_S)


class Download:
    """GET `size` bytes of the probe; they are the same from every pod, so the hash is."""

    def __init__(self, tally: Tally, port: int, size: int) -> None:
        self.pod = ""
        self.sha256 = ""
        self._tally = tally
        self._port = port
        self._size = size

    def run(self, pause_s: float = 0.0, begun: threading.Event | None = None) -> None:
        """Read it all, with a pause after each block. `begun` is set at the first bytes."""
        with self._tally.request(), closing(_connect(self._port)) as connection:
            connection.request("GET", f"/bytes/{self._size}")
            response = connection.getresponse()
            self.pod = response.headers.get("X-Pod", "")
            self._read(response, pause_s, begun)

    def _read(
        self, response: http.client.HTTPResponse, pause_s: float, begun: threading.Event | None
    ) -> None:
        digest, size = hashlib.sha256(), 0
        while block := response.read(BLOCK):
            digest.update(block)
            size += len(block)
            if begun is not None:
                begun.set()
            time.sleep(pause_s)
        if size != self._size:
            raise Wrong(f"{size} of {self._size} bytes")
        self.sha256 = digest.hexdigest()


def echo(tally: Tally, port: int, size: int) -> None:
    """Send random bytes to the echo port and compare what comes back."""
    data = os.urandom(size)
    with tally.request(), socket.create_connection((HOST, port), TIMEOUT_S) as connection:
        sender = threading.Thread(target=_send, args=(connection, data), name="demo-echo")
        sender.start()
        digest = hashlib.sha256()
        left = size
        try:
            while left and (block := connection.recv(min(left, BLOCK))):
                digest.update(block)
                left -= len(block)
        finally:
            sender.join(TIMEOUT_S)
        if digest.digest() != hashlib.sha256(data).digest():
            raise Wrong(f"the echo of {size} bytes differs ({left} missing)")
        tally.verify(size)


def _send(connection: socket.socket, data: bytes) -> None:
    try:
        connection.sendall(data)
    except OSError:
        return  # the reader sees the same connection fail, and says so


def upload(tally: Tally, port: int, size: int) -> None:
    """Send random bytes; the pod answers how many came and their hash."""
    data = os.urandom(size)
    with tally.request(), socket.create_connection((HOST, port), TIMEOUT_S) as connection:
        connection.sendall(f"{size}\n".encode() + data)
        answer = b""
        while not answer.endswith(b"\n") and (block := connection.recv(4096)):
            answer += block
        wanted = f"{size} {hashlib.sha256(data).hexdigest()}\n"
        if answer.decode() != wanted:
            raise Wrong(f"the pod got something else: {answer[:90]!r}")
        tally.verify(size)


@contextmanager
def load(tally: Tally, port: int, a_second: float, workers: int = 4) -> Iterator[set[str]]:
    """Requests at a steady rate for as long as this lasts; yields the pods that answered."""
    pods: set[str] = set()
    stop = threading.Event()

    def work(offset_s: float) -> None:
        due = time.monotonic() + offset_s
        while not stop.wait(max(0.0, due - time.monotonic())):
            if pod := page(tally, port):
                pods.add(pod)
            due = max(due + workers / a_second, time.monotonic())

    threads = [
        threading.Thread(target=work, args=(n / a_second,), name=f"demo-load-{n}")
        for n in range(workers)
    ]
    for thread in threads:
        thread.start()
    try:
        yield pods
    finally:
        stop.set()
        for thread in threads:
            thread.join()
