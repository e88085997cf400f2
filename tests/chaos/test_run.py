from __future__ import annotations

import pytest

from tests.chaos.run import SESSIONS_KEPT, leaks, run
from tests.chaos.world import Usage

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


@pytest.mark.slow
@pytest.mark.timeout(150)
async def test_nothing_is_lost_in_half_a_minute_of_everything_at_once() -> None:
    report = await run(1, SECONDS)
    assert report.good, str(report)
