"""What was written reads back, within bounds, and a damaged file is known as such."""

from __future__ import annotations

import sqlite3
from collections.abc import Iterator
from datetime import timedelta
from pathlib import Path

import pytest

from kfwd.api_history import HistoryItem
from kfwd.daemon import history_file
from kfwd.daemon.history_file import HOUR_S, Batch, Cut, HistoryFile, Spent, damaged
from tests.daemon.records import THEN

NOW = THEN.timestamp()


@pytest.fixture
def file(tmp_path: Path) -> Iterator[HistoryFile]:
    file = HistoryFile(tmp_path / "history.db")
    yield file
    file.close()


def item(text: str, about: str = "dev/web", after_s: float = 0) -> HistoryItem:
    return HistoryItem(at=THEN + timedelta(seconds=after_s), about=about, code="ready", text=text)


def cut(age_s: float, context: str = "dev", after_s: float = 0) -> Cut:
    at = THEN + timedelta(seconds=after_s)
    return Cut(at=at, context=context, pod="ns/web", age_s=age_s, idle_s=1.5, reason="it ended")


def texts(found: tuple[HistoryItem, ...]) -> list[str]:
    return [one.text for one in found]


def test_events_read_back_by_what_they_are_about_since_and_newest(file: HistoryFile) -> None:
    events = [item("a"), item("b", "dev/db", 1), item("c", after_s=2), item("d", after_s=3)]
    file.write(Batch(events=events), NOW)
    assert file.events("dev/web", None, 10) == (events[0], events[2], events[3])
    assert texts(file.events(None, None, 10)) == ["a", "b", "c", "d"]
    assert texts(file.events(None, None, 2)) == ["c", "d"]
    assert texts(file.events("dev/web", THEN + timedelta(seconds=2), 10)) == ["c", "d"]


def test_cuts_read_back_by_context(file: HistoryFile) -> None:
    file.write(Batch(cuts=[cut(60), cut(1, "prod"), cut(61)]), NOW)
    assert file.cuts("dev") == (cut(60), cut(61))
    assert file.cuts("none") == ()


def test_time_spent_adds_up_by_hours(file: HistoryFile) -> None:
    hour = int(NOW)
    assert hour % HOUR_S == 0
    file.write(Batch(spent={("dev/web", hour): Spent(10, 0), ("dev/db", hour): Spent(0, 1)}), NOW)
    file.write(Batch(spent={("dev/web", hour): Spent(5, 2)}), NOW)
    file.write(Batch(spent={("dev/web", hour + HOUR_S): Spent(100, 0)}), NOW)
    assert file.spent(hour + 1) == {"dev/web": Spent(115, 2), "dev/db": Spent(0, 1)}
    assert file.spent(hour + HOUR_S) == {"dev/web": Spent(100, 0)}


def test_it_outlives_the_process(file: HistoryFile) -> None:
    file.write(Batch(events=[item("a")]), NOW)
    file.close()
    again = HistoryFile(file.path)
    assert texts(again.events(None, None, 10)) == ["a"]
    again.close()


def test_what_had_no_end_when_a_process_was_killed_ends_at_its_last_write(
    file: HistoryFile,
) -> None:
    def stopped(about: str, code: str) -> HistoryItem:
        return HistoryItem(at=THEN, about=about, code=code, text=code)

    ends = [stopped("dev/a", "stopping"), stopped("dev/b", "paused"), stopped("context x", "ok")]
    begun = [item("up", about) for about in ("dev/web", "dev/a", "dev/b")]
    file.write(Batch(events=[*begun, *ends], anew=True), NOW)
    file.write(Batch(events=[item("pod", "dev/db")]), NOW + 60)
    again = Batch(events=[item("up", after_s=100)], anew=True)
    file.write(again, NOW + 100)
    found = file.events(None, THEN + timedelta(seconds=1), 10)
    assert [(one.about, one.code, one.at - THEN) for one in found] == [
        ("dev/db", "unknown", timedelta(seconds=60)),
        ("dev/web", "unknown", timedelta(seconds=60)),
        ("dev/web", "ready", timedelta(seconds=100)),
    ]
    file.write(Batch(anew=True), NOW + 200)
    since = THEN + timedelta(seconds=100)
    assert [one.about for one in file.events(None, since, 10)] == ["dev/web", "dev/web"]


def test_two_processes_may_write(file: HistoryFile) -> None:
    other = HistoryFile(file.path)
    file.write(Batch(events=[item("a")]), NOW)
    other.write(Batch(events=[item("b")]), NOW)
    assert texts(file.events(None, None, 10)) == ["a", "b"]
    other.close()


def test_only_the_owner_may_read_it(file: HistoryFile) -> None:
    file.write(Batch(events=[item("a")]), NOW)
    modes = {path.name: path.stat().st_mode & 0o777 for path in file.path.parent.iterdir()}
    assert modes == dict.fromkeys(["history.db", "history.db-wal", "history.db-shm"], 0o600)


def test_what_is_older_than_a_month_goes(file: HistoryFile) -> None:
    day = 86400
    old = Batch(
        events=[item("a"), item("b", after_s=2 * day)],
        cuts=[cut(60), cut(61, after_s=2 * day)],
        spent={("dev/web", int(NOW)): Spent(1, 0), ("dev/web", int(NOW) + 2 * day): Spent(2, 0)},
    )
    file.write(old, NOW)
    file.write(Batch(), NOW + 31 * day)
    assert texts(file.events(None, None, 10)) == ["b"]
    assert [one.age_s for one in file.cuts("dev")] == [61]
    assert file.spent(0) == {"dev/web": Spent(2, 0)}


def test_the_oldest_rows_beyond_the_bound_go(
    file: HistoryFile, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(history_file, "ROWS", {"events": 2, "cuts": 1, "spent": 1})
    spent = {("a", int(NOW)): Spent(1, 0), ("b", int(NOW)): Spent(2, 0)}
    file.write(Batch([item("a"), item("b"), item("c")], [cut(1), cut(2)], spent), NOW)
    assert texts(file.events(None, None, 10)) == ["b", "c"]
    assert [one.age_s for one in file.cuts("dev")] == [2]
    assert file.spent(0) == {"b": Spent(2, 0)}


def test_the_file_has_a_size_that_it_never_exceeds(
    file: HistoryFile, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(history_file, "PAGES", 30)
    with pytest.raises(sqlite3.OperationalError, match="full"):
        file.write(Batch(events=[item("x" * 500) for _ in range(1000)]), NOW)
    assert file.events(None, None, 10) == ()
    assert file.path.stat().st_size <= 30 * 4096


def test_a_long_text_is_cut(file: HistoryFile) -> None:
    file.write(Batch(events=[item("x" * 10_000)]), NOW)
    assert texts(file.events(None, None, 1)) == ["x" * history_file.TEXT_MAX]


def test_a_damaged_file_is_told_from_one_that_cannot_be_written(file: HistoryFile) -> None:
    file.path.write_bytes(b"this is no database" * 100)
    with pytest.raises(sqlite3.DatabaseError) as error:
        file.write(Batch(events=[item("a")]), NOW)
    assert damaged(error.value)
    aside = file.set_aside()
    assert aside.read_bytes().startswith(b"this is no")
    file.write(Batch(events=[item("a")]), NOW)
    assert texts(file.events(None, None, 10)) == ["a"]
    assert not damaged(sqlite3.OperationalError("unable to open database file"))
    assert not damaged(OSError())
