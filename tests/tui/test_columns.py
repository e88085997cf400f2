"""The overview's columns at every width."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from typing import Any

import pytest

from kfwd.model import Bytes, Connections, EndpointView, PortView, Problem, State
from kfwd.tui.columns import Facts, heading, layout, problem, row
from kfwd.tui.picture import QUIET, Rates
from kfwd.tui.pieces import Pieces, text, width
from tests.standin import entry

NOW = datetime(2026, 1, 1, 12, tzinfo=UTC)


def line(cells: int = 160, rates: Rates = QUIET, **changes: Any) -> str:
    return text(drawn(cells, rates, **changes))


def drawn(cells: int, rates: Rates = QUIET, **changes: Any) -> Pieces:
    since = NOW - timedelta(hours=4)
    return row(Facts(entry(**{"since": since, **changes}), rates, NOW), cells)


@pytest.mark.parametrize("cells", range(80, 301))
def test_a_row_fits_and_what_is_wide_is_used(cells: int) -> None:
    assert width(heading(cells)) <= cells
    used = width(drawn(cells, name="日本" * 40, target="svc/" + "x" * 300))
    assert cells - 12 <= used <= cells


def test_at_80_columns_pod_up_reconnects_and_age_go() -> None:
    titles = [column.title for column, _ in layout(80)]
    assert titles == ["NAME", "STATE", "LOCAL", "TARGET", "CONNS", "DOWN"]
    assert {"POD", "UP", "↻", "AGE"} <= {column.title for column, _ in layout(120)}
    assert {"NAMESPACE", "VIA"} <= {column.title for column, _ in layout(200)}


def test_a_row_says_everything() -> None:
    pods = tuple(EndpointView(pod=f"web-{n}", address=None, ready=True, open=0) for n in (0, 1))
    rates = Rates(down=8.1e6, up=22e3, history=(0.0,) * 59 + (8.1e6,))
    found = line(rates=rates, endpoints=pods, reconnects=2, connections=Connections(open=3))
    words = ["web", "● ready", "localhost:8080", "svc/web:http", "shop", "web-0 +1", "tunnel/spdy"]
    places = [found.index(word) for word in [*words, "3", "█", "8.1 MB/s", "22 kB/s", "2 ", "4h"]]
    assert places == sorted(places)


def test_what_waits_is_counted_with_what_is_open() -> None:
    assert "1+2◌" in line(connections=Connections(open=1, waiting=2), bytes=Bytes())


def test_several_ports_are_the_first_and_a_number() -> None:
    ports = tuple(PortView(listen=(f"127.0.0.1:{n}",), remote="x", port=1) for n in (80, 81))
    found = line(ports=ports)
    assert "127.0.0.1:80 +1" in found
    assert "svc/web " in found


@pytest.mark.parametrize(("kind", "said"), [("proxy", "API server"), ("gateway", "the cluster")])
def test_without_a_target_it_is_said_what_is_behind(kind: str, said: str) -> None:
    assert said in line(kind=kind, target=None)


def test_nothing_is_a_dash() -> None:
    assert " - " in line(ports=(), via=None, transport=None)


def test_the_line_below_says_what_is_wrong() -> None:
    wrong = Problem(code="x", severity="error", text="no ready endpoint\nsince 12 min")
    found = problem(entry(state=State.WAITING, problem=wrong), 30)
    assert text(found) == "     └ no ready endpoint si…  "
    assert found[1].tone == "bad"
    assert problem(entry(), 30) == ()


def test_where_a_login_mends_it_the_key_stands_at_its_end() -> None:
    wrong = Problem(
        code="login-needed", severity="error", text="the login plugin failed " + "x" * 80
    )
    found = text(problem(entry(problem=wrong), 60, login=True))
    assert found.startswith("     └ the login plugin failed x")
    assert found.endswith("x… L logs in ")
    assert len(found) == 60


def test_no_cell_is_left_over() -> None:
    for cells in range(80, 301):
        assert 3 + sum(size + 1 for _, size in layout(cells)) == cells
