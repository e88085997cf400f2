"""A text between the file and the editor."""

from __future__ import annotations

from pathlib import Path

import pytest

from kfwd.errors import KfwdError, ProfileInvalid, UsageError
from kfwd.profiles import draft
from kfwd.profiles.draft import Draft

WEB = "forwards:\n- {name: web, target: svc/web, ports: 8080:80}\n"


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    found = tmp_path / "profiles"
    found.mkdir()
    (found / "dev.yaml").write_text(WEB)
    return found


def opened(folder: Path, name: str = "dev") -> Draft:
    return Draft(folder, name, folder.parent / "state")


def test_it_is_written_once_it_is_valid_and_can_be_taken_back(folder: Path) -> None:
    found = opened(folder)
    assert (found.text, found.is_new, found.unsaved) == (WEB, False, False)
    assert found.take(WEB + "# more\n")
    assert (found.faults(), found.unsaved) == ((), True)
    found.write()
    assert found.path.read_text() == WEB + "# more\n"
    assert not found.unsaved
    found.take_back()
    assert found.path.read_text() == WEB


def test_a_new_one_begins_with_what_can_be_said_and_is_gone_when_taken_back(folder: Path) -> None:
    found = opened(folder, "new")
    assert (found.text, found.is_new) == (draft.NEW, True)
    assert found.take(WEB.replace("8080", "8081"))
    found.write()
    assert found.path.exists()
    found.take_back()
    assert not found.path.exists()


@pytest.mark.parametrize("text", [None, "", " \n", WEB])
def test_nothing_and_the_same_are_no_change(folder: Path, text: str | None) -> None:
    found = opened(folder)
    assert not found.take(text)
    assert not found.unsaved


def test_a_clash_with_another_profile_is_a_fault(folder: Path) -> None:
    found = opened(folder, "new")
    found.take(WEB)
    assert len(found.faults()) == 1


def test_what_somebody_else_wrote_meanwhile_is_not_lost(folder: Path) -> None:
    found = opened(folder)
    found.take(WEB + "# mine\n")
    found.path.write_text(WEB + "# theirs\n")
    with pytest.raises(KfwdError, match="changed by somebody else") as raised:
        found.write()
    assert found.path.read_text() == WEB + "# theirs\n"
    kept = Path(str(raised.value.hint).removeprefix("your text is in "))
    assert kept.read_text() == WEB + "# mine\n"


def test_a_text_that_is_given_up_is_kept(folder: Path) -> None:
    found = opened(folder)
    found.take("foo: 1\n")
    assert found.keep().read_text() == "foo: 1\n"
    assert found.path.read_text() == WEB


def test_a_file_that_is_no_text_is_not_edited(folder: Path) -> None:
    (folder / "dev.yaml").write_bytes(b"\xff\xfe")
    with pytest.raises(ProfileInvalid, match="not UTF-8"):
        opened(folder)


def test_what_cannot_be_a_name_is_none(folder: Path) -> None:
    with pytest.raises(UsageError):
        opened(folder, "../dev")
