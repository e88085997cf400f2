"""A walk as lines."""

from __future__ import annotations

from typing import Any

import pytest

from kfwd.api_doctor import Diagnosis, Finding
from kfwd.tui.doctor_lines import Walk, lines
from kfwd.tui.pieces import text, width
from tests.doctor_records import FINDING, hop


def walked(*events: Any) -> Walk:
    walk = Walk()
    for event in events:
        walk.take([event])
    return walk


def drawn(walk: Walk, cells: int = 80) -> list[str]:
    return [text(seen.pieces).rstrip() for seen in lines(walk, cells)]


def test_a_hop_is_seen_while_it_is_walked_and_then_what_came_of_it() -> None:
    walk = walked(hop("kind", "tcp", "running"))
    assert drawn(walk) == [" kind", "   … running   tcp"]
    assert walk.here == "kind tcp"
    walk.take([hop("kind", "tcp", "ok", "it accepts", latency_ms=0.4)])
    assert drawn(walk)[1].split() == ["●", "ok", "tcp", "it", "accepts", "0.4", "ms"]
    walk.take([hop("dev/web", "port", "broken", "nothing listens")])
    assert drawn(walk)[2:] == [" dev/web", "   ✖ broken    port        nothing listens"]
    assert walk.here == "dev/web port"


def test_at_the_end_is_each_cause_with_its_fix() -> None:
    walk = walked(Diagnosis(well=False, exit_code=1, findings=(FINDING,)))
    assert drawn(walk) == [
        "",
        " ✖ dev/web, port",
        "     nothing listens",
        "     → start it",
        "     holds up dev/a, dev/b too",
    ]
    assert walk.here == "found 0"


def test_all_is_well_is_said() -> None:
    assert drawn(walked(Diagnosis(well=True, exit_code=0))) == ["", " all is well"]


@pytest.mark.parametrize("cells", [80, 120, 200])
def test_all_of_it_is_told_and_nothing_is_wider_than_the_screen(cells: int) -> None:
    long = "日本語 and more " * 30
    finding = Finding(
        about="x" * 300, hop="port", severity="warning", code=None, text=long, hint=long
    )
    walk = walked(
        hop("x" * 300, "tcp", "broken", long, latency_ms=1234.5),
        Diagnosis(well=False, exit_code=1, findings=(finding,)),
    )
    found = list(lines(walk, cells))
    assert all(width(seen.pieces) <= cells for seen in found)
    assert " ".join(drawn(walk, cells)).count("more") == 90
