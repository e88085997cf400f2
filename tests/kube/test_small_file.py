from __future__ import annotations

import os
from pathlib import Path

import pytest

from kfwd.errors import ConfigError
from kfwd.kube import kubeconfig, small_file
from kfwd.kube.kubeconfig_file import read as read_kubeconfig


def test_a_regular_file_is_read_through_links(tmp_path: Path) -> None:
    (tmp_path / "real").write_bytes(b"token\n")
    (tmp_path / "link").symlink_to("real")
    assert small_file.read(tmp_path / "link") == b"token\n"


def test_what_never_ends_or_never_begins_is_no_file(tmp_path: Path) -> None:
    os.mkfifo(tmp_path / "pipe")
    for path in (tmp_path / "pipe", Path("/dev/zero")):
        with pytest.raises(OSError, match="not a regular file"):
            small_file.read(path)
    with pytest.raises(IsADirectoryError):
        small_file.read(tmp_path)
    with pytest.raises(OSError, match="NUL"):
        small_file.read(tmp_path / "a\0b")
    with pytest.raises(FileNotFoundError):
        small_file.read(tmp_path / "gone")


def test_a_file_has_a_size_that_is_taken(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(small_file, "MAX_SIZE", 1024 * 1024)
    (tmp_path / "large").write_bytes(bytes(1024 * 1024 + 1))
    with pytest.raises(OSError, match="larger than 1 MiB"):
        small_file.read(tmp_path / "large")


def test_a_kubeconfig_and_the_files_that_it_names_are_read_like_that(tmp_path: Path) -> None:
    os.mkfifo(tmp_path / "pipe")
    with pytest.raises(ConfigError, match="not a regular file"):
        read_kubeconfig(tmp_path / "pipe")
    with pytest.raises(ConfigError, match="not a regular file"):
        kubeconfig.read_certificate(Path("/dev/zero"), "the certificate")
