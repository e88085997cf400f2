"""A login plugin that is on one PATH and not on another."""

from __future__ import annotations

from pathlib import Path

from msgspec.structs import replace

from kfwd.daemon.doctor.plugin import misplaced
from kfwd.kube.kubeconfig import Cluster, Context, ExecConfig, User
from kfwd.model import ContextRef
from tests.kube.configs import script


def context(command: str, **fields: object) -> Context:
    plugin = replace(ExecConfig(command=command, api_version="v1"), **fields)
    return Context(
        ref=ContextRef(kubeconfig=("/k",), name="dev"),
        cluster=Cluster(name="c", server="https://api"),
        user=User(name="u", exec=plugin),
    )


def test_one_that_only_the_caller_finds_is_told_with_its_place(tmp_path: Path) -> None:
    script(tmp_path / "tsh", "exit 0")
    found = misplaced(context("tsh"), {"PATH": "/nowhere"}, str(tmp_path))
    assert found is not None
    assert (found.state, found.code) == ("broken", "exec-plugin-missing")
    assert f"({tmp_path}/tsh)" in found.text
    assert "kfwd daemon restart" in (found.hint or "")


def test_all_others_are_not_misplaced(tmp_path: Path) -> None:
    script(tmp_path / "tsh", "exit 0")
    here, nowhere = {"PATH": str(tmp_path)}, {"PATH": "/nowhere"}
    assert misplaced(context("tsh"), here, str(tmp_path)) is None
    assert misplaced(context("tsh"), nowhere, None) is None
    assert misplaced(context("tsh"), nowhere, "/elsewhere") is None
    assert misplaced(context("/opt/tsh"), nowhere, str(tmp_path)) is None
    given = context("tsh", env=(("PATH", str(tmp_path)),))
    assert misplaced(given, nowhere, str(tmp_path)) is None
    plain = replace(given, user=User(name="u", token="t"))
    assert misplaced(plain, nowhere, str(tmp_path)) is None
