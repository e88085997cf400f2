"""`make bench`: kfwd beside kubectl on the simulated cluster, one table at the end."""

from __future__ import annotations

import argparse
import sys
import time
from collections.abc import Callable
from pathlib import Path

from bench import bulk, connects, floor, idle, lives, report, requests, watch
from bench.harness import Rig, rig
from kfwd.measure.figures import Figure

FORWARDS = [1, 50, 200, 500]

Part = Callable[[Rig, int], list[Figure]]
PARTS: dict[str, Part] = {
    "floor": lambda rig, runs: floor.measure(rig, runs, 512 << 20),
    "bulk": lambda rig, runs: bulk.measure(rig, runs, 512 << 20),
    "connects": connects.measure,
    "requests": lambda rig, runs: requests.measure(rig, runs, 2000),
    "commands": lives.commands,
    "recovery": lives.recovery,
    "restarts": lives.restarts,
    "kills": lambda rig, runs: lives.killed(rig, runs, 100),
    "watch": watch.measure,
    "idle": lambda rig, _: idle.measure(rig, FORWARDS),
}
"""In this order: what would disturb others comes last."""

SIMULATED_ONLY = {"watch"}


def main() -> None:
    parser = argparse.ArgumentParser(prog="bench")
    parser.add_argument("parts", nargs="*", help=f"of: {', '.join(PARTS)}; all if none is named")
    parser.add_argument("--runs", type=int, default=3)
    parser.add_argument("--json", type=Path, help="write the results here, for a later --check")
    parser.add_argument("--picture", type=Path, help="draw the ratios here, as SVG")
    parser.add_argument("--page", type=Path, help="put the table into this page")
    parser.add_argument("--check", type=Path, help="fail if a ratio is over 15 %% worse than here")
    options = parser.parse_args()
    if unknown := set(options.parts) - set(PARTS):
        parser.error(f"no such part: {', '.join(sorted(unknown))}")
    with rig() as running:
        found = report.results(measure(running, options.parts or list(PARTS), options.runs))
    print(report.table(found))
    if options.json:
        options.json.write_bytes(report.encode(found))
    if options.picture:
        options.picture.write_text(report.picture(found))
    if options.page:
        options.page.write_text(report.placed(options.page.read_text(), report.table(found)))
    if options.check and (worse := report.worse(report.load(options.check), found)):
        sys.exit("\n".join(worse))


def measure(running: Rig, parts: list[str], runs: int) -> list[Figure]:
    figures = []
    for part in parts:
        if running.simulated or part not in SIMULATED_ONLY:
            print(f"{time.strftime('%H:%M:%S')} {part}", file=sys.stderr, flush=True)
            figures += PARTS[part](running, runs)
    return figures


if __name__ == "__main__":
    main()
