"""What would happen, in colour."""

from __future__ import annotations

import pytest

from kfwd.api_model import Plan, PlanItem
from kfwd.errors import KfwdError
from kfwd.tui import plan_lines
from kfwd.tui.pieces import text, width

ITEMS = tuple(
    PlanItem(id=f"dev/{action}", action=action, text="svc/web")  # type: ignore[arg-type]
    for action in ("stop", "start", "change", "leave")
)


def test_a_plan_is_told_by_sign_word_and_colour() -> None:
    drawn = dict(plan_lines.lines(Plan(items=ITEMS), 80))
    assert [text(each)[3:4] for each in drawn.values()] == ["-", "+", "~", "="]
    assert [each[0].tone for each in drawn.values()] == ["bad", "good", "warn", "dim"]
    assert text(drawn["dev/change"]) == "   ~ change dev/change  svc/web"
    assert text(drawn["dev/stop"]) == "   - stop   dev/stop    svc/web"


def test_the_summary_counts_what_would_be_done() -> None:
    assert plan_lines.summary(Plan(items=ITEMS)) == "1 to stop, 1 to start, 1 to change"
    assert plan_lines.summary(Plan(items=ITEMS[3:])) == "nothing to do"


def test_a_refusal_is_a_line_a_reason_and_what_to_do() -> None:
    error = KfwdError("not all of it:\n/p/a.yaml:1:1: one;\nb/c: two", hint="make it")
    found = list(plan_lines.refusal(error, 80, without="/p/"))
    said = ["not all of it:", "a.yaml:1:1: one;", "b/c: two", "make it"]
    assert [text(each).strip() for each in found] == said
    assert [each[0].tone for each in found] == ["bad", "bad", "bad", "dim"]


@pytest.mark.parametrize("cells", [80, 120, 200])
def test_nothing_is_wider_than_the_screen(cells: int) -> None:
    long = PlanItem(id="dev/" + "x" * 300, action="start", text="日本" * 200)
    error = KfwdError("日本 " * 100 + "x" * 300, hint="y" * 300)
    drawn = [line for _, line in plan_lines.lines(Plan(items=(long,)), cells)]
    assert all(width(each) <= cells for each in [*drawn, *plan_lines.refusal(error, cells)])
