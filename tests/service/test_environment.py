"""PATH and proxies of a person, kept for the service."""

from __future__ import annotations

from pathlib import Path

import pytest

from kfwd.service import environment

PERSON = {"PATH": "/me/bin", "https_proxy": "http://u:p@127.0.0.1:9", "TOKEN": "x"}


def test_only_path_and_proxies_are_kept_and_for_the_person_alone(tmp_path: Path) -> None:
    environment.record(tmp_path / "state", PERSON)
    path = tmp_path / "state" / environment.FILE
    assert path.stat().st_mode & 0o777 == 0o600
    assert path.parent.stat().st_mode & 0o777 == 0o700
    assert environment.recorded(tmp_path / "state") == {
        "PATH": "/me/bin",
        "https_proxy": "http://u:p@127.0.0.1:9",
    }


def test_what_is_the_same_is_not_written_again(tmp_path: Path) -> None:
    environment.record(tmp_path, PERSON)
    before = (tmp_path / environment.FILE).stat().st_ino
    environment.record(tmp_path, {**PERSON, "TOKEN": "y"})
    assert (tmp_path / environment.FILE).stat().st_ino == before
    environment.record(tmp_path, {"PATH": "/new"})
    assert environment.recorded(tmp_path) == {"PATH": "/new"}


def test_the_service_managers_path_and_proxies_do_not_count(tmp_path: Path) -> None:
    manager = {"PATH": "/bin", "HTTP_PROXY": "http://127.0.0.1:1", "HOME": "/me"}
    assert environment.completed(manager, tmp_path) == manager
    environment.record(tmp_path, PERSON)
    assert environment.completed(manager, tmp_path) == {
        "HOME": "/me",
        "PATH": "/me/bin",
        "https_proxy": "http://u:p@127.0.0.1:9",
    }


@pytest.mark.parametrize("text", ["{", "[]", "\udcff", '{"PATH": 1, "HOME": "/x"}'])
def test_a_damaged_file_gives_nothing_that_is_not_there(tmp_path: Path, text: str) -> None:
    (tmp_path / environment.FILE).write_bytes(text.encode(errors="surrogateescape"))
    assert not environment.recorded(tmp_path)
