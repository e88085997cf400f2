"""Lines as data, the newest in memory, no secrets, no endless repeats."""

from __future__ import annotations

import asyncio
import logging
import re
from collections.abc import Iterator
from pathlib import Path

import msgspec
import pytest

from kfwd.api_model import LogLine
from kfwd.daemon import logs
from kfwd.daemon.logs import FOLLOWER_QUEUE, QUIET_S, Logs, Repeats, Ring

log = logging.getLogger("kfwd.test")


@pytest.fixture
def kept(tmp_path: Path) -> Iterator[Logs]:
    kept = Logs(tmp_path / "kfwd.log")
    yield kept
    kept.close()


def lines_of(file: Path) -> list[LogLine]:
    return [msgspec.json.decode(line, type=LogLine) for line in file.read_bytes().splitlines()]


def texts(lines: list[LogLine]) -> list[str]:
    return [line.text for line in lines]


def test_a_line_says_what_it_is_about(kept: Logs, tmp_path: Path) -> None:
    log.warning("it is %s", "late", extra={"entry": "dev/web", "context": "dev"})
    (line,) = kept.ring.tail(10)
    assert (line.level, line.logger, line.text) == ("warning", "kfwd.test", "it is late")
    assert (line.entry, line.context, line.error) == ("dev/web", "dev", None)
    assert lines_of(tmp_path / "kfwd.log") == [line]


def test_two_daemons_move_the_file_only_once(
    kept: Logs, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The old one carries its connections to their end while the new one writes too."""
    monkeypatch.setattr(logs, "FILE_BYTES", 1300)
    old, new = (logs.RotatedFile(tmp_path / "both.log") for _ in range(2))

    def line(text: str) -> logging.LogRecord:
        return logging.LogRecord("kfwd.test", logging.INFO, "", 0, text, None, None)

    old.emit(line("first"))
    for number in range(15):
        new.emit(line(f"new {number:02}"))
    old.emit(line("last"))
    new.emit(line("end"))
    old.close()
    new.close()
    (moved,) = tmp_path.glob("both.log.*")
    written = texts(lines_of(moved) + lines_of(tmp_path / "both.log"))
    assert written == ["first", *(f"new {number:02}" for number in range(15)), "last", "end"]
    assert texts(lines_of(tmp_path / "both.log"))[-2:] == ["last", "end"]


def test_a_traceback_is_part_of_its_line(kept: Logs) -> None:
    try:
        raise ValueError("odd")
    except ValueError:
        log.exception("it failed")
    (line,) = kept.ring.tail(10)
    assert line.error is not None
    assert line.error.endswith("ValueError: odd")


def test_what_steers_a_terminal_is_escaped_in_the_file(kept: Logs, tmp_path: Path) -> None:
    """People read it with `cat`."""
    log.warning("a server said %s", "\x1b[2J\x9b31m\u202e\n")
    data = (tmp_path / "kfwd.log").read_bytes()
    assert re.findall("[\x00-\x09\x0b-\x1f\x7f-\x9f\u202e]", data.decode()) == []
    assert texts(lines_of(tmp_path / "kfwd.log")) == texts(kept.ring.tail(1))


def test_the_tail_is_the_newest_oldest_first_and_of_one_entry_if_asked(kept: Logs) -> None:
    for number in range(4):
        log.info("line %d", number, extra={"entry": "dev/a" if number % 2 else "dev/b"})
    assert texts(kept.ring.tail(2)) == ["line 2", "line 3"]
    assert texts(kept.ring.tail(9, "dev/a")) == ["line 1", "line 3"]
    assert kept.ring.tail(0) == []


def test_the_ring_is_bounded() -> None:
    ring = Ring(3)
    for number in range(5):
        ring.emit(record(f"{number}", number))
    assert texts(ring.tail(10)) == ["2", "3", "4"]


def test_other_libraries_warnings_are_kept_and_their_chatter_is_not(kept: Logs) -> None:
    logging.getLogger("aiohttp.server").error("broken")
    logging.getLogger("asyncio").info("chatter")
    assert texts(kept.ring.tail(10)) == ["broken"]


def test_after_close_nothing_is_kept_and_nothing_is_changed(tmp_path: Path) -> None:
    before = logging.getLogger().handlers[:], logging.getLogger("kfwd").level
    kept = Logs(tmp_path / "kfwd.log")
    kept.close()
    assert (logging.getLogger().handlers, logging.getLogger("kfwd").level) == before


def test_what_looks_like_a_secret_is_masked_in_lines_and_tracebacks(kept: Logs) -> None:
    try:
        raise RuntimeError("sent Bearer hunter2")
    except RuntimeError:
        log.exception("proxy http://me:hunter2@proxy:3128 refused")
    (line,) = kept.ring.tail(10)
    assert line.text == "proxy http://me:***@proxy:3128 refused"
    assert "sent Bearer ***" in (line.error or "")
    assert "hunter2" not in (line.error or "")


def record(text: str, at: float, entry: str | None = None) -> logging.LogRecord:
    fields = {"msg": text, "created": at, "entry": entry, "levelno": logging.INFO, "name": "kfwd"}
    return logging.makeLogRecord(fields)


def test_a_repeat_is_held_back_for_a_minute_and_only_for_its_own_entry() -> None:
    repeats = Repeats()
    passed = [
        repeats.filter(record("down", 1.0)),
        repeats.filter(record("down", 2.0)),
        repeats.filter(record("down", 3.0, "dev/web")),
        repeats.filter(record("up", 4.0)),
        repeats.filter(record("down", 5.0)),
        repeats.filter(record("down", 5.0 + QUIET_S)),
    ]
    assert passed == [True, False, True, True, True, True]


async def test_a_follower_gets_lines_from_other_threads_too(kept: Logs) -> None:
    follower = kept.ring.follow()
    log.info("one")
    await asyncio.to_thread(log.info, "two")
    async with asyncio.timeout(5):
        assert [(await anext(follower)).text for _ in range(2)] == ["one", "two"]
    follower.close()
    log.info("three")
    assert [line async for line in follower] == []


async def test_a_follower_that_does_not_read_is_cut_off(kept: Logs) -> None:
    follower = kept.ring.follow()
    for number in range(FOLLOWER_QUEUE + 1):
        log.info("line %d", number)
    await asyncio.sleep(0)
    await asyncio.sleep(0)
    async with asyncio.timeout(5):
        assert len([line async for line in follower]) == 0


def test_the_file_is_rotated(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(logs, "FILE_BYTES", 1000)
    kept = Logs(tmp_path / "kfwd.log")
    for number in range(100):
        log.info("line %d of many", number)
    kept.close()
    files = sorted(path.name for path in tmp_path.iterdir())
    assert files == ["kfwd.log", *(f"kfwd.log.{n}" for n in range(1, logs.FILES))]


def test_a_full_disk_costs_the_line_in_the_file_only(
    kept: Logs, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    def full(self: object) -> None:
        raise OSError(28, "No space left on device")

    monkeypatch.setattr(logs.RotatedFile, "flush", full)
    log.info("kept in memory")
    monkeypatch.undo()
    assert texts(kept.ring.tail(1)) == ["kept in memory"]
    assert capsys.readouterr().err == ""
