"""Descriptors that are passed, to this process or to another."""

from __future__ import annotations

import os
import subprocess
import sys

import pytest

from kfwd.service.activation import passed

SCRIPT = """
import os
os.dup2(os.open("/dev/null", os.O_RDONLY), 3)
os.dup2(3, 4)
from kfwd.service.activation import passed
print(passed(os.environ | {"LISTEN_PID": str(os.getpid())}, os.getpid()))
print([os.get_inheritable(number) for number in (3, 4)])
"""


def test_they_have_names_and_are_not_passed_on() -> None:
    env = {**os.environ, "LISTEN_FDS": "2", "LISTEN_FDNAMES": "control"}
    done = subprocess.run(
        [sys.executable, "-c", SCRIPT], env=env, capture_output=True, text=True, check=True
    )
    assert done.stdout == "[('control', 3), ('unknown', 4)]\n[False, False]\n"


@pytest.mark.parametrize(
    "env",
    [
        {},
        {"LISTEN_PID": "8", "LISTEN_FDS": "1"},
        {"LISTEN_PID": "7"},
        {"LISTEN_PID": "7", "LISTEN_FDS": "-1"},
        {"LISTEN_PID": "7", "LISTEN_FDS": "0"},
        {"LISTEN_FDS": "1"},
    ],
)
def test_those_of_another_process_are_not_ours(env: dict[str, str]) -> None:
    assert passed(env, 7) == []
