"""Everything about an entry, as lines."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from typing import Any

import pytest

from kfwd.api_doctor import Fact
from kfwd.api_history import HistoryItem
from kfwd.api_model import ConnectionView, LogLine
from kfwd.model import (
    Bytes,
    Connections,
    ContextState,
    ContextView,
    PortView,
    Problem,
    State,
)
from kfwd.tui import detail_lines
from kfwd.tui.detail_lines import SHOWN, Known, sections, title
from kfwd.tui.picture import Rates
from kfwd.tui.pieces import text, width
from kfwd.tui.sheet import items
from tests.standin import entry
from tests.tui.test_request_lines import asked

NOW = datetime(2026, 1, 1, 12, tzinfo=UTC)


def ago(**span: float) -> datetime:
    return NOW - timedelta(**span)


def known(entry_changes: dict[str, Any] | None = None, **changes: Any) -> Known:
    about = {"since": ago(hours=4), **(entry_changes or {})}
    return Known(**{"entry": entry(**about), "now": NOW, **changes})


def page(of: Known, cells: int = 100) -> str:
    return "\n".join(text(item.draw(cells)) for item in items(sections(of, cells)))


def connection(number: int = 1, **changes: Any) -> ConnectionView:
    told: dict[str, Any] = {
        "client": f"127.0.0.1:{50000 + number}",
        "listen": "127.0.0.1:8080",
        "pod": "web-0",
        "port": 80,
        "state": "open",
        "since": ago(seconds=number),
        "bytes": Bytes(received=12_100, sent=3200),
    }
    return ConnectionView(**(told | changes))


def test_the_first_line_says_what_and_where_and_since_when() -> None:
    history = (
        HistoryItem(at=ago(hours=2), code="waiting", text=""),
        HistoryItem(at=ago(minutes=5), code="ready", text=""),
        HistoryItem(at=ago(minutes=1), code="ready", text=""),
    )
    left, right = title(known(history=history))
    assert text(left) == " dev/web   ● ready 5m"
    assert text(right) == "kind ▸ shop · svc/web "
    assert text(title(known())[0]) == " dev/web   ● ready 4h0m", (
        "as long as it is there, for all we know"
    )


def test_what_is_wrong_comes_first_with_what_to_do_about_it() -> None:
    wrong = Problem(
        code="login-needed",
        severity="error",
        text="login to prod has expired",
        hint="aws sso login",
        since=ago(minutes=3),
    )
    told = known({"problem": wrong, "state": State.WAITING}, keys=(("L", "log in"),))
    assert page(told).splitlines()[:3] == [
        " ! login to prod has expired (for 3m)",
        "   aws sso login",
        "   L log in ",
    ]


def test_local_ports_and_how_to_use_them() -> None:
    ports = (
        PortView(listen=("127.0.0.1:5432", "[::1]:5432"), remote="pg", port=5432),
        PortView(listen=("127.0.0.1:81",), remote="81", port=81),
        PortView(listen=(), remote="82", port=None),
    )
    lines = page(known({"ports": ports})).splitlines()
    assert lines[0].startswith(" local       ◌ localhost:5432 → pg (5432)")
    assert lines[1].startswith(" local       ◌ 127.0.0.1:81 → 81")
    assert lines[2].startswith(" psql        psql -h localhost -p 5432")
    (_, local, *_) = sections(known({"ports": ports}), 80)
    assert [row.copies for row in local.rows] == [
        "localhost:5432",
        "localhost:81",
        "psql -h localhost -p 5432",
    ]


def test_each_thing_that_it_needs_is_a_line() -> None:
    facts = (
        Fact(part="listener", state="ok", text="listens on 127.0.0.1:8080"),
        Fact(part="context", state="ok", text="10.0.0.1:443 answers", latency_ms=3.14),
        Fact(part="pod", state="unused", text="needs none"),
        Fact(part="session", state="ok", text="up over spdy", latency_ms=4.0),
        Fact(part="backend", state="broken", text="refused", code="port-refused", hint="look"),
    )
    context = ContextView(
        name="kind",
        server="https://10.0.0.1",
        state=ContextState.OK,
        latency_ms=3.1,
        transport="spdy",
        login_expires=NOW + timedelta(hours=7),
    )
    lines = page(known({"reconnects": 2}, facts=facts, context=context)).splitlines()
    assert " local       ● localhost:8080 → http (80)" in lines
    assert lines[2:6] == [
        " context     ● kind · login valid for 7h · 10.0.0.1:443 answers · 3.1 ms",
        " session     ● up over spdy · 4.0 ms · reconnected 2 times",
        " back end    ✖ refused",
        "               look",
    ]


def test_a_listener_that_is_in_trouble_has_a_line_of_its_own() -> None:
    facts = (Fact(part="listener", state="broken", text="port 8080 is in use"),)
    found = page(known(facts=facts))
    assert " local       ✖ localhost:8080" in found
    assert " listener    ✖ port 8080 is in use" in found


def test_rates_are_drawn_with_their_peak() -> None:
    rates = Rates(down=8.1e6, up=0, history=(0.0,) * 59 + (8.1e6,))
    found = page(known({"bytes": Bytes(received=12_000_000)}, rates=rates))
    assert " 8.1 MB/s  peak  8.1 MB/s  12 MB in all" in found
    assert "    0 B/s  peak     0 B/s  0 B in all" in found


def test_connections_are_newest_first_and_bounded() -> None:
    many = tuple(connection(number) for number in range(SHOWN + 3))
    named = connection(pid=4121, process="psql")
    lines = page(known({"connections": Connections(open=1, total=9)}, connections=(named,)), 80)
    assert " connections  1 open, 0 waiting, 9 so far, 0 failed" in lines
    assert (
        "   ● psql (4121)        web-0              127.0.0.1:50001   12 kB  3.2 kB   1s" in lines
    )
    found = page(known(connections=many))
    assert found.index(":50000 ") < found.index(":50001 ")
    assert "and 3 more" in found
    assert "none now" in page(known())
    waiting = connection(pod=None, state="waiting")
    assert "   ◌ -                  -  " in page(known(connections=(waiting,)), 80)


def test_requests_are_there_where_they_are_kept() -> None:
    assert "requests" not in page(known())
    assert "none yet" in page(known(requests=()))
    found = page(known(requests=tuple(asked(path=f"/{number}") for number in range(9))))
    assert "/8" in found
    assert "/3" not in found


def test_events_and_log_are_newest_first() -> None:
    history = (
        HistoryItem(at=ago(minutes=9), code="waiting", text="waiting"),
        HistoryItem(at=ago(minutes=5), code="endpoint-added", text="web-1 can be used"),
    )
    log = tuple(
        LogLine(time=ago(minutes=at), level=level, logger="x", text=said)
        for at, level, said in ((2, "info", "ready"), (1, "warning", "went\naway"))
    )
    found = page(known(history=history, log=log))
    places = [
        "· endpoint-added: web-1 can be used",
        "◌ waiting",
        "warning went away",
        "info    ready",
    ]
    assert sorted(places, key=found.index) == places


@pytest.mark.parametrize("cells", [80, 120, 300])
def test_no_line_is_too_wide(cells: int) -> None:
    told = known(
        {"name": "日本" * 60, "target": "svc/" + "x" * 300},
        connections=(connection(process="y" * 64, pid=1),),
        requests=(asked(path="/" + "z" * 500),),
    )
    for item in items(sections(told, cells)):
        assert width(item.draw(cells)) <= cells


def test_every_state_of_a_part_has_a_shape() -> None:
    from typing import get_args

    from kfwd.api_doctor import PartState

    assert set(detail_lines.FACTS) == set(get_args(PartState))
