"""Commands by name, and every error in one form."""

from __future__ import annotations

import io
import os
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path

import pytest

from kfwd import __version__
from kfwd.cli import main as cli
from kfwd.errors import ExitCode, KfwdError, ProfileInvalid
from tests.cli.conftest import Run
from tests.standin import StandIn, entry, snapshot

HEAVY = (
    *("aiohttp", "asyncio", "textual", "yaml", "kubernetes", "ssl", "email", "http.client"),
    "tempfile",
)


def test_the_version(run: Run) -> None:
    assert run("--version").out == f"kfwd {__version__}\n"


@pytest.mark.parametrize("args", [[], ["--help"], ["-h"]])
def test_help_lists_every_command(run: Run, args: list[str]) -> None:
    result = run(*args)
    assert result.code == ExitCode.OK
    listed = {line.split()[0] for line in result.lines if line.startswith("  ")}
    assert set(cli.COMMANDS) <= listed
    assert not [line for line in result.lines[1:] if line.endswith("...")]


def test_every_command_can_be_loaded_and_says_what_it_does() -> None:
    group = cli.kfwd
    for name in cli.COMMANDS:
        command = group.get_command(None, name)  # type: ignore[arg-type]  # not looked at
        assert command is not None
        assert command.name == name
        assert command.help


def test_kubectl_plugins_are_called_through_kubectl() -> None:
    assert cli.program("/usr/local/bin/kubectl-kfwd") == "kubectl kfwd"
    assert cli.program("/usr/local/bin/kfwd") == "kfwd"


