"""A file is replaced whole or not at all."""

from __future__ import annotations

from pathlib import Path

import pytest

from kfwd import whole_file


def test_the_old_content_goes_with_its_mode_and_nothing_lies_beside(tmp_path: Path) -> None:
    path = tmp_path / "file"
    whole_file.replace(path, b"one", 0o644)
    whole_file.replace(path, b"two", 0o600)
    assert path.read_bytes() == b"two"
    assert path.stat().st_mode & 0o777 == 0o600
    assert list(tmp_path.iterdir()) == [path]


def test_what_cannot_be_renamed_leaves_nothing_beside(tmp_path: Path) -> None:
    (tmp_path / "there").mkdir()
    with pytest.raises(OSError, match="directory"):
        whole_file.replace(tmp_path / "there", b"text", 0o600)
    assert [each.name for each in tmp_path.iterdir()] == ["there"]


def test_a_persons_file_keeps_its_mode_and_a_link_still_leads_to_it(tmp_path: Path) -> None:
    real, link = tmp_path / "folder" / "real", tmp_path / "link"
    link.symlink_to(real)
    whole_file.edit(link, b"one")
    assert real.stat().st_mode & 0o777 == 0o600
    real.chmod(0o666)  # more than a usual umask would leave
    whole_file.edit(link, b"two")
    assert link.is_symlink()
    assert real.read_bytes() == b"two"
    assert real.stat().st_mode & 0o777 == 0o666
    assert list(real.parent.iterdir()) == [real]
