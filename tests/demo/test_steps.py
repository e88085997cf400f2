"""The whole demo, as `make demo` runs it."""

from __future__ import annotations

import os
import re

import pytest

from kfwd.demo.run import headless
from kfwd.errors import ExitCode


@pytest.mark.e2e
@pytest.mark.slow
def test_every_step_holds_and_no_request_fails() -> None:
    lines: list[str] = []
    assert headless(os.environ, lines.append) == ExitCode.OK, "\n".join(lines)
    assert re.fullmatch(
        r"demo: [0-9]+ requests, 0 failed, [0-9]+ bytes verified by SHA-256, "
        r"3 deletions, 2 restarts in [0-9.]+ s",
        lines[-1],
    )
