"""HTTP on the control socket: who is let in, what is understood, and how failures look."""

from __future__ import annotations

import asyncio
import contextlib
import os
import socket
import subprocess
import sys
from pathlib import Path

import pytest

from kfwd import __version__
from kfwd.daemon.adhoc import NameTaken
from kfwd.daemon.api.routes import ALL
from kfwd.daemon.api.server import Server, detail, status_of
from kfwd.daemon.lock import bind_control
from kfwd.errors import (
    ConfigError,
    KfwdError,
    LoginNeeded,
    NotFound,
    ProfileInvalid,
    UsageError,
)
from tests.daemon.rig import Rig
from tests.until import until


async def test_every_answer_carries_the_version_errors_and_streams_too(rig: Rig) -> None:
    for path in ("/v1/snapshot", "/v1/nothing", "/v1/events", "/metrics"):
        async with rig.http.get(f"http://kfwd{path}") as answer:
            assert answer.headers["Kfwd-Version"] == __version__, path


async def test_pages_of_the_web_are_refused(rig: Rig) -> None:
    for header in ("Origin", "Referer"):
        status, body = await rig.call("GET", "/v1/snapshot", **{header: "https://evil.example"})
        assert (status, body["error"]["code"]) == (403, "refused")


async def test_a_foreign_host_is_refused_and_localhost_is_not(rig: Rig) -> None:
    assert (await rig.call("GET", "/v1/snapshot", Host="evil.example"))[0] == 403
    assert (await rig.call("GET", "/v1/snapshot", Host="localhost"))[0] == 200


@pytest.mark.skipif(os.getuid() != 0, reason="only root can become another user")
async def test_another_users_process_is_refused_even_if_it_reaches_the_socket(rig: Rig) -> None:
    for folder in (rig.paths.runtime, *rig.paths.runtime.parents):
        if folder.is_relative_to("/tmp") and folder != Path("/tmp"):
            folder.chmod(0o755)
    rig.paths.socket.chmod(0o666)
    code = (
        "import os, socket, sys; os.setgid(65534); os.setuid(65534);"
        "s = socket.socket(socket.AF_UNIX); s.connect(sys.argv[1]);"
        "s.sendall(b'GET /v1/snapshot HTTP/1.0\\r\\nHost: kfwd\\r\\n\\r\\n');"
        "print(s.makefile('rb').read().decode())"
    )
    done = await asyncio.to_thread(
        subprocess.run,
        [sys.executable, "-c", code, rig.paths.socket],
        capture_output=True,
        text=True,
        cwd="/",
        check=False,
    )
    assert "403 Forbidden" in done.stdout, done.stderr
    assert "user 65534 may not control the daemon of user 0" in done.stdout


async def test_what_cannot_be_understood_says_where(rig: Rig) -> None:
    status, body = await rig.call("PUT", "/v1/entries/-/db", {"spec": {"kind": "forward"}})
    assert status == 400
    assert body["error"]["exit_code"] == 2
    assert "name" in body["error"]["text"]
    status, body = await rig.call("GET", "/v1/logs?n=many")
    assert (status, "$.n" in body["error"]["text"]) == (400, True)
    status, body = await rig.call("GET", "/v1/logs?m=1")
    assert (status, "`m`" in body["error"]["text"]) == (400, True)


@pytest.mark.parametrize("body", [b'{"spec":' * 50_000, b'{"context":"\xff"}', b"\0"])
async def test_what_is_no_json_is_the_callers_fault(rig: Rig, body: bytes) -> None:
    url = "http://kfwd/v1/entries/-/db"
    async with rig.http.put(url, data=body) as answer:
        assert answer.status == 400
        assert b"the body cannot be understood" in await answer.read()


async def test_unknown_paths_and_methods_are_errors_of_the_same_form(rig: Rig) -> None:
    status, body = await rig.call("GET", "/v1/nothing")
    assert (status, body["error"]["text"]) == (404, "GET /v1/nothing: Not Found")
    status, body = await rig.call("PATCH", "/v1/snapshot")
    assert (status, body["error"]["code"]) == (405, "bad-request")


