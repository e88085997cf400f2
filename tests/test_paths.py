"""Places: overrides win, folders are private, a client knows where else a daemon may be."""

from __future__ import annotations

import os
import stat
import subprocess
import sys
from pathlib import Path

import pytest

from kfwd import paths
from kfwd.errors import KfwdError
from kfwd.paths import prepare_folder


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


def test_the_folder_for_temporary_files_is_the_users() -> None:
    found = [paths.runtime_candidates(env) for env in ({"TMPDIR": "/scratch"}, {"TMPDIR": ""})]
    assert Path(f"/scratch/kfwd-{os.getuid()}") in found[0]
    assert Path(f"/tmp/kfwd-{os.getuid()}") in found[1]


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


def test_a_folder_open_to_others_is_closed(tmp_path: Path) -> None:
    folder = tmp_path / "run"
    folder.mkdir(mode=0o755)
    prepare_folder(folder)
    assert folder.stat().st_mode & 0o777 == 0o700


def test_a_folder_with_another_use_is_left_as_it_is(tmp_path: Path) -> None:
    (tmp_path / "theirs").touch()
    tmp_path.chmod(0o755)
    prepare_folder(tmp_path)
    assert tmp_path.stat().st_mode & 0o777 == 0o755
    tmp_path.chmod(0o1777)
    with pytest.raises(KfwdError, match="others may write there, and it holds more"):
        prepare_folder(tmp_path)
    assert tmp_path.stat().st_mode & 0o7777 == 0o1777


def test_a_folder_is_made_where_none_is(tmp_path: Path) -> None:
    prepare_folder(tmp_path / "a" / "run")
    assert (tmp_path / "a" / "run").stat().st_mode & 0o777 == 0o700


def test_a_file_in_the_place_of_the_folder_is_said_so(tmp_path: Path) -> None:
    (tmp_path / "run").write_text("")
    with pytest.raises(KfwdError, match="cannot hold the control socket: File exists") as caught:
        prepare_folder(tmp_path / "run")
    assert "KFWD_RUNTIME_DIR" in (caught.value.hint or "")


@pytest.mark.skipif(os.getuid() != 0, reason="only root can make a folder somebody else's")
def test_a_folder_of_somebody_else_is_refused(tmp_path: Path) -> None:
    folder = tmp_path / "run"
    folder.mkdir(mode=0o777)
    os.chown(folder, 65534, 65534)
    with pytest.raises(KfwdError, match="it belongs to user 65534"):
        prepare_folder(folder)


@pytest.mark.skipif(os.getuid() != 0, reason="drops the rights of root")
def test_a_folder_that_is_not_writable_is_said_so(tmp_path: Path) -> None:
    code = (
        "import os, sys, pathlib; from kfwd.paths import prepare_folder;"
        "from kfwd.errors import KfwdError\n"
        "os.chdir('/'); os.setgid(65534); os.setuid(65534)\n"
        "try: prepare_folder(pathlib.Path('/etc/kfwd-run'))\n"
        "except KfwdError as error: print(error, error.hint)"
    )
    env = {**os.environ, "PYTHONPATH": str(Path(__file__).parents[1])}
    done = subprocess.run(
        [sys.executable, "-c", code], capture_output=True, text=True, env=env, check=False
    )
    assert "/etc/kfwd-run cannot hold the control socket: Permission denied" in done.stdout


@pytest.mark.skipif(os.getuid() != 0, reason="only root can make a link somebody else's")
def test_a_link_of_somebody_else_is_refused_wherever_it_leads(tmp_path: Path) -> None:
    """Who made it can turn it around later, and meanwhile have any folder of ours closed."""
    (tmp_path / "mine").mkdir(mode=0o755)
    link = tmp_path / "run"
    link.symlink_to("mine")
    prepare_folder(link)
    assert (tmp_path / "mine").stat().st_mode & 0o777 == 0o700
    (tmp_path / "mine").chmod(0o755)
    os.chown(link, 65534, 65534, follow_symlinks=False)
    with pytest.raises(KfwdError, match="it belongs to user 65534"):
        prepare_folder(link)
    assert (tmp_path / "mine").stat().st_mode & 0o777 == 0o755
