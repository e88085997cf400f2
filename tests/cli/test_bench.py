"""`kfwd bench` drives both sides and says who is ahead."""

from __future__ import annotations

import sys
from collections.abc import Iterator
from pathlib import Path

import msgspec
import pytest

from kfwd.cli import bench
from kfwd.measure import cases
from tests.cli.conftest import Run
from tests.measure.servers import echo, hang_up, pages, serving
from tests.standin import StandIn, snapshot

FORWARDER = """#!{python}
import signal, sys
print("Forwarding from 127.0.0.1:{port} -> 80", flush=True)
signal.pause()
"""


@pytest.fixture
def port() -> Iterator[int]:
    with serving(pages) as port:
        yield port


@pytest.fixture(autouse=True)
def forwarders(port: int, daemon: StandIn, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A kfwd and a kubectl that say they forward, to the same server."""
    daemon.on("GET /v1/snapshot", snapshot())
    monkeypatch.setattr(cases, "LISTEN_S", 0.2)
    folder = tmp_path / "bin"
    folder.mkdir()
    for name in ("kfwd", "kubectl"):
        (folder / name).write_text(FORWARDER.format(python=sys.executable, port=port))
        (folder / name).chmod(0o755)
    monkeypatch.setattr(bench, "OURS", (str(folder / "kfwd"),))
    monkeypatch.setenv("PATH", str(folder))
    return folder


def test_a_table_and_a_verdict_are_printed(run: Run) -> None:
    done = run("bench", "svc/web", "http", "--runs", "1", "--count", "10")
    assert done.code == 0
    assert done.lines[0].split() == ["what", "unit", "kfwd", "kubectl", "ratio", "goal"]
    assert "requests on 8 kept connections" in done.out
    assert any("is ahead" in line or "no difference" in line for line in done.lines)
    assert "svc/web http: HTTP" in done.err


def test_json_has_figures_and_verdict(run: Run, forwarders: Path) -> None:
    done = run("bench", "svc/web", "http", "--runs", "1", "--count", "10", "-o", "json")
    found = msgspec.json.decode(done.out, type=bench.Report)
    assert (found.target, found.port, found.speaks) == ("svc/web", "http", "HTTP")
    assert found.kubectl == str(forwarders / "kubectl")
    assert all(each.kubectl is not None for each in found.figures)


def test_without_kubectl_it_says_so_and_measures_the_rest(run: Run, forwarders: Path) -> None:
    (forwarders / "kubectl").unlink()
    done = run("bench", "svc/web", "http", "--runs", "1", "--count", "10")
    assert done.code == 0
    assert "no kubectl in PATH" in done.err
    assert "is ahead" not in done.out


@pytest.mark.parametrize("given", ["\\x", "€"])
def test_text_that_is_no_bytes_is_a_mistake(run: Run, given: str) -> None:
    done = run("bench", "svc/web", "http", "--send", given)
    assert done.code == 2
    assert "--send" in done.err


def test_a_target_that_is_not_there_is_told_as_everywhere(
    run: Run, daemon: StandIn, forwarders: Path
) -> None:
    (forwarders / "kfwd").write_text("#!/bin/sh\necho kfwd: no >&2\nexit 1\n")
    daemon.on("GET /v1/routes", {"target": "svc/x", "routes": []})
    daemon.fail("GET /v1/routes", 404, code="not-found", text="there is no svc/x", exit_code=4)
    done = run("bench", "svc/x", "80")
    assert (done.code, done.err) == (1, "kfwd: kfwd port-forward did not come up: no\n")
    done = run("bench", "svc/x", "80")
    assert (done.code, done.err) == (4, "kfwd: there is no svc/x\n")


class TestSilence:
    @pytest.fixture
    def port(self) -> Iterator[int]:
        with serving(hang_up) as port:
            yield port

    def test_a_server_that_says_nothing_is_not_measured(self, run: Run) -> None:
        done = run("bench", "svc/web", "http")
        assert done.code == 1
        assert "cannot tell what the server speaks" in done.err
        assert "--send" in done.err


class TestGiven:
    @pytest.fixture
    def port(self) -> Iterator[int]:
        with serving(echo) as port:
            yield port

    def test_what_it_answers_to_can_be_given(self, run: Run) -> None:
        done = run("bench", "svc/x", "1", "--send", "stats\\r\\n", "--runs", "1", "--count", "10")
        assert (done.code, done.lines[1].startswith("new connection to first byte")) == (0, True)
