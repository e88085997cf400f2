"""What commands in place of kubectl's have in common; `test_port_forward` has their life."""

from __future__ import annotations

from typing import Any

import click
import pytest

from kfwd.cli import attached
from kfwd.errors import ExitCode, KfwdError


def test_go_s_forms_of_flags_become_click_s() -> None:
    words = ["--on=true", "--on=false", "--on=1", "-n=shop", "--port=8001", "x=y", "--other=true"]
    assert list(attached.as_click(words, {"--on"})) == [
        *("--on", "--on", "-n", "shop", "--port=8001", "x=y", "--other=true"),
    ]


@click.command(cls=attached.KubectlCommand)
@click.option("--on", is_flag=True)
@attached.global_flags
def command(**flags: Any) -> None:
    """Takes flags."""


def test_what_is_neither_true_nor_false_is_refused() -> None:
    with pytest.raises(click.BadOptionUsage, match="'--on' does not take a value"):
        command.make_context("x", ["--on=perhaps"])


def test_usage_errors_have_kubectl_s_status() -> None:
    assert command.usage_exit_code == ExitCode.FAILED  # type: ignore[attr-defined]  # click's own type


def test_every_connection_flag_of_kubectl_is_taken() -> None:
    words = ["-s", "http://x", "--token", "t", "--as", "me", "--as-group", "g", "-v=4"]
    with command.make_context("x", [*words, "--request-timeout=1s", "--on=true"]) as ctx:
        assert ctx.params["server"] == "http://x"
        assert (ctx.params["as_user"], ctx.params["as_group"]) == ("me", ("g",))
        assert ctx.params["on"] is True
        assert "request_timeout" not in ctx.params


def test_a_failure_is_said_and_has_kubectl_s_status(capsys: pytest.CaptureFixture[str]) -> None:
    assert attached.failed(KfwdError("no", hint="yes")) == ExitCode.FAILED
    assert capsys.readouterr().err == "kfwd: no\nhint: yes\n"
