"""The user's choices: what is wrong in them is said, and counts as not there."""

from __future__ import annotations

from pathlib import Path

import pytest

from kfwd.errors import KfwdError
from kfwd.tui.settings import Settings, keep_theme, load, read


def test_without_a_file_all_is_as_usual(tmp_path: Path) -> None:
    assert load(tmp_path / "tui.yaml") == Settings(theme="dark")
    (tmp_path / "tui.yaml").write_text("# nothing yet\n")
    assert load(tmp_path / "tui.yaml") == Settings()


def test_a_theme_and_keys(tmp_path: Path) -> None:
    file = tmp_path / "tui.yaml"
    file.write_text("theme: light\nkeys:\n  quit: Q\n  up: [i, ctrl+u]\n  pause: 5\n")
    keys = {"quit": "Q", "up": "i,ctrl+u", "pause": "5"}
    assert load(file) == Settings(theme="light", keys=keys)


@pytest.mark.parametrize(
    ("text", "said"),
    [
        ("theme: lite", "tui.yaml: theme is one of dark, light, terminal"),
        ("theme: []", "tui.yaml: theme is one of dark, light, terminal"),
        ("themes: dark", 'tui.yaml: unknown key "themes" (did you mean "theme"?)'),
        ("keys: Q", "tui.yaml: keys has a key for each action, such as quit: Q"),
        ("- dark", "tui.yaml: expected keys such as theme"),
    ],
)
def test_what_is_wrong_is_a_sentence(tmp_path: Path, text: str, said: str) -> None:
    (tmp_path / "tui.yaml").write_text(text)
    assert load(tmp_path / "tui.yaml") == Settings(faults=(said,))


def test_what_is_no_yaml_or_no_text_is_said(tmp_path: Path) -> None:
    (tmp_path / "tui.yaml").write_text("a: [")
    assert str(tmp_path / "tui.yaml:2:") in load(tmp_path / "tui.yaml").faults[0]
    (tmp_path / "tui.yaml").write_bytes(b"\xff")
    assert "cannot be read" in load(tmp_path / "tui.yaml").faults[0]
    assert read(None) == Settings()


def test_a_theme_is_kept_and_the_rest_stays(tmp_path: Path) -> None:
    file = tmp_path / "config" / "tui.yaml"
    keep_theme(file, "light")
    assert file.read_text() == "theme: light\n"
    file.write_text("# mine\ntheme: light # for the sun\nkeys: {quit: Q}\n")
    keep_theme(file, "terminal")
    assert file.read_text() == "# mine\ntheme: terminal\nkeys: {quit: Q}\n"
    assert [path.name for path in file.parent.iterdir()] == ["tui.yaml"]


def test_a_theme_that_cannot_be_kept_is_a_sentence(tmp_path: Path) -> None:
    (tmp_path / "config").write_text("")
    with pytest.raises(KfwdError, match="cannot be written"):
        keep_theme(tmp_path / "config" / "tui.yaml", "light")
