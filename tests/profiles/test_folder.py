"""The folder looked at again and again."""

from __future__ import annotations

from pathlib import Path

from kfwd.profiles.folder import Folder

WEB = "forwards:\n- {name: web, target: svc/web, ports: 8080:80}\n"


def test_files_are_read_again_only_when_one_has_changed(tmp_path: Path) -> None:
    (tmp_path / "dev.yaml").write_text(WEB)
    folder = Folder(tmp_path)
    first = folder.look()
    assert [(name, each.faults) for name, each in first.items()] == [("dev", ())]
    assert folder.look() is first
    (tmp_path / "dev.yaml").write_text("foo: 1\n")
    assert [fault.message for fault in folder.look()["dev"].faults] == ['unknown key "foo"']


def test_what_clashes_is_a_fault_of_both(tmp_path: Path) -> None:
    for name in ("a", "b"):
        (tmp_path / f"{name}.yaml").write_text(WEB)
    assert [len(each.faults) for each in Folder(tmp_path).look().values()] == [1, 1]


def test_no_folder_has_no_files(tmp_path: Path) -> None:
    assert Folder(tmp_path / "none").look() == {}
