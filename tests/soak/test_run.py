"""A short soak; `make soak` has the long one."""

from __future__ import annotations

import pytest

from tests.soak.figures import Figure, summary
from tests.soak.run import Extent, run

SHORT = Extent(
    windows=1,
    window_s=0.7,
    least=None,  # other tests run beside this one
    connections=200,
    refusals=5,
    slow_s=5.0,
    patient=False,
    turns=3,
    age_s=0.3,
)


def test_a_figure_beyond_its_bound_is_told_in_its_line_and_in_the_last() -> None:
    good, bad = Figure(name="a", value=2, most=2), Figure(name="b", value=0.2, unit="x", least=0.5)
    assert (good.good, bad.good) == (True, False)
    assert "EXCEEDED" not in str(good)
    assert str(bad).split() == ["b", "0.2", "x", "at", "least", "0.5", "EXCEEDED"]
    assert summary([good, bad]) == "soak: 2 figures, 1 exceeded: b"
    assert summary([good]) == "soak: 1 figures, 0 exceeded"


@pytest.mark.slow
@pytest.mark.timeout(120)
async def test_nothing_is_exceeded_in_a_short_soak() -> None:
    figures = [figure async for figure in run(SHORT)]
    assert all(figure.good for figure in figures), "\n".join(map(str, figures))
