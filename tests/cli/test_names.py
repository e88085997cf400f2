"""Names as arguments, and their completion."""

from __future__ import annotations

from pathlib import Path

import pytest

from kfwd.errors import ExitCode
from tests.cli.conftest import Run
from tests.standin import StandIn, entry, snapshot


def test_the_id_of_an_ad_hoc_entry_is_no_option(run: Run, daemon: StandIn) -> None:
    daemon.on("GET /v1/snapshot", snapshot(entry("-/web"), entry("dev/web")))
    daemon.on("DELETE /v1/entries/-/web", {"id": "-/web"})
    assert run("rm", "-/web").out == "-/web removed\n"


def complete(run: Run, monkeypatch: pytest.MonkeyPatch, words: str) -> None:
    monkeypatch.setenv("_KFWD_COMPLETE", "bash_complete")
    monkeypatch.setenv("COMP_WORDS", words)
    monkeypatch.setenv("COMP_CWORD", str(len(words.split(" ")) - 1))
    with pytest.raises(SystemExit):
        run()


def test_entries_are_completed_by_the_daemon(
    run: Run,
    daemon: StandIn,
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
) -> None:
    daemon.on("GET /v1/snapshot", snapshot(entry("-/web"), entry("dev/db")))
    complete(run, monkeypatch, "kfwd pause d")
    assert capsys.readouterr().out == "plain,db\nplain,dev/db\n"
    complete(run, monkeypatch, "kfwd pause db -/")
    assert capsys.readouterr().out == "plain,-/web\n"


@pytest.mark.parametrize("words", ["context switch pr", "add svc/web 80 --context pr"])
def test_contexts_are_those_of_the_kubeconfig(
    run: Run,
    daemon: StandIn,
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
    words: str,
) -> None:
    known = {"server": "", "state": "unknown", "current": False, "in_use": False}
    known |= {"entries": 0, "kubeconfig": []}
    daemon.on("GET /v1/contexts", {"contexts": [{"name": n, **known} for n in ("dev", "prod")]})
    complete(run, monkeypatch, f"kfwd {words}")
    assert capsys.readouterr().out == "plain,prod\n"
    assert daemon.requests[0].target == "/v1/contexts?kubeconfig=%2Fhome%2Fme%2Fkubeconfig"


def test_without_a_daemon_nothing_is_offered_and_nothing_said(
    run: Run, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    complete(run, monkeypatch, "kfwd rm w")
    captured = capsys.readouterr()
    assert (captured.out.strip(), captured.err) == ("", "")


def test_profiles_are_completed_from_their_folder(
    run: Run, home: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    for name in ("dev", "demo", "prod"):
        (home / "config" / "profiles" / f"{name}.yaml").touch()
    complete(run, monkeypatch, "kfwd up de")
    assert capsys.readouterr().out == "plain,demo\nplain,dev\n"


def test_an_ambiguous_name_is_a_usage_error_with_the_list(run: Run, daemon: StandIn) -> None:
    daemon.on("GET /v1/snapshot", snapshot(entry("-/web"), entry("dev/web")))
    result = run("pause", "web")
    assert result.code == ExitCode.USAGE
    assert result.err == 'kfwd: "web" is ambiguous\nhint: say which: -/web, dev/web\n'
