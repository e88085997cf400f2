from __future__ import annotations

from datetime import UTC, datetime, timedelta

import pytest

from kfwd.sim.tablerows import age, duration, pod_status


@pytest.mark.parametrize(
    ("seconds", "text"),
    [
        (-5, "0s"),
        (0, "0s"),
        (119, "119s"),
        (120, "2m"),
        (185, "3m5s"),
        (600, "10m"),
        (3 * 3600 - 1, "179m"),
        (3 * 3600 + 600, "3h10m"),
        (9 * 3600, "9h"),
        (2 * 86400, "2d"),
        (3 * 86400 + 7200, "3d2h"),
        (9 * 86400, "9d"),
    ],
)
def test_durations_read_as_kubectl_prints_them(seconds: int, text: str) -> None:
    assert duration(seconds) == text


def test_age_counts_from_the_time_of_creation() -> None:
    now = datetime(2026, 1, 1, 0, 1, tzinfo=UTC)
    assert age("2026-01-01T00:00:00Z", now) == "60s"
    assert age(None, now + timedelta(1)) == "<unknown>"


def waiting(reason: str) -> dict[str, object]:
    return {"phase": "Pending", "containerStatuses": [{"state": {"waiting": {"reason": reason}}}]}


@pytest.mark.parametrize(
    ("meta", "status", "text"),
    [
        ({}, {"phase": "Running"}, "Running"),
        ({}, waiting("ContainerCreating"), "ContainerCreating"),
        ({}, {"phase": "Failed", "reason": "Evicted"}, "Evicted"),
        ({"deletionTimestamp": "x"}, {"phase": "Running"}, "Terminating"),
        ({}, {}, "Unknown"),
    ],
)
def test_the_status_of_a_pod_is_its_most_telling_word(
    meta: dict[str, str], status: dict[str, object], text: str
) -> None:
    assert pod_status({"metadata": meta, "status": status}) == text
