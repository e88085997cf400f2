from __future__ import annotations

import signal
import socket
import subprocess
import sys
from pathlib import Path

import pytest

from kfwd import yamldoc
from kfwd.sim.cluster import Options
from kfwd.sim.main import main, parse

EXAMPLE = Path(__file__).parents[2] / "config" / "examples" / "ingress.yaml"


def start(*args: str) -> subprocess.Popen[str]:
    return subprocess.Popen(
        [sys.executable, "-m", "kfwd.sim.main", "start", *args],
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
    )


def test_it_says_one_line_when_ready_and_stops_at_once(tmp_path: Path) -> None:
    path = tmp_path / "config"
    for number in (signal.SIGTERM, signal.SIGINT):
        process = start("--kubeconfig", str(path), "--manifest", str(EXAMPLE))
        assert process.stdout is not None
        line = process.stdout.readline()
        assert line.startswith("simulated cluster ready at https://127.0.0.1:")
        config = yamldoc.load(path.read_text())
        assert isinstance(config, dict)
        assert config["clusters"][0]["cluster"]["server"] in line
        process.send_signal(number)
        out, errors = process.communicate(timeout=5)
        assert (process.returncode, out, errors) == (0, "", "")
    assert path.exists()


def test_a_kubeconfig_nobody_named_goes_with_the_cluster() -> None:
    process = start()
    assert process.stdout is not None
    path = Path(process.stdout.readline().split("kubeconfig ")[1].split(",")[0])
    assert path.exists()
    process.terminate()
    process.communicate(timeout=5)
    assert not path.parent.exists()


def test_options_are_read_from_the_command_line() -> None:
    found = parse(
        ["start", "--port", "6443", "--fault", "a=1", "--fault", "b=2", "--ready-delay", "1.5"]
    )
    assert found == Options(port=6443, faults=("a=1", "b=2"), ready_s=1.5)
    assert parse(["start", "--node-net", "127.5.0"]).node_net == "127.5.0"
    assert parse(["start", "--pod-logs", "a/b"]).pod_logs == Path("a/b")


def failing(capsys: pytest.CaptureFixture[str], *args: str) -> str:
    """What a start that fails says; it leaves nothing on stdout."""
    assert main(["start", *args]) != 0
    captured = capsys.readouterr()
    assert captured.out == ""
    return captured.err


def test_what_cannot_be_started_is_said_in_a_sentence(
    capsys: pytest.CaptureFixture[str], tmp_path: Path
) -> None:
    foreign = tmp_path / "config"
    foreign.write_text("clusters: [{name: prod, cluster: {server: 'https://x'}}]")
    said = failing(capsys, "--kubeconfig", str(foreign))
    assert str(foreign) in said
    assert "hint: " in said
    assert "no such fault 'x'" in failing(capsys, "--fault", "x=1")
    missing = str(tmp_path / "missing.yaml")
    assert f"kfwd: {missing}: No such file" in failing(capsys, "--manifest", missing)
    with socket.create_server(("127.0.0.1", 0)) as taken:
        port = str(taken.getsockname()[1])
        assert "in use" in failing(capsys, "--port", port)
    assert "kfwd: '10.0.0' is no node net" in failing(capsys, "--node-net", "10.0.0")
