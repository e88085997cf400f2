"""A free port stays an entry's own."""

from __future__ import annotations

from kfwd.daemon.kept_ports import MOST, KeptPorts


def test_a_port_is_remembered_for_its_entry_alone() -> None:
    table: dict[str, dict[str, int]] = {}
    changes: list[int] = []
    web = KeptPorts(table, "dev/web", lambda: changes.append(1))
    web.keep("http", 40001)
    assert web.get("http") == 40001
    assert KeptPorts(table, "dev/db", lambda: None).get("http") is None
    assert table == {"dev/web": {"http": 40001}}


def test_only_news_is_worth_saving() -> None:
    changes: list[int] = []
    kept = KeptPorts({}, "dev/web", lambda: changes.append(1))
    kept.keep("http", 40001)
    kept.keep("http", 40001)
    assert changes == [1]
    kept.keep("http", 40002)
    assert changes == [1, 1]


def test_the_oldest_are_forgotten_when_there_are_too_many() -> None:
    table: dict[str, dict[str, int]] = {}
    for number in range(MOST + 2):
        KeptPorts(table, f"dev/{number}", lambda: None).keep("http", 1)
    assert len(table) == MOST
    assert "dev/1" not in table
    assert f"dev/{MOST + 1}" in table
