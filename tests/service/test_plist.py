"""The agent as launchd reads it."""

from __future__ import annotations

import plistlib
from pathlib import Path

import pytest

from kfwd.service import files, plist

CONFIG = Path(__file__).parents[2] / "config" / "service"
COMMAND = ("/a b/<python>", "-m", "kfwd")
FOLDERS = {"KFWD_STATE_DIR": "/a & b"}


def test_it_is_a_property_list_with_the_command_word_for_word() -> None:
    text = files.sealed(plist.agent(COMMAND, FOLDERS, Path("/l/daemon.err")), plist.COMMENT)
    keys = plistlib.loads(text.encode())
    assert keys["ProgramArguments"] == list(COMMAND)
    assert keys["EnvironmentVariables"] == FOLDERS
    assert keys["Label"] == "kfwd.daemon"
    assert keys["RunAtLoad"] is True
    assert keys["KeepAlive"] == {"SuccessfulExit": False}
    assert keys["Umask"] == 0o077
    assert keys["StandardErrorPath"] == "/l/daemon.err"
    assert plist.environment(text) == FOLDERS


@pytest.mark.parametrize("text", ["", "<plist>", "no list", "<plist><array/></plist>"])
def test_another_file_sets_nothing(text: str) -> None:
    assert plist.environment(text) is None


def test_the_template_is_what_is_installed() -> None:
    command = ("/usr/local/bin/kfwd", "daemon", "run", "--service")
    text = plist.agent(command, {}, Path("/tmp/kfwd.err"))
    assert (CONFIG / plist.FILE).read_text() == text
