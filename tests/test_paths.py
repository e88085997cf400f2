"""Places: overrides win, folders are private, a client knows where else a daemon may be."""

from __future__ import annotations

import stat
from pathlib import Path

import pytest

from kfwd import paths


def test_variables_override_each_place(tmp_path: Path) -> None:
    env = {
        f"KFWD_{name}_DIR": str(tmp_path / name) for name in ("CONFIG", "STATE", "RUNTIME", "LOG")
    }
    found = paths.find(env)
    assert found.profiles == tmp_path / "CONFIG" / "profiles"
    assert found.state_file == tmp_path / "STATE" / "state.json"
    assert found.socket == tmp_path / "RUNTIME" / "kfwd.sock"
    assert found.log_file == tmp_path / "LOG" / "kfwd.log"


def test_missing_folders_are_made_for_their_owner_only(tmp_path: Path) -> None:
    env = {
        f"KFWD_{name}_DIR": str(tmp_path / name) for name in ("CONFIG", "STATE", "RUNTIME", "LOG")
    }
    paths.find(env).create()
    modes = {stat.S_IMODE(folder.stat().st_mode) for folder in tmp_path.iterdir()}
    assert modes == {0o700}


def test_without_a_runtime_dir_no_warning_and_a_place_in_tmp() -> None:
    candidates = paths.runtime_candidates({})
    assert candidates[-1].name.startswith("kfwd")
    assert len(candidates) == 2


def test_a_client_with_a_runtime_dir_also_knows_the_other_places() -> None:
    candidates = paths.runtime_candidates({"XDG_RUNTIME_DIR": "/run/user/77"})
    assert candidates[0] == Path("/run/user/77/kfwd")
    assert len(candidates) == 3


def test_an_override_is_the_only_place(tmp_path: Path) -> None:
    assert paths.runtime_candidates({"KFWD_RUNTIME_DIR": str(tmp_path)}) == [tmp_path]


@pytest.mark.parametrize("variable", ["KFWD_STATE_DIR", "KFWD_LOG_DIR"])
def test_a_relative_override_is_made_absolute(variable: str) -> None:
    found = paths.find({variable: "here"})
    assert Path.cwd() / "here" in (found.state, found.log)


def test_kubeconfig_lists_files_in_order_and_once(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir("/")
    assert paths.kubeconfigs({"KUBECONFIG": "/a/one::two:/a/one"}) == ("/a/one", "/two")


@pytest.mark.parametrize("env", [{}, {"KUBECONFIG": ""}])
def test_without_a_list_it_is_the_file_in_the_home_folder(env: dict[str, str]) -> None:
    assert paths.kubeconfigs({**env, "HOME": "/home/ann"}) == ("/home/ann/.kube/config",)
