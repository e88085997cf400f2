"""What every command gets."""

from __future__ import annotations

from pathlib import Path

import click
import pytest

from kfwd.cli.app import App, Seconds
from kfwd.errors import ConfigError
from tests.cli.conftest import Run
from tests.standin import StandIn, snapshot


def test_kubeconfig_files_are_those_of_kubectl_made_absolute(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    assert App({"KUBECONFIG": "/a::b:"}).kubeconfig() == ("/a", f"{tmp_path}/b")
    assert App({"HOME": "/home/me"}).kubeconfig() == ("/home/me/.kube/config",)
    assert App({"HOME": "/home/me", "KUBECONFIG": ""}).kubeconfig() == ("/home/me/.kube/config",)


def test_a_chosen_kubeconfig_is_the_only_one_and_must_be_there(tmp_path: Path) -> None:
    app = App({"KUBECONFIG": "/a"})
    (tmp_path / "k").touch()
    assert app.kubeconfig((str(tmp_path / "k"),)) == (str(tmp_path / "k"),)
    assert app.kubeconfig(("",)) == ("/a",)
    with pytest.raises(ConfigError, match=r"no kubeconfig at .*/none"):
        app.kubeconfig((str(tmp_path / "none"),))


@pytest.mark.parametrize(("text", "seconds"), [("30", 30.0), ("1m", 60.0), ("500ms", 0.5)])
def test_seconds_may_have_a_unit(text: str, seconds: float) -> None:
    assert Seconds().convert(text, None, None) == seconds


def test_what_is_no_time_is_a_usage_error() -> None:
    with pytest.raises(click.BadParameter, match='bad duration "soon"'):
        Seconds().convert("soon", None, None)


def test_a_daemon_of_another_version_is_told_of(run: Run, daemon: StandIn) -> None:
    daemon.version = "0.0.9"
    daemon.on("GET /v1/snapshot", snapshot())
    result = run("ls", "-o", "json")
    assert result.err.startswith("kfwd: the daemon's version 0.0.9 is not this kfwd's")
    assert result.out.startswith("{")


def test_a_daemon_that_answers_is_not_started_again(daemon: StandIn, run: Run) -> None:
    daemon.on("GET /v1/snapshot", snapshot())
    daemon.on("POST /v1/up", {"items": []})
    assert run("up").err == ""
