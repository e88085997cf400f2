"""Files that tell whether a person changed them."""

from __future__ import annotations

from pathlib import Path

import pytest

from kfwd.service import files, plist


@pytest.mark.parametrize("comment", [("# ", ""), plist.COMMENT])
def test_a_file_is_known_again_until_somebody_changes_it(comment: tuple[str, str]) -> None:
    text = files.sealed("[Service]\nRestart=no\n", comment)
    assert text.startswith("[Service]\nRestart=no\n")
    assert files.untouched(text)
    assert not files.untouched(text.replace("no", "always"))
    assert not files.untouched("[Service]\nRestart=no\n")
    assert not files.untouched("")
    assert not files.untouched(f"{text}[Install]\n")
    assert not files.untouched(f"\n{text}")


def test_a_file_is_replaced_whole_with_its_mode(tmp_path: Path) -> None:
    path = tmp_path / "a" / "b.service"
    files.replace(path, "one")
    files.replace(path, "two", 0o600)
    assert files.read(path) == "two"
    assert path.stat().st_mode & 0o777 == 0o600
    assert [each.name for each in path.parent.iterdir()] == ["b.service"]


def test_what_cannot_be_written_leaves_nothing(tmp_path: Path) -> None:
    (tmp_path / "there").mkdir()
    with pytest.raises(OSError, match="directory"):
        files.replace(tmp_path / "there", "text")
    assert [each.name for each in tmp_path.iterdir()] == ["there"]
    assert files.read(tmp_path / "there") is None
