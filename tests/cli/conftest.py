from __future__ import annotations

from collections.abc import Callable, Iterator
from pathlib import Path

import msgspec
import pytest

from kfwd.cli.main import main
from tests.standin import StandIn, standing_in


class Result(msgspec.Struct):
    code: int
    out: str
    err: str

    @property
    def lines(self) -> list[str]:
        return self.out.splitlines()


Run = Callable[..., Result]


@pytest.fixture
def server() -> Iterator[StandIn]:
    with standing_in() as server:
        yield server


@pytest.fixture
def home(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A caller with folders of their own and no daemon."""
    for name in ("CONFIG", "STATE", "LOG", "RUNTIME"):
        monkeypatch.setenv(f"KFWD_{name}_DIR", str(tmp_path / name.lower()))
    monkeypatch.setenv("KUBECONFIG", "/home/me/kubeconfig")
    monkeypatch.setattr("sys.argv", ["/usr/bin/kfwd"])
    (tmp_path / "config" / "profiles").mkdir(parents=True)
    return tmp_path


@pytest.fixture
def run(home: Path, capsys: pytest.CaptureFixture[str]) -> Run:
    def run(*args: str) -> Result:
        code = main(list(args))
        captured = capsys.readouterr()
        return Result(code, captured.out, captured.err)

    return run


@pytest.fixture
def daemon(home: Path, server: StandIn, monkeypatch: pytest.MonkeyPatch) -> StandIn:
    """The stand-in is the caller's daemon."""
    monkeypatch.setenv("KFWD_RUNTIME_DIR", str(server.folder))
    return server