def test_usage_as_a_plugin(run: Run, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("sys.argv", ["/usr/bin/kubectl-kfwd"])
    assert run("ls", "--help").out.startswith("Usage: kubectl kfwd ls ")
    assert run("ls", "--bogus").err.endswith("hint: kubectl kfwd ls --help\n")


@pytest.mark.parametrize(
    ("args", "error"),
    [
        (["lss"], 'kfwd: no command "lss" (did you mean "ls"?)\nhint: kfwd --help\n'),
        (["remove"], 'kfwd: no command "remove" (did you mean "rm"?)\nhint: kfwd --help\n'),
        (["ls", "--bogus"], "kfwd: no such option '--bogus'\nhint: kfwd ls --help\n"),
        (["rm"], "kfwd: missing argument 'NAME...'\nhint: kfwd rm --help\n"),
        (["down"], "kfwd: name profiles, or say --all\nhint: kfwd down --help\n"),
        (
            ["daemon", "stat"],
            'kfwd: no command "stat" (did you mean "start"?)\nhint: kfwd daemon --help\n',
        ),
        (
            ["completion"],
            "kfwd: missing argument '{bash|zsh|fish}'. Choose from: bash, zsh, fish\n"
            "hint: kfwd completion --help\n",
        ),
    ],
)
def test_usage_errors_are_one_line_and_a_hint(run: Run, args: list[str], error: str) -> None:
    result = run(*args)
    assert (result.code, result.out, result.err) == (ExitCode.USAGE, "", error)


@pytest.mark.parametrize("group", ["context", "daemon", "profile", "service", "sim"])
def test_a_group_without_a_command_shows_its_commands(run: Run, group: str) -> None:
    result = run(group)
    assert (result.code, result.out) == (ExitCode.USAGE, "")
    assert result.err == run(group, "--help").out


def test_no_daemon_is_exit_status_3_with_the_way_out(run: Run, home: Path) -> None:
    result = run("ls")
    assert result.code == ExitCode.NO_DAEMON
    assert result.err == (
        f"kfwd: no daemon answers on {home}/runtime/kfwd.sock\nhint: kfwd daemon start\n"
    )


def test_a_sentence_of_several_lines_is_printed_in_one(capsys: pytest.CaptureFixture[str]) -> None:
    cli.report(KfwdError("the server said:\n  no", hint="ask\nagain"))
    assert capsys.readouterr().err == "kfwd: the server said: no\nhint: ask again\n"


def test_faults_of_a_profile_are_a_line_each(capsys: pytest.CaptureFixture[str]) -> None:
    code = cli.report(ProfileInvalid("a.yaml:1:2: x\na.yaml:3:4: y"))
    assert code == ExitCode.PROFILE_INVALID
    assert capsys.readouterr().err == (
        "a.yaml:1:2: x\na.yaml:3:4: y\nkfwd: 2 faults, nothing was changed\n"
    )


def test_ctrl_c_is_exit_status_130(run: Run, monkeypatch: pytest.MonkeyPatch) -> None:
    def interrupted(self: object) -> None:
        raise KeyboardInterrupt

    monkeypatch.setattr("kfwd.client.calls.Client.snapshot", interrupted)
    assert run("ls").code == 130


def test_what_the_locale_cannot_write_is_escaped(
    daemon: StandIn, monkeypatch: pytest.MonkeyPatch
) -> None:
    daemon.on("GET /v1/snapshot", snapshot(entry(context="生产")))
    written = io.BytesIO()
    monkeypatch.setattr("sys.stdout", io.TextIOWrapper(written, "ascii"))
    assert cli.main(["ls", "-o", "wide"]) == ExitCode.OK
    assert rb"\u751f\u4ea7" in written.getvalue()


def test_output_that_nobody_can_read_is_no_crash(
    daemon: StandIn, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    daemon.on("GET /v1/snapshot", snapshot(entry()))
    monkeypatch.setattr("sys.stdout", None)
    assert cli.main(["ls"]) == ExitCode.OK
    sys.stdout.close()
    if (device := Path("/dev/full")).exists():
        with device.open("w") as full:
            monkeypatch.setattr("sys.stdout", full)
            assert cli.main(["ls"]) == ExitCode.FAILED
        assert capsys.readouterr().err == (
            "kfwd: the output cannot be written: No space left on device\n"
        )


def command_line(*args: str, code: str = "") -> list[str]:
    script = f"import sys; from kfwd.cli.main import main; status = main({list(args)!r}); {code}"
    return [sys.executable, "-c", script]


def test_ls_loads_nothing_heavy(daemon: StandIn) -> None:
    daemon.on("GET /v1/snapshot", snapshot(entry()))
    show = "print(*sys.modules, file=sys.stderr)"
    done = subprocess.run(command_line("ls", code=show), capture_output=True, text=True, check=True)
    assert "dev/web" in done.stdout
    assert [name for name in HEAVY if name in done.stderr.split()] == []


def test_no_command_loads_the_tui() -> None:
    modules = sorted({place.partition(":")[0] for place in cli.COMMANDS.values()})
    code = f"import sys, {', '.join(modules)}; print(*sys.modules)"
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    loaded = done.stdout.split()
    assert [name for name in loaded if name in {"textual", "rich", "kfwd.tui"}] == []


def test_no_command_loads_the_tui_while_it_works(daemon: StandIn) -> None:
    daemon.on("GET /v1/snapshot", snapshot(entry()))
    daemon.on("GET /v1/contexts", {"contexts": []})
    daemon.on("GET /v1/history", {"history": []})
    daemon.on("GET /v1/availability", {"entries": []})
    daemon.on("GET /v1/plan", {"items": []})
    daemon.on("POST /v1/up", {"items": []})
    daemon.on("POST /v1/entries/dev/web/pause", {"id": "dev/web"})
    lines = ["ls", "status", "events", "plan", "up", "pause web", "context list", "profile list"]
    lines += ["daemon status", "completion bash", "routes web", "tui"]
    code = f"[main(line.split()) for line in {lines}]; print(*sys.modules, file=sys.stderr)"
    done = subprocess.run(command_line("ls", code=code), capture_output=True, text=True, check=True)
    assert [name for name in done.stderr.split() if name in {"textual", "rich", "kfwd.tui"}] == []
    assert "kfwd.cli.completion" in done.stderr.split()


@pytest.mark.parametrize("args", [[], ["tui"]])
def test_on_a_terminal_the_tui_is_started(
    run: Run, args: list[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("sys.stdin.isatty", lambda: True)
    monkeypatch.setattr("sys.stdout.isatty", lambda: True)
    monkeypatch.setattr("kfwd.cli.main.run_tui", lambda app: 7)
    monkeypatch.setenv("TERM", "xterm")
    assert run(*args).code == 7
    monkeypatch.setenv("TERM", "dumb")
    assert run(*args).code in (ExitCode.OK, ExitCode.USAGE)


def test_without_a_terminal_there_is_no_tui(run: Run) -> None:
    result = run("tui")
    assert result.code == ExitCode.USAGE
    assert result.err == (
        "kfwd: the TUI needs a terminal\nhint: kfwd ls --watch works without one\n"
    )


def test_ls_is_quick(daemon: StandIn) -> None:
    daemon.on("GET /v1/snapshot", snapshot(entry()))

    def once() -> float:
        """Seconds of processor time: a busy machine makes it no slower."""
        before = os.times()
        subprocess.run(command_line("ls"), capture_output=True, check=True)
        after = os.times()
        return sum(after[2:4]) - sum(before[2:4])

    assert min(once() for _ in range(5)) < 0.15


def test_a_reader_that_goes_away_is_no_error(daemon: StandIn) -> None:
    line = {"time": "2026-01-01T12:00:00Z", "level": "info", "logger": "kfwd", "text": "x" * 1000}
    daemon.on_lines("GET /v1/logs", *[line] * 5000)
    process = subprocess.Popen(
        [sys.executable, "-m", "kfwd", "logs"], stdout=subprocess.PIPE, stderr=subprocess.PIPE
    )
    assert process.stdout is not None
    assert process.stderr is not None
    with process.stderr:
        process.stdout.readline()
        process.stdout.close()
        assert process.stderr.read() == b""
    assert process.wait() == ExitCode.FAILED


def test_the_simulated_cluster_gets_its_options(run: Run, monkeypatch: pytest.MonkeyPatch) -> None:
    given: list[list[str]] = []

    def fake(argv: list[str]) -> int:
        given.append(argv)
        return 0

    monkeypatch.setattr("kfwd.sim.main.main", fake)
    args = ["--port", "1", "--fault", "a=1", "--fault", "b=2", "--ready-delay", "0.5"]
    assert run("sim", "start", *args).code == ExitCode.OK
    assert given == [["start", *args]]


def test_the_tui_in_a_browser_needs_no_terminal(run: Run, monkeypatch: pytest.MonkeyPatch) -> None:
    def serve(port: int, say: Callable[[str], None]) -> int:
        say(f"http://127.0.0.1:{port}/?token=t")
        return ExitCode.OK

    monkeypatch.setattr("kfwd.tui.web.serve.run", serve)
    result = run("tui", "--web", "--port", "8700")
    assert (result.code, result.out) == (ExitCode.OK, "http://127.0.0.1:8700/?token=t\n")
    assert result.err == "The link works once. Ctrl-C ends this.\n"


def test_where_textual_serve_is_not_installed_the_way_out_is_named(
    run: Run, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.delitem(sys.modules, "kfwd.tui.web.serve", raising=False)
    monkeypatch.setattr("sys.meta_path", [Missing(), *sys.meta_path])
    monkeypatch.delitem(sys.modules, "textual_serve", raising=False)
    monkeypatch.delitem(sys.modules, "textual_serve.server", raising=False)
    result = run("tui", "--web")
    assert result.err == (
        "kfwd: --web needs the package textual-serve\nhint: pip install 'kfwd[web]'\n"
    )
    assert result.code == ExitCode.USAGE


class Missing:
    """An importer for which there is no textual-serve."""

    def find_spec(self, name: str, *_: object) -> None:
        if name == "textual_serve":
            raise ModuleNotFoundError(f"No module named {name!r}", name=name)


def test_a_port_goes_with_the_browser(run: Run) -> None:
    result = run("tui", "--port", "8700")
    assert result.err == "kfwd: --port goes with --web\nhint: kfwd tui --web --port P\n"
