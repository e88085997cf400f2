"""Figures become results; results are compared and drawn."""

from __future__ import annotations

from pathlib import Path
from xml.etree import ElementTree as ET

import pytest

from bench import report
from kfwd.measure.figures import Figure, Result


def results(rate: float, cpu: float) -> list[Result]:
    faster = Figure("bulk <up>", "MB/s", ">= 1.3")
    faster.add(rate * 100, 100)
    cheaper = Figure("CPU", "s", "<= 0.6")
    cheaper.add(cpu, 1.0)
    alone = Figure("kfwd ls", "ms", "<= 150")
    alone.add(90)
    alone.add(110)
    return report.results([faster, cheaper, alone])


def test_results_hold_medians_and_spread() -> None:
    faster, cheaper, alone = results(1.5, 0.5)
    assert (faster.kfwd, faster.kubectl, faster.ratio, faster.higher) == (150, 100, 1.5, True)
    assert not cheaper.higher
    assert (alone.kfwd, alone.kubectl, alone.ratio, alone.spread) == (100, None, None, 0.2)


def test_only_ratios_that_are_much_worse_are_told() -> None:
    before = results(1.5, 0.5)
    assert report.worse(before, results(1.4, 0.55)) == []
    assert report.worse(before, results(2.5, 0.1)) == []
    assert report.worse(before, results(1.2, 0.6)) == [
        "bulk <up>: the ratio was 1.50 and is 1.20",
        "CPU: the ratio was 0.50 and is 0.60",
    ]
    assert report.worse([], before) == []


def test_what_is_kept_is_read_again(tmp_path: Path) -> None:
    path = tmp_path / "figures.json"
    path.write_bytes(report.encode(results(1.5, 0.5)))
    assert report.load(path) == results(1.5, 0.5)


def test_the_picture_has_a_bar_for_each_ratio() -> None:
    root = ET.fromstring(report.picture(results(1.5, 0.5)))
    bars = [each for each in root if each.tag.endswith("rect")][1:]
    assert [int(bar.attrib["width"]) for bar in bars] == [300, 100]
    words = [text.text for text in root.iter("{http://www.w3.org/2000/svg}text")]
    assert words == ["bulk <up>", "1.50", "CPU", "0.50", "kubectl = 1"]


def test_the_table_says_what_reaches_its_goal() -> None:
    lines = report.table(results(1.5, 0.7)).splitlines()
    assert lines[2] == "| bulk <up> | MB/s | 150 | 100 | 1.50 | >= 1.3 | yes |"
    assert lines[3].endswith("| <= 0.6 | **no** |")


def test_the_table_takes_the_place_of_the_last_one() -> None:
    page = "before\n<!-- figures -->\nold\n<!-- end of figures -->\nafter\n"
    assert report.placed(page, "new") == page.replace("old", "new")
    with pytest.raises(ValueError, match="has no"):
        report.placed("no place", "new")
