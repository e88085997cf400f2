from __future__ import annotations

from pathlib import Path
from typing import cast

import pytest

from tests.chaos.run import SESSIONS_KEPT, Attack, leaks, run
from tests.chaos.schedule import Event, Kind
from tests.chaos.world import Usage, World

SECONDS = 30.0


def test_a_leak_of_anything_is_found() -> None:
    before = Usage(files=40, threads=6, rss_mb=60.0)
    assert leaks(before, before) == []
    assert leaks(before, Usage(files=40 + SESSIONS_KEPT, threads=6, rss_mb=65.0)) == []
    for after in (
        Usage(files=200, threads=6, rss_mb=60.0),
        Usage(files=40, threads=40, rss_mb=60.0),
        Usage(files=40, threads=6, rss_mb=200.0),
    ):
        assert len(leaks(before, after)) == 1


class Broken:
    """A world in which nothing can be done, and the daemon has ended."""

    def revive(self) -> str:
        return "status -11"

    def restart_daemon(self) -> None:
        raise RuntimeError("not replaced")


async def test_a_fault_that_fails_and_a_daemon_that_ended_spoil_the_run_and_do_not_end_it(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr("tests.chaos.run.calm", lambda world: None)
    attack = Attack(cast("World", Broken()))
    await attack.run([Event(0.0, Kind.RESTART, 0.0, 1), Event(0.01, Kind.RESTART, 0.0, 1)])
    assert len(attack.windows) == 2
    assert attack.failed[:2] == [
        "before daemon restart: status -11",
        "daemon restart at 0.00 s: RuntimeError('not replaced')",
    ]


@pytest.mark.slow
@pytest.mark.timeout(150)
async def test_nothing_is_lost_in_half_a_minute_of_everything_at_once(tmp_path: Path) -> None:
    report = await run(1, SECONDS, tmp_path)
    assert report.good, str(report)
