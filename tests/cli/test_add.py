"""Ad-hoc forwards, and forwards saved in a profile."""

from __future__ import annotations

from pathlib import Path

import pytest

from kfwd.errors import ExitCode
from kfwd.model import Problem, SnapshotEvent, State
from tests.cli.conftest import Run
from tests.standin import StandIn, entry, snapshot


@pytest.fixture
def adding(daemon: StandIn) -> StandIn:
    now = snapshot(entry("-/web"), entry("dev/web"), entry("dev/web-2"))
    daemon.on("GET /v1/snapshot", now)
    daemon.on("PUT /v1/entries/-/web", {"id": "-/web"})
    daemon.on("PUT /v1/entries/-/mine", {"id": "-/web"})
    daemon.on("POST /v1/up", {"items": []})
    daemon.on_lines("GET /v1/events", SnapshotEvent(seq=41, snapshot=now))
    return daemon


def test_the_words_become_a_forward(run: Run, adding: StandIn) -> None:
    args = ("svc/web", "8080:http", ":9000", "-n", "shop", "--context", "kind", "--address", "::1")
    assert run("add", *args).out == "-/web: localhost:8080 -> svc/web http\n"
    put = next(request for request in adding.requests if request.method == "PUT")
    assert put.target == "/v1/entries/-/web?taken=next"
    assert put.json["kubeconfig"] == ["/home/me/kubeconfig"]
    assert put.json["context"] == "kind"
    spec = put.json["spec"]
    assert (spec["name"], spec["target"], spec["namespace"]) == ("web", "svc/web", "shop")
    assert spec["ports"] == [{"local": 8080, "remote": "http"}, {"local": 0, "remote": "9000"}]
    assert spec["address"] == ["::1"]


def test_a_name_of_ones_own_must_be_free(run: Run, adding: StandIn) -> None:
    run("add", "svc/web", "80", "--name", "mine")
    put = next(request for request in adding.requests if request.method == "PUT")
    assert put.target == "/v1/entries/-/mine?taken=fail"


def test_a_forward_may_go_around_the_api_server(run: Run, adding: StandIn) -> None:
    run("add", "svc/web", "80", "--via", "direct")
    put = next(request for request in adding.requests if request.method == "PUT")
    assert put.json["spec"]["via"] == "direct"


def test_a_policy_is_one_of_those_of_profiles(run: Run, adding: StandIn) -> None:
    run("add", "svc/web", "80", "--spread", "sticky")
    put = next(request for request in adding.requests if request.method == "PUT")
    assert put.json["spec"]["spread"] == "sticky"
    result = run("add", "svc/web", "80", "--spread", "stiky")
    assert result.code == ExitCode.USAGE
    assert 'did you mean "sticky"?' in result.err


def test_a_problem_is_said_at_once(run: Run, daemon: StandIn) -> None:
    problem = Problem(code="x", severity="error", text="no pods", hint="scale it")
    now = snapshot(entry("-/web", state=State.WAITING, problem=problem))
    daemon.on("GET /v1/snapshot", now)
    daemon.on("PUT /v1/entries/-/web", {"id": "-/web"})
    daemon.on_lines("GET /v1/events", SnapshotEvent(seq=41, snapshot=now))
    result = run("add", "svc/web", "8080:http")
    assert result.code == ExitCode.OK
    assert result.lines[-2:] == ["-/web: waiting: no pods", "  hint: scale it"]
    result = run("add", "svc/web", "8080:http", "--wait", "50ms")
    assert result.code == ExitCode.NOT_READY


@pytest.mark.parametrize(
    ("args", "text"),
    [
        (["srv/web", "80"], "unknown kind 'srv'"),
        (["svc/web", "http"], 'port "http" says no local port'),
        (["svc/web", "70000:80"], "bad local port"),
        (["svc/web", "80", "--address", "example.com"], 'bad address "example.com"'),
        (["svc/web", "80", "--name", "Web"], 'bad name "Web"'),
        (["svc/web", "80", "-n", "a/b"], 'bad namespace "a/b"'),
        (["svc/web", "80", "81", "--address", "unix:/x"], "a unix address takes exactly one port"),
        (["svc/web", "80", "--wait", "soon"], "invalid value for '--wait': bad duration"),
        (["svc/web"], "missing argument '[LOCAL:]REMOTE...'"),
    ],
)
def test_bad_words_are_usage_errors_that_name_them(run: Run, args: list[str], text: str) -> None:
    result = run("add", *args)
    assert result.code == ExitCode.USAGE
    assert result.err.startswith(f"kfwd: {text}")


def test_saving_appends_to_the_file_and_brings_the_profile_up(
    run: Run, adding: StandIn, home: Path
) -> None:
    path = home / "config" / "profiles" / "dev.yaml"
    before = "forwards:\n- {name: web, target: svc/web, ports: 80}  # mine\n"
    path.write_text(before)
    result = run("add", "svc/web", "8080:http", "--save", "dev")
    assert result.code == ExitCode.OK
    assert path.read_text() == (
        before + '- name: web-2\n  target: svc/web\n  ports: ["8080:http"]\n'
    )
    up = next(request for request in adding.requests if request.method == "POST")
    assert up.json == {"kubeconfig": ["/home/me/kubeconfig"], "profiles": ["dev"]}


def test_saving_makes_a_profile_that_is_not_there(run: Run, adding: StandIn, home: Path) -> None:
    run("add", "svc/web", "8080:http", "--save", "dev", "--context", "kind")
    path = home / "config" / "profiles" / "dev.yaml"
    assert path.read_text().startswith("version: 1\ncontext: kind\nforwards:\n  - name: web\n")


@pytest.mark.parametrize(
    ("text", "args", "wrong"),
    [
        ("foo: 1\n", [], (ExitCode.PROFILE_INVALID, "dev.yaml:1:1: unknown key")),
        (
            "forwards: [{name: a, target: pod/a, ports: 80}]\n",
            [],
            (ExitCode.PROFILE_INVALID, "127.0.0.1:80 is taken by"),
        ),
        (
            "context: kind\n",
            ["--context", "prod"],
            (ExitCode.USAGE, "kfwd: profile dev has the context kind, not prod"),
        ),
        ("", [], (ExitCode.PROFILE_INVALID, "the profile is empty")),
    ],
)
def test_a_profile_that_it_does_not_fit_into_stays_as_it_is(
    run: Run, home: Path, text: str, args: list[str], wrong: tuple[int, str]
) -> None:
    path = home / "config" / "profiles" / "dev.yaml"
    path.write_text(text)
    result = run("add", "svc/web", "80", *args, "--save", "dev")
    assert result.code == wrong[0]
    assert wrong[1] in result.err
    assert path.read_text() == text


def test_a_clash_with_another_profile_is_found_before_the_file_is_written(
    run: Run, home: Path
) -> None:
    folder = home / "config" / "profiles"
    (folder / "other.yaml").write_text("forwards: [{name: a, target: pod/a, ports: 8080}]\n")
    result = run("add", "svc/web", "8080:80", "--save", "dev")
    assert result.code == ExitCode.PROFILE_INVALID
    assert "127.0.0.1:8080 is taken by other/a" in result.err
    assert not (folder / "dev.yaml").exists()
