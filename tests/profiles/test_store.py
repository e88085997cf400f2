"""Files in the profiles folder."""

from __future__ import annotations

import os
from pathlib import Path

import pytest

from kfwd.errors import KfwdError, NotFound, UsageError
from kfwd.profiles import store

WEB = "forwards:\n- {name: web, target: svc/web, ports: 8080:80}\n"


def put(folder: Path, name: str, text: str = WEB) -> Path:
    path = folder / f"{name}.yaml"
    path.write_text(text)
    return path


def test_profiles_are_the_yaml_files_without_editors_leftovers(tmp_path: Path) -> None:
    put(tmp_path, "b")
    put(tmp_path, "a")
    for other in (".a.yaml", "a.yaml~", "a.yaml.swp", "notes.txt"):
        (tmp_path / other).write_text("x")
    assert store.names(tmp_path) == ["a", "b"]


def test_no_folder_is_no_profiles(tmp_path: Path) -> None:
    assert store.names(tmp_path / "none") == []
    assert store.fingerprint(tmp_path / "none") == {}


def test_the_fingerprint_changes_with_a_write_and_a_rename_into_place(tmp_path: Path) -> None:
    path = put(tmp_path, "a")
    first = store.fingerprint(tmp_path)
    assert store.fingerprint(tmp_path) == first
    path.write_text(WEB + "# more\n")
    second = store.fingerprint(tmp_path)
    assert second != first
    stat = path.stat()
    other = tmp_path / "new"
    other.write_text(path.read_text())
    os.utime(other, ns=(stat.st_mtime_ns, stat.st_mtime_ns))
    other.replace(path)
    assert store.fingerprint(tmp_path) != second


def test_the_fingerprint_follows_a_link_to_the_file_behind_it(tmp_path: Path) -> None:
    target = tmp_path / "real"
    target.write_text(WEB)
    (tmp_path / "a.yaml").symlink_to(target)
    first = store.fingerprint(tmp_path)
    target.write_text(WEB * 2)
    assert store.fingerprint(tmp_path) != first


def test_an_unknown_profile_is_not_found_and_the_hint_has_those_there_are(tmp_path: Path) -> None:
    put(tmp_path, "dev")
    with pytest.raises(NotFound) as caught:
        store.read(tmp_path, "prod")
    assert caught.value.text == f'no profile "prod" in {tmp_path}'
    assert caught.value.hint == "there are: dev"


def test_a_path_is_no_profile_name(tmp_path: Path) -> None:
    with pytest.raises(UsageError, match="bad name"):
        store.read(tmp_path, "../dev")


def test_files_that_cannot_be_read_are_profiles_with_a_fault(tmp_path: Path) -> None:
    (tmp_path / "bin.yaml").write_bytes(b"a: \xff")
    (tmp_path / "dir.yaml").mkdir()
    os.mkfifo(tmp_path / "pipe.yaml")
    (tmp_path / "Bad Name.yaml").write_text(WEB)
    (tmp_path / "gone.yaml").symlink_to(tmp_path / "nowhere")
    found = store.read_all(tmp_path)
    faults = {name: str(p.parsed.faults[0]) for name, p in found.items()}
    assert faults["bin"] == "1:1: byte 3 is not UTF-8"
    assert faults["dir"] == faults["pipe"] == "1:1: not a regular file"
    assert faults["Bad Name"].startswith('1:1: bad name "Bad Name"')
    assert "gone" not in faults


def test_a_clash_between_profiles_is_a_fault_of_the_one_asked_about(tmp_path: Path) -> None:
    put(tmp_path, "a")
    path = put(tmp_path, "b")
    profile = store.read(tmp_path, "b")
    faults = store.check(tmp_path, profile.parsed)
    assert store.invalid(path, faults).text == (f"{path}:2:39: 127.0.0.1:8080 is taken by a/web")


def test_profiles_that_come_up_only_by_name_may_share_a_port(tmp_path: Path) -> None:
    put(tmp_path, "a")
    put(tmp_path, "b", "enabled: false\n" + WEB)
    for name in ("a", "b"):
        assert store.check(tmp_path, store.read(tmp_path, name).parsed) == ()


def test_a_failed_write_changes_nothing(tmp_path: Path) -> None:
    (tmp_path / "dev.yaml").mkdir()
    (tmp_path / "dev.yaml" / "x").touch()
    with pytest.raises(KfwdError, match=r"cannot write .*dev\.yaml: Is a directory"):
        store.write(tmp_path / "dev.yaml", "new")
    assert [p.name for p in tmp_path.iterdir()] == ["dev.yaml"]
