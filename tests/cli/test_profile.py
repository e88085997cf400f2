"""Profile files by command."""

from __future__ import annotations

import io
import json
from pathlib import Path

import pytest

from kfwd.errors import ExitCode
from tests.cli.conftest import Run

GOOD = "forwards:\n- {name: web, target: svc/web, ports: 8080:80}\n"


@pytest.fixture
def folder(home: Path) -> Path:
    return home / "config" / "profiles"


def test_the_list_says_what_each_is_worth(run: Run, folder: Path) -> None:
    assert run("profile", "list").out == f"no profiles in {folder}\n"
    (folder / "a.yaml").write_text(GOOD)
    (folder / "b.yaml").write_text("foo: 1\nbar: 2\n")
    rows = run("profile", "list").lines
    assert [row.split()[2:] for row in rows[1:]] == [
        ["yes", "no", "1", "0"],
        ["-", "no", "-", "2"],
    ]
    found = json.loads(run("profile", "list", "-o", "json").out)
    assert found[0] == {
        "name": "a",
        "path": f"{folder}/a.yaml",
        "enabled": True,
        "up": False,
        "entries": 1,
        "faults": 0,
    }


def test_show_prints_the_file_or_its_meaning(run: Run, folder: Path) -> None:
    (folder / "a.yaml").write_text(GOOD)
    assert run("profile", "show", "a").out == GOOD
    spec = json.loads(run("profile", "show", "a", "-o", "json").out)
    assert spec["entries"][0]["ports"] == [{"local": 8080, "remote": "80"}]
    assert run("profile", "show", "b").code == ExitCode.NOT_FOUND


def test_validate_reports_every_fault_of_every_profile(run: Run, folder: Path) -> None:
    (folder / "a.yaml").write_text(GOOD)
    assert (run("profile", "validate").code, run("profile", "validate", "a").out) == (0, "")
    (folder / "b.yaml").write_text(GOOD.replace("web", "other") + "foo: 1\n")
    result = run("profile", "validate")
    assert result.code == ExitCode.PROFILE_INVALID
    assert result.lines == [
        f"{folder}/b.yaml:2:43: 127.0.0.1:8080 is taken by a/web",
        f'{folder}/b.yaml:3:1: unknown key "foo"',
    ]
    assert result.err == "kfwd: 2 faults\n"


def test_validate_reports_a_file_whose_name_is_no_profile_name_beside_the_others(
    run: Run, folder: Path
) -> None:
    (folder / "my profile.yaml").write_text("version: 1\n")
    (folder / "other.yaml").write_text("version: 2\n")
    result = run("profile", "validate")
    assert result.code == ExitCode.PROFILE_INVALID
    assert any("my profile.yaml:1:1: bad name" in line for line in result.lines)
    assert any("other.yaml:1:10: " in line for line in result.lines)


def test_validate_says_where_it_looked_for_profiles(run: Run, folder: Path) -> None:
    result = run("profile", "validate")
    assert (result.code, result.err) == (ExitCode.OK, f"kfwd: no profiles in {folder}\n")


def test_validate_takes_files_and_writes_json(run: Run, tmp_path: Path) -> None:
    path = tmp_path / "new.yaml"
    path.write_text("version: 1\nenabled: 1\n")
    result = run("profile", "validate", str(path), "-o", "json")
    assert result.code == ExitCode.PROFILE_INVALID
    (fault,) = json.loads(result.out)
    assert fault == {
        "file": str(path),
        "line": 2,
        "column": 10,
        "message": "expected true or false, got 1",
    }


def test_the_schema_is_printed(run: Run) -> None:
    assert json.loads(run("profile", "schema").out)["title"] == "kfwd profile"


def editor(tmp_path: Path, monkeypatch: pytest.MonkeyPatch, *texts: str) -> None:
    """An editor that writes `texts`, one after the other."""
    for number, text in enumerate(texts):
        (tmp_path / f"text{number}").write_text(text)
    script = tmp_path / "editor"
    script.write_text(
        f"#!/bin/sh\nn=$(cat {tmp_path}/n 2>/dev/null || echo 0)\n"
        f'echo $((n+1)) > {tmp_path}/n\ncat {tmp_path}/text$n > "$1"\n'
    )
    script.chmod(0o755)
    monkeypatch.setenv("VISUAL", str(script))


def test_an_editor_that_fails_is_a_failure(run: Run, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv("VISUAL", raising=False)
    monkeypatch.setenv("EDITOR", "false")
    result = run("profile", "edit", "dev")
    assert (result.code, result.err) == (ExitCode.FAILED, "kfwd: false: Editing failed\n")


def test_an_edited_profile_is_written(
    run: Run, folder: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    editor(tmp_path, monkeypatch, GOOD)
    assert run("profile", "edit", "dev").out == f"wrote {folder}/dev.yaml\n"
    assert (folder / "dev.yaml").read_text() == GOOD
    editor(tmp_path, monkeypatch, GOOD, GOOD)
    assert run("profile", "edit", "dev").err == "kfwd: nothing was changed\n"


def test_a_profile_with_faults_is_not_written(
    run: Run, folder: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    editor(tmp_path, monkeypatch, "foo: 1\n")
    monkeypatch.setattr("sys.stdin", io.StringIO())  # nobody answers
    result = run("profile", "edit", "dev")
    assert result.code == ExitCode.PROFILE_INVALID
    assert 'dev.yaml:1:1: unknown key "foo"' in result.err
    assert not (folder / "dev.yaml").exists()
    kept = result.err.rpartition("hint: your text is in ")[2].strip()
    assert Path(kept).read_text() == "foo: 1\n"
