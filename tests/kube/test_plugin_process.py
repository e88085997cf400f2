from __future__ import annotations

import asyncio
import os
import time
from pathlib import Path

import pytest

from kfwd.kube import plugin_process
from kfwd.kube.plugin_process import STDERR_KEPT, TimedOut, run
from kfwd.tasks import TaskSet
from tests.kube.configs import python, script

ENV = {"PATH": os.environ["PATH"]}


def runs(pid: int) -> bool:
    stat = Path(f"/proc/{pid}/stat")
    return stat.exists() and stat.read_text().rsplit(")", 1)[1].split()[0] != "Z"


async def gone(pid: int) -> bool:
    """Whether a process ends within a second: nobody but its parent can await that."""
    for _ in range(100):
        if not runs(pid):
            return True
        await asyncio.sleep(0.01)
    return False


async def test_both_streams_and_the_status_come_back(tmp_path: Path) -> None:
    plugin = script(tmp_path / "p", "echo out; echo err >&2; exit 3")
    output = await run([str(plugin)], ENV, timeout=10)
    assert (output.status, output.stdout, output.stderr) == (3, b"out\n", b"err\n")
    assert "out" not in repr(output)


async def test_it_sees_exactly_the_environment_and_arguments_given(tmp_path: Path) -> None:
    plugin = script(tmp_path / "p", 'echo "$1,$A,$HOME"')
    output = await run([str(plugin), "x y"], {**ENV, "A": "b"}, timeout=10)
    assert output.stdout == b"x y,b,\n"


async def test_the_program_is_found_in_the_path_given(tmp_path: Path) -> None:
    script(tmp_path / "bin" / "only-here", "echo found")
    output = await run(["only-here"], {"PATH": str(tmp_path / "bin")}, timeout=10)
    assert output.stdout == b"found\n"
    with pytest.raises(FileNotFoundError):
        await run(["only-here"], ENV, timeout=10)


async def test_it_has_nothing_to_read_and_no_terminal(tmp_path: Path) -> None:
    plugin = script(tmp_path / "p", "cat; (: </dev/tty) 2>/dev/null || echo none")
    assert (await run([str(plugin)], ENV, timeout=10)).stdout == b"none\n"


async def test_much_talk_on_both_streams_neither_stalls_nor_piles_up(tmp_path: Path) -> None:
    body = (
        "import os\n"
        "for i in range(100):\n"
        "    os.write(2, b'%05d' % i + b'x' * 4091); os.write(1, b'y' * 4096)\n"
        "os.write(2, b'the end')"
    )
    output = await run([str(python(tmp_path / "p", body))], ENV, timeout=10)
    assert output.stdout == b"y" * 409600
    assert len(output.stderr) == STDERR_KEPT
    assert output.stderr.endswith(b"xthe end")


async def test_endless_output_ends_it(tmp_path: Path) -> None:
    plugin = script(tmp_path / "p", "exec cat /dev/zero")
    output = await run([str(plugin)], ENV, timeout=10)
    assert output.stdout is None


async def test_at_the_time_limit_the_whole_group_is_killed(tmp_path: Path) -> None:
    plugin = script(tmp_path / "p", f"sleep 60 & echo $! > {tmp_path}/pid; echo slow >&2; wait")
    with pytest.raises(TimedOut) as caught:
        await run([str(plugin)], ENV, timeout=0.5)
    assert caught.value.stderr == b"slow\n"
    assert await gone(int((tmp_path / "pid").read_text()))


async def test_when_cancelled_the_whole_group_is_killed(tmp_path: Path) -> None:
    fifo = tmp_path / "started"
    os.mkfifo(fifo)
    plugin = script(tmp_path / "p", f"sleep 60 & echo $! > {fifo}; wait")
    tasks = TaskSet("test")
    tasks.spawn(run([str(plugin)], ENV, timeout=60), "run")
    pid = int(await asyncio.to_thread(fifo.read_text))
    await tasks.close()
    assert await gone(pid)


async def test_something_left_running_that_holds_the_streams_holds_up_nobody(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(plugin_process, "LINGER_S", 0.1)
    plugin = script(tmp_path / "p", f"sleep 60 & echo $! > {tmp_path}/pid; echo token")
    start = time.monotonic()
    output = await run([str(plugin)], ENV, timeout=30)
    assert output.stdout == b"token\n"
    assert time.monotonic() - start < 10
    assert await gone(int((tmp_path / "pid").read_text()))
