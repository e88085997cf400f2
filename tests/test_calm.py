"""The clock that leaves out what a busy machine makes everybody wait for."""

from __future__ import annotations

from pathlib import Path

from tests.calm import calm_s


def test_it_stands_still_while_somebody_waits_for_a_processor(tmp_path: Path) -> None:
    pressure = tmp_path / "cpu"
    pressure.write_text("some avg10=9.00 avg60=9.00 avg300=9.00 total=7000000\nfull total=0\n")
    before = calm_s(pressure)
    pressure.write_text("some avg10=9.00 avg60=9.00 avg300=9.00 total=99000000\nfull total=0\n")
    assert calm_s(pressure) - before < -50


def test_where_the_system_does_not_tell_it_goes_on(tmp_path: Path) -> None:
    before = calm_s(tmp_path / "none")
    assert before <= calm_s(tmp_path / "none") < before + 50
