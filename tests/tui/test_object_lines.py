"""How objects look."""

from __future__ import annotations

from typing import Any

import pytest

from kfwd.api_model import ObjectPort, ObjectView
from kfwd.model import State
from kfwd.tui import object_lines
from kfwd.tui.pieces import text, width
from kfwd.tui.shelf import Section
from tests.standin import entry

PORTS = (ObjectPort(number=80, name="http"),)


def thing(kind: str, **more: Any) -> ObjectView:
    fields = {"namespace": "shop", "name": "web", "target": "svc/web", "ports": PORTS}
    return ObjectView(kind=kind, **(fields | more))


def row(view: ObjectView, *entries: Any, cells: int = 100, marked: bool = False) -> str:
    pieces = object_lines.row(view, entries, cells, marked=marked, everywhere=False)
    assert width(pieces) <= cells
    return text(pieces)


@pytest.mark.parametrize(
    ("kind", "ready", "total", "said"),
    [
        ("service", 3, 3, "● web"),
        ("service", 3, 3, "3 ready"),
        ("service", 1, 3, "◐ web"),
        ("service", 1, 3, "1 of 3"),
        ("service", 0, 0, "no pods"),
        ("pod", 1, 1, " ready"),
        ("pod", 0, 1, "◌ web"),
        ("pod", 0, 1, "not ready"),
    ],
)
def test_readiness_is_a_shape_and_a_word(kind: str, ready: int, total: int, said: str) -> None:
    assert said in row(thing(kind, ready=ready, total=total))


def test_a_row_says_what_there_is_and_what_leads_to_it() -> None:
    view = thing("service", note="headless")
    assert row(view, marked=True).startswith(" ✓ ")
    assert "http 80" in row(view)
    assert row(view).endswith("headless")
    assert row(view, entry("-/web")).rstrip().endswith("● localhost:8080")
    assert "+1" in row(view, entry("-/web", state=State.WAITING), entry("dev/web"))


@pytest.mark.parametrize("cells", [80, 120, 200])
def test_it_fits(cells: int) -> None:
    row(thing("pod", name="w" * 90, note="x" * 300), cells=cells)
    row(thing("ingress", name="名" * 60, note="x" * 300, target=None, ports=()), cells=cells)


def test_all_namespaces_show_which() -> None:
    pieces = object_lines.row(thing("pod"), (), 100, marked=False, everywhere=True)
    assert "shop/web" in text(pieces)


def test_workloads_have_their_kind_and_everything_is_told_below() -> None:
    view = thing("deployment", target="deploy/web", note="paused")
    assert "deploy/web" in row(view)
    about = object_lines.about(view, [entry("-/web")])
    assert about == "deployment shop/web · http 80 · paused · localhost:8080 ready"


def test_entries_are_found_by_what_they_lead_to() -> None:
    one = entry("-/web", context="dev", namespace="shop", target="service/web")
    api = entry("-/api", context="dev", target=None)
    other = entry("-/x", context="prod", namespace="shop", target="svc/web")
    assert object_lines.forwarded([one, api, other], "dev") == {("shop", "svc/web"): [one]}


def test_headings_count() -> None:
    section = Section(title="pods", shown=(thing("pod"),), all=12)
    assert text(object_lines.heading(section, 80)).strip() == "pods  1 of 12"