@pytest.mark.parametrize(
    ("error", "status", "exit_code"),
    [
        (UsageError("no"), 400, 2),
        (NameTaken("taken"), 409, 2),
        (NotFound("none"), 404, 4),
        (ProfileInvalid("a:1:1: odd"), 422, 5),
        (ConfigError("no context"), 400, 1),
        (LoginNeeded("log in"), 403, 7),
        (KfwdError("odd"), 500, 1),
    ],
)
def test_errors_have_a_status_and_the_exit_code_of_the_command(
    error: KfwdError, status: int, exit_code: int
) -> None:
    assert status_of(error) == status
    assert (detail(error).exit_code, detail(error).text) == (exit_code, error.text)


async def test_a_bug_is_an_error_without_its_insides(
    rig: Rig, monkeypatch: pytest.MonkeyPatch
) -> None:
    def fail() -> None:
        raise ZeroDivisionError("secret insides")

    monkeypatch.setattr(rig.daemon, "look", fail)
    status, body = await rig.call("GET", "/v1/snapshot")
    assert (status, body["error"]["code"]) == (500, "internal-error")
    assert "secret" not in body["error"]["text"]
    (line,) = rig.daemon.ring.tail(1)
    assert "secret insides" in (line.error or "")


async def test_a_client_that_goes_away_ends_its_stream(rig: Rig) -> None:
    def watching() -> int:
        return len(rig.daemon.store._subscribers)

    reader, writer = await asyncio.open_unix_connection(str(rig.paths.socket))
    writer.write(b"GET /v1/events HTTP/1.1\r\nHost: kfwd\r\n\r\n")
    await reader.readuntil(b"snapshot")
    assert watching() == 1
    writer.close()
    await until(lambda: watching() == 0)


async def test_a_client_that_does_not_read_is_cut_off(rig: Rig) -> None:
    from tests.daemon.records import entry

    sock = socket.socket(socket.AF_UNIX)
    sock.setblocking(False)
    sock.connect(str(rig.paths.socket))
    await asyncio.get_running_loop().sock_sendall(
        sock, b"GET /v1/events HTTP/1.1\r\nHost: kfwd\r\n\r\n"
    )
    await until(lambda: rig.daemon.store._subscribers)
    number = 0
    async with asyncio.timeout(10):
        while rig.daemon.store._subscribers:
            number += 1
            rig.daemon.store.put(entry(reconnects=number, target="x" * 1000))
            if number % 50 == 0:
                await asyncio.sleep(0)
    received = await drained(sock)
    assert not received.endswith(b"0\r\n\r\n"), "the body looks as if it had ended"
    sock.close()


async def drained(sock: socket.socket) -> bytes:
    """All that is left to read, up to a reset or the end."""
    received = b""
    with contextlib.suppress(ConnectionResetError):
        while data := await asyncio.get_running_loop().sock_recv(sock, 1 << 20):
            received += data
    return received


async def test_who_was_accepted_when_it_pauses_is_answered(rig: Rig, tmp_path: Path) -> None:
    control = bind_control(tmp_path / "other.sock")
    server = Server(rig.daemon, ALL)
    await server.prepare()
    await server.start(control)
    with socket.socket(socket.AF_UNIX) as client:
        client.connect(control.getsockname())
        client.sendall(b"GET /v1/snapshot HTTP/1.1\r\nHost: kfwd\r\n\r\n")
        client.setblocking(False)
        for _ in range(2):  # asyncio sees it and accepts it
            await asyncio.sleep(0)
        await server.pause()
        async with asyncio.timeout(5):
            answer = await asyncio.get_running_loop().sock_recv(client, 4096)
    assert answer.startswith(b"HTTP/1.1 200")
    await server.close()
    control.close()
