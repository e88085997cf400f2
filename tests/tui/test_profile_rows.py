"""Profiles as lines."""

from __future__ import annotations

from pathlib import Path

import pytest

from kfwd.model import ProfileView, SnapshotEvent, State
from kfwd.profiles.folder import Files, Folder
from kfwd.tui import profile_rows
from kfwd.tui.picture import Picture
from kfwd.tui.pieces import text, width
from tests.standin import entry, snapshot

WEB = "forwards:\n- {name: web, target: svc/web, ports: 8080:80}\n"
SIZES = (80, 120, 200)


@pytest.fixture
def files(tmp_path: Path) -> Files:
    (tmp_path / "dev.yaml").write_text("context: kind\n" + WEB)
    (tmp_path / "off.yaml").write_text("enabled: false\n" + WEB)
    (tmp_path / "bad.yaml").write_text("foo: 1\nbar: 2\n")
    return Folder(tmp_path).look()


def picture(*states: State, name: str = "dev") -> Picture:
    found = Picture()
    entries = [entry(f"{name}/e{n}", state=state) for n, state in enumerate(states)]
    up = ProfileView(name=name, context="kind", entries=len(entries), problem=None)
    found.apply([SnapshotEvent(seq=1, snapshot=snapshot(*entries, profiles=(up,)))])
    return found


def lines(files: Files, picture: Picture, cells: int = 100) -> dict[str, list[str]]:
    rows = profile_rows.rows(files, picture)
    return {row.name: text(profile_rows.line(row, cells)).split() for row in rows}


def test_every_file_says_how_it_stands(files: Files) -> None:
    found = lines(files, Picture())
    assert found["dev"] == ["dev", "○", "down", "kind", "1", "web"]
    assert found["off"] == ["off", "○", "disabled", "-", "1", "web"]
    assert found["bad"] == ["bad", "✖", "2", "faults", "-", "-"]


def test_one_that_is_up_says_how_many_are_ready(files: Files) -> None:
    found = lines(files, picture(State.READY, State.WAITING))
    assert " ".join(found["dev"]) == "dev ◐ up kind 1 of 2 ready web"
    assert lines(files, picture(State.READY))["dev"][1:3] == ["●", "up"]


def test_one_that_is_up_without_a_file_is_there(files: Files) -> None:
    found = lines(files, picture(State.READY, name="old"))
    assert " ".join(found["old"]).endswith("its file is gone")


def test_the_first_fault_is_below_and_what_is_up_stays_up(files: Files) -> None:
    row = next(row for row in profile_rows.rows(files, Picture()) if row.name == "bad")
    said = text(profile_rows.fault(row, 80))
    assert said == '     └ 1:1: unknown key "foo" (and 1 more)'
    up = next(r for r in profile_rows.rows(files, picture(name="bad")) if r.name == "bad")
    assert text(profile_rows.fault(up, 80)).endswith("; what is up stays up")


@pytest.mark.parametrize("cells", SIZES)
def test_nothing_is_wider_than_the_screen(files: Files, cells: int) -> None:
    assert width(profile_rows.heading(cells)) <= cells
    for row in profile_rows.rows(files, picture(State.READY, name="n" * 300)):
        assert width(profile_rows.line(row, cells)) <= cells
        assert not row.faults or width(profile_rows.fault(row, cells)) <= cells
