"""A clock for what may take so and so long: it stands still while anybody waits for a processor.

What a busy machine makes everybody wait for is no fault of the thing under test; what that waits
for by itself (a pause, a time-out, an answer that does not come) counts whole.
"""

from __future__ import annotations

import time
from pathlib import Path

PRESSURE = Path("/proc/pressure/cpu")
"""Linux with PSI (`Documentation/accounting/psi.rst`); elsewhere the clock goes on all the time."""


def calm_s(pressure: Path = PRESSURE) -> float:
    """Seconds since some moment."""
    now = time.monotonic()
    try:
        some = pressure.read_text().partition("\n")[0]
    except OSError:
        return now
    return now - int(some.rpartition("total=")[2]) / 1e6
