"""Forwards into profiles: several at once, none where one does not fit."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest

from kfwd.errors import KfwdError, ProfileInvalid, UsageError
from kfwd.model import ForwardSpec
from kfwd.profiles import saving
from kfwd.profiles.forwards import forward

WEB = forward("svc/web", ["8080:http"], namespace="shop")
DB = forward("sts/db", ["5432"], namespace="shop")


def save(
    folder: Path, forwards: list[ForwardSpec], context: str | None = "kind", **options: Any
) -> list[str]:
    """Into the profile `dev`, for good."""
    with saving.saved(folder, "dev", forwards, context, **options) as ids:
        return ids


def test_several_forwards_are_one_write(tmp_path: Path) -> None:
    assert save(tmp_path, [WEB, DB]) == ["dev/web", "dev/db"]
    text = (tmp_path / "dev.yaml").read_text()
    assert text.startswith("version: 1\ncontext: kind\nforwards:\n  - name: web\n")
    assert "  - name: db\n    target: sts/db\n" in text


def test_a_name_that_is_taken_gets_a_number(tmp_path: Path) -> None:
    save(tmp_path, [WEB])
    other = forward("svc/web", ["8081:http"], namespace="shop")
    assert save(tmp_path, [other]) == ["dev/web-2"]
    with pytest.raises(ProfileInvalid):
        save(tmp_path, [other], named=True)


def test_all_or_nothing_is_written(tmp_path: Path) -> None:
    clash = forward("svc/api", ["8080:80"], namespace="shop")
    with pytest.raises(ProfileInvalid, match="8080"):
        save(tmp_path, [WEB, clash], None)
    assert not (tmp_path / "dev.yaml").exists()


@pytest.mark.parametrize("before", [None, "version: 1\ncontext: kind # mine\n"])
def test_what_cannot_be_brought_up_is_taken_back(tmp_path: Path, before: str | None) -> None:
    path = tmp_path / "dev.yaml"
    if before is not None:
        path.write_text(before)

    def refuse() -> None:
        with saving.saved(tmp_path, "dev", [WEB], "kind") as ids:
            assert ids == ["dev/web"]
            assert "svc/web" in path.read_text()
            raise KfwdError("127.0.0.1:8080 is taken by -/web")

    with pytest.raises(KfwdError, match="is taken"):
        refuse()
    assert (path.read_text() if path.exists() else None) == before


def test_what_somebody_wrote_meanwhile_is_left(tmp_path: Path) -> None:
    path = tmp_path / "dev.yaml"

    def refuse() -> None:
        with saving.saved(tmp_path, "dev", [WEB], "kind"):
            path.write_text("version: 1\n")
            raise KfwdError("no")

    with pytest.raises(KfwdError, match="no"):
        refuse()
    assert path.read_text() == "version: 1\n"


def test_a_profile_without_a_context_stands_for_the_default(tmp_path: Path) -> None:
    path = tmp_path / "dev.yaml"
    path.write_text("version: 1\n")
    with pytest.raises(UsageError, match="no context of its own, not kind"):
        save(tmp_path, [WEB])
    assert save(tmp_path, [WEB], default="kind") == ["dev/web"]
    with pytest.raises(UsageError, match="has the context prod, not kind"):
        save(tmp_path, [DB], default="prod")


def test_a_file_that_cannot_be_read_is_said_so_and_left(tmp_path: Path) -> None:
    (tmp_path / "dev.yaml").write_bytes(b"\xff")
    saving_to = saving.saved(tmp_path, "dev", [WEB], None)
    with pytest.raises(ProfileInvalid, match=r"dev\.yaml:1:1: byte 0 is not UTF-8"), saving_to:
        pytest.fail("nothing was saved")
    assert (tmp_path / "dev.yaml").read_bytes() == b"\xff"
