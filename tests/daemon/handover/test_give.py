"""Handing over: nothing refused, nothing lost, and all taken back when the new one fails."""

from __future__ import annotations

import contextlib
import http.client
import os
import signal
import socket
import sys
import threading
import time
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import pytest

from kfwd.api_handover import HANDOVER_FAILED, HANDOVER_UNSUPPORTED
from kfwd.daemon.handover.give import environment
from kfwd.errors import KfwdError
from kfwd.paths import Paths
from tests.daemon import process
from tests.daemon.process import Process
from tests.ports import free_port


class Home(Process):
    """Daemons of which each was started by the one before."""

    def until(self, condition: Callable[[], object]) -> None:
        deadline = time.monotonic() + 10
        while not condition():
            assert time.monotonic() < deadline, self.snapshot().entries
            time.sleep(0.01)

    def accepted(self, port: int) -> socket.socket:
        """A connection that the daemon has accepted, and that waits."""
        before = self.waiting()
        sock = socket.create_connection(("127.0.0.1", port), timeout=5)
        self.until(lambda: self.waiting() > before)
        return sock

    def waiting(self) -> int:
        return sum(entry.connections.waiting for entry in self.snapshot().entries)

    def unix_profile(self, name: str) -> Path:
        """A profile with one forward, and where that listens."""
        path = self.root / "web.sock"
        (self.paths.profiles / f"{name}.yaml").write_text(
            "version: 1\nforwards:\n"
            f'- {{name: web, target: svc/web, address: "unix:{path}", ports: ["80"]}}\n'
        )
        return path


@pytest.fixture
def home(tmp_path: Path) -> Iterator[Home]:
    home = Home(tmp_path)
    yield home
    home.close()


def hears_nothing(sock: socket.socket) -> bool:
    """Whether a connection is open and silent."""
    sock.setblocking(False)
    with contextlib.suppress(BlockingIOError):
        sock.recv(1)
        return False
    return True


def test_the_new_process_has_everything_and_hands_it_on(home: Home) -> None:
    home.profile("dev", port := free_port())
    old = home.start()
    home.up()
    with home.accepted(port) as first, home.accepted(port) as second:
        second.sendall(b"never read")
        new = home.hand_over()
        assert home.snapshot().daemon.pid == new != old.pid
        assert home.waiting() == 2
        assert old.wait(10) == 0
        assert (home.paths.runtime / "kfwd.lock").read_text() == f"{new}\n"
        again = home.hand_over()
        assert home.snapshot().daemon.pid == again != new
        assert home.waiting() == 2
        assert hears_nothing(first)
        assert hears_nothing(second)


def test_nobody_is_refused_at_two_hundred_connects_a_second(home: Home) -> None:
    home.profile("dev", port := free_port(), extra="")
    home.start()
    home.up()
    failed: list[OSError] = []
    open_: list[socket.socket] = []
    over = threading.Event()

    def connect() -> None:
        due = time.monotonic()
        while not over.is_set():
            try:
                open_.append(socket.create_connection(("127.0.0.1", port), timeout=5))
            except OSError as error:
                failed.append(error)
            due += 1 / 200
            time.sleep(max(0.0, due - time.monotonic()))

    clients = threading.Thread(target=connect)
    clients.start()
    try:
        home.hand_over()
    finally:
        over.set()
        clients.join()
    home.until(lambda: home.waiting() == len(open_))
    assert failed == []
    assert len(open_) > 20
    for sock in open_:
        assert hears_nothing(sock)
        sock.close()


PATIENT = "import sys; from kfwd.daemon import main; main.LINGER_S = 60; sys.exit(main.run())"


