"""The daemon as a process: alone, cleanly stopped, and never stopped by what it finds."""

from __future__ import annotations

import json
import os
import signal
import socket
import subprocess
import sys
import time
from collections.abc import Iterator
from pathlib import Path

import pytest

from kfwd.api_history import UNKNOWN
from kfwd.daemon.main import FILES
from kfwd.measure.processes import cpu_s
from kfwd.service import environment
from tests.daemon.process import Process, listening_within, refused
from tests.ports import free_port


@pytest.fixture
def home(tmp_path: Path) -> Iterator[Process]:
    home = Process(tmp_path)
    yield home
    home.close()


@pytest.mark.parametrize("number", [signal.SIGTERM, signal.SIGINT])
def test_a_signal_stops_it_cleanly(home: Process, number: int) -> None:
    home.profile("dev", port := free_port())
    process = home.start()
    home.up()
    assert not refused(port)
    assert home.end(process, number) == 0
    assert refused(port)
    assert list(home.paths.runtime.iterdir()) == []
    last = json.loads((home.paths.log / "kfwd.log").read_text().splitlines()[-1])
    assert last["text"] == "stopped"


@pytest.mark.skipif(sys.platform != "linux", reason="/proc tells")
def test_there_is_room_for_descriptors_before_there_are_threads(home: Process) -> None:
    status = Path(f"/proc/{home.start().pid}/status").read_text()
    assert int(status.partition("FDSize:")[2].split()[0]) >= FILES


def test_it_stops_when_asked_to(home: Process) -> None:
    process = home.start()
    assert home.client.stop().pid == process.pid
    process.communicate(timeout=5)
    assert process.returncode == 0


def test_killed_and_started_again_every_listener_accepts_within_a_second_of_work(
    home: Process,
) -> None:
    home.profile("dev", *(ports := [free_port() for _ in range(20)]))
    process = home.start()
    home.up()
    home.client.history("dev/web")  # what is shown is written
    assert home.end(process, signal.SIGKILL) == -signal.SIGKILL
    again = home.spawn()
    assert all(listening_within(port, 10) for port in ports)
    worked = cpu_s(again.pid)  # a busy machine takes longer, but makes it no more work
    assert worked is None or worked < 1
    while not home.answers():
        time.sleep(0.01)
    codes = [item.code for item in home.client.history("dev/web").history]
    assert codes[codes.index(UNKNOWN) :][:2] == [UNKNOWN, "starting"]


def test_a_second_daemon_is_told_of_the_first_and_changes_nothing(home: Process) -> None:
    first = home.start()
    second = home.spawn()
    _, said = second.communicate(timeout=10)
    assert second.returncode == 1
    assert said.startswith(f"kfwd: another kfwd daemon is already running (pid {first.pid})")
    assert "\nhint: " in said
    assert "Traceback" not in said
    assert home.snapshot().daemon.pid == first.pid


def test_a_stale_socket_is_replaced(home: Process) -> None:
    stale = socket.socket(socket.AF_UNIX)
    stale.bind(str(home.paths.socket))
    stale.close()
    home.start()


def test_a_runtime_folder_that_cannot_be_made_is_said_so(home: Process) -> None:
    process = home.spawn(KFWD_RUNTIME_DIR="/proc/kfwd")
    _, said = process.communicate(timeout=10)
    assert process.returncode == 1
    assert said.startswith("kfwd: the folder /proc/kfwd cannot hold the control socket: ")
    assert "KFWD_RUNTIME_DIR" in said


def test_a_state_folder_that_cannot_be_made_is_said_so(home: Process) -> None:
    process = home.spawn(KFWD_STATE_DIR="/proc/kfwd")
    _, said = process.communicate(timeout=10)
    assert process.returncode == 1
    assert said.startswith("kfwd: the folder /proc/kfwd cannot be made: ")


def test_a_corrupt_state_file_is_set_aside_and_profiles_come_up(home: Process) -> None:
    home.profile("dev", port := free_port())
    home.paths.state_file.write_text('{"version": 1, "profiles": {')
    home.start()
    assert listening_within(port, 5)
    problems = {problem.code: problem for problem in home.snapshot().problems}
    assert f"{home.paths.state_file}.corrupt-1" in problems["state-unreadable"].text
    assert home.saved().profiles["dev"].context.name == "dev"


def test_hangup_reads_the_files_again(home: Process) -> None:
    home.profile("dev", free_port())
    process = home.start()
    home.up()
    home.profile("dev", port := free_port())
    process.send_signal(signal.SIGHUP)
    assert listening_within(port, 5)


def test_it_keeps_the_environment_of_who_started_it(home: Process) -> None:
    home.end(home.start(HTTPS_PROXY="http://127.0.0.1:9", SECRET="x"))
    kept = environment.recorded(home.paths.state)
    assert kept == {"PATH": os.environ["PATH"], "HTTPS_PROXY": "http://127.0.0.1:9"}


def test_it_takes_all_the_files_it_may_have(home: Process) -> None:
    process = home.start()
    limits = Path(f"/proc/{process.pid}/limits").read_text()
    soft, hard = next(line for line in limits.splitlines() if "open files" in line).split()[3:5]
    assert soft == hard


def test_a_thread_that_hangs_does_not_keep_it_from_ending(home: Process) -> None:
    code = (
        "import sys, threading, time, kfwd.daemon.main as main\n"
        "main.EXIT_S = 0.2\n"
        "async def serve(*args, **kwargs):\n"
        "    import asyncio\n"
        "    asyncio.get_running_loop().run_in_executor(None, time.sleep, 30)\n"
        "    return 0\n"
        "main.serve = serve\n"
        "sys.exit(main.run())"
    )
    start = time.monotonic()
    done = subprocess.run([sys.executable, "-c", code], env=home.env, cwd="/", check=False)
    assert done.returncode == 0
    assert time.monotonic() - start < 10
