from __future__ import annotations

import logging
import os
from pathlib import Path

import pytest

from kfwd.kube.kubeconfig_edit import replace_values

TEXT = """# mine
users:
- name: a   # keep this
  user: {id-token: "old.token", refresh: old-refresh}
"""


@pytest.fixture
def file(tmp_path: Path) -> Path:
    path = tmp_path / "config"
    path.write_text(TEXT)
    path.chmod(0o640)
    return path


def test_values_change_and_nothing_else(file: Path) -> None:
    replace_values([str(file)], {"old.token": "new.token", "old-refresh": "r2"})
    assert file.read_text() == TEXT.replace("old.token", "new.token").replace("old-refresh", "r2")
    assert file.stat().st_mode & 0o777 == 0o640
    assert os.listdir(file.parent) == ["config"]  # noqa: PTH208  # names are what counts


def test_line_ends_stay_as_they_are(file: Path) -> None:
    file.write_bytes(TEXT.replace("\n", "\r\n").encode())
    replace_values([str(file)], {"old-refresh": "r2"})
    assert file.read_bytes() == TEXT.replace("\n", "\r\n").replace("old-refresh", "r2").encode()


def test_a_link_stays_a_link(file: Path) -> None:
    link = file.parent / "link"
    link.symlink_to(file)
    replace_values([str(link)], {"old-refresh": "r2"})
    assert link.is_symlink()
    assert "r2" in file.read_text()


@pytest.mark.parametrize(
    "changes",
    [
        {"old": "x"},  # twice in the file: whose is it?
        {"": "x"},
        {"unknown": "x"},
        {"old-refresh": "old-refresh"},
        {"old-refresh": "a: b"},
        {"old-refresh": 'a"b'},
        {"old-refresh": "a\nb"},
        {"old-refresh": "true"},
        {"old-refresh": "123"},
        {"old-refresh": "- x"},
    ],
)
def test_what_is_not_sure_is_left_alone(file: Path, changes: dict[str, str]) -> None:
    before = file.stat().st_ino
    replace_values([str(file)], changes)
    assert file.read_text() == TEXT
    assert file.stat().st_ino == before


def test_a_file_that_kubectl_has_locked_is_left_alone(
    file: Path, caplog: pytest.LogCaptureFixture
) -> None:
    lock = Path(f"{file}.lock")
    lock.touch()
    with caplog.at_level(logging.WARNING):
        replace_values([str(file)], {"old-refresh": "hunter2"})
    assert file.read_text() == TEXT
    assert lock.exists()
    assert f"could not be written to {file}: File exists" in caplog.text
    assert "hunter2" not in caplog.text


def test_missing_files_are_skipped(file: Path) -> None:
    replace_values([str(file.parent / "gone"), str(file)], {"old-refresh": "r2"})
    assert "r2" in file.read_text()