def test_who_connected_before_and_asks_after_is_sent_to_the_next(
    home: Home, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(process, "RUN", [sys.executable, "-c", PATIENT])
    home.start()
    with socket.socket(socket.AF_UNIX) as early:
        early.settimeout(10)
        early.connect(str(home.paths.socket))
        home.snapshot()  # who came first was accepted
        home.hand_over()
        early.sendall(b"GET /v1/snapshot HTTP/1.1\r\nHost: kfwd\r\n\r\n")
        assert b"daemon-replaced" in early.recv(4096)


NOTHING_IS_WRITTEN = """
import sys, threading
from kfwd.daemon import main, state
from kfwd.daemon.handover import give
give.SAVE_S = 0.2
state.write = lambda path, data: threading.Event().wait()
sys.exit(main.run())
"""


def test_a_disk_that_does_not_answer_keeps_the_daemon(
    home: Home, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(process, "RUN", [sys.executable, "-c", NOTHING_IS_WRITTEN])
    old = home.start()
    with pytest.raises(KfwdError, match=r"goes on: what is up is not saved after 0\.2 s") as caught:
        home.hand_over()
    assert caught.value.code == HANDOVER_FAILED
    assert home.snapshot().daemon.pid == old.pid


def test_a_unix_listener_keeps_its_path(home: Home) -> None:
    path = home.unix_profile("dev")
    old = home.start()
    home.up()
    home.hand_over()
    assert old.wait(10) == 0
    with socket.socket(socket.AF_UNIX) as client:
        client.connect(str(path))
        home.until(lambda: home.waiting() == 1)


def test_an_idle_client_of_a_proxy_goes_on_with_the_new_process(home: Home) -> None:
    port = free_port()
    (home.paths.profiles / "dev.yaml").write_text(
        f'version: 1\nproxies: [{{name: api, listen: "127.0.0.1:{port}"}}]\n'
    )
    old = home.start()
    home.up()
    client = http.client.HTTPConnection("127.0.0.1", port, timeout=5)
    client.request("GET", "/", headers={"Host": "example.com"})
    assert client.getresponse().read()
    kept = client.sock
    home.hand_over()
    assert old.wait(10) == 0
    client.request("GET", "/", headers={"Host": "example.com"})
    assert client.getresponse().read()
    assert client.sock is kept
    client.close()


READY_AND_GONE = """
import socket, sys
from kfwd.daemon.handover.channel import Channel
from kfwd.daemon.handover.messages import Offered, Ready
channel = Channel(socket.socket(fileno=int(sys.argv[-1])))
while not isinstance(channel.receive()[0], Offered):
    pass
channel.send(Ready())
sys.exit("kfwd: out of luck")
"""


@pytest.mark.parametrize("script", ["import sys; sys.exit('kfwd: out of luck')", READY_AND_GONE])
def test_when_the_new_process_dies_the_old_one_goes_on(home: Home, script: str) -> None:
    home.profile("dev", port := free_port())
    old = home.start()
    home.up()
    with home.accepted(port) as first:
        with pytest.raises(KfwdError, match="goes on: out of luck") as caught:
            home.hand_over(sys.executable, "-c", script)
        assert caught.value.code == HANDOVER_FAILED
        assert home.snapshot().daemon.pid == old.pid
        with home.accepted(port):
            assert home.waiting() == 2
        assert hears_nothing(first)
    home.hand_over()
    assert old.wait(10) == 0


HANGS = """
import os, pathlib, signal, socket, sys
from kfwd.daemon.handover.channel import Channel
from kfwd.daemon.handover.messages import Offered, Ready, Yours
file, until, number = sys.argv[1], sys.argv[2], int(sys.argv[-1])
channel = Channel(socket.socket(fileno=number))
while type(message := channel.receive()[0]).__name__ != until:
    if isinstance(message, Offered):
        channel.send(Ready())
pathlib.Path(file + ".new").write_text(str(os.getpid()))
pathlib.Path(file + ".new").rename(file)
signal.pause()
"""


@pytest.mark.parametrize("until", ["Offered", "Yours"])
def test_a_stop_calls_off_what_is_under_way(home: Home, until: str) -> None:
    path = home.unix_profile("dev")
    old = home.start()
    home.up()
    hung = home.root / "hung"
    with ThreadPoolExecutor(1) as pool:
        asked = pool.submit(home.hand_over, sys.executable, "-c", HANGS, str(hung), until)
        home.until(hung.exists)
        old.send_signal(signal.SIGTERM)
        with pytest.raises(KfwdError, match="the daemon stops, and is not replaced"):
            asked.result(10)
    assert old.wait(10) == 0
    with pytest.raises(ProcessLookupError):
        os.kill(int(hung.read_text()), 0)
    assert not path.exists()
    assert not home.paths.lock.exists()


def test_a_program_that_is_not_there_changes_nothing(home: Home) -> None:
    old = home.start()
    with pytest.raises(KfwdError, match="No such file or directory"):
        home.hand_over("/no/kfwd")
    assert home.snapshot().daemon.pid == old.pid


def test_another_protocol_is_refused_before_anything_is_done(home: Home) -> None:
    old = home.start()
    with pytest.raises(KfwdError, match="by protocol 1, not 2") as caught:
        home.hand_over(protocol=2)
    assert caught.value.code == HANDOVER_UNSUPPORTED
    assert home.snapshot().daemon.pid == old.pid


def test_the_new_process_has_the_callers_environment_and_our_places() -> None:
    paths = Paths(config=Path("/c"), state=Path("/s"), runtime=Path("/r"), log=Path("/l"))
    theirs = {"PATH": "/new", "NOTIFY_SOCKET": "/theirs", "KFWD_LOG_DIR": "/other"}
    ours = {"PATH": "/old", "NOTIFY_SOCKET": "/ours", "SECRET": "x"}
    assert environment(theirs, ours, paths) == {
        "PATH": "/new",
        "NOTIFY_SOCKET": "/ours",
        "KFWD_CONFIG_DIR": "/c",
        "KFWD_STATE_DIR": "/s",
        "KFWD_RUNTIME_DIR": "/r",
        "KFWD_LOG_DIR": "/l",
    }
