"""`make fuzz`: every target for `FUZZ_S` seconds, as many at a time as there are cores.

An exception that a target does not expect, an input that takes longer than `INPUT_S` and a process
that grows beyond `RSS_MB` are findings; the input is left in `.fuzz/TARGET-findings`. What else was
found goes on from run to run in `.fuzz/TARGET`; `python -m tests.fuzz keep` copies what of it
reaches more code than the corpus does into that. `FUZZ` names targets, all by default.
"""

from __future__ import annotations

import os
import re
import subprocess
import sys
import tempfile
import time
from collections.abc import Sequence
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import NamedTuple

from tests.fuzz import keep, target

WORK = Path(".fuzz")
SECONDS = int(os.environ.get("FUZZ_S", "600"))
INPUT_S = 5
RSS_MB = 512
MAX_LEN = 8192
JOBS = os.cpu_count() or 1
GRACE_S = 120


class Run(NamedTuple):
    """What came of one target. `finding` is the last words of one that failed."""

    name: str
    inputs: int
    seconds: float
    peak_mb: int
    finding: str


def fuzz(name: str) -> Run:
    found, findings = WORK / name, WORK / f"{name}-findings"
    found.mkdir(parents=True, exist_ok=True)
    findings.mkdir(exist_ok=True)
    with tempfile.TemporaryDirectory() as seeds:
        for number, seed in enumerate(target.load(name).seeds()):
            (Path(seeds) / str(number)).write_bytes(seed)
        folders = [str(found), str(target.CORPUS / name), seeds]
        return run(name, [*flags(findings), *(path for path in folders if Path(path).exists())])


def flags(findings: Path) -> list[str]:
    return [
        f"-max_total_time={SECONDS}",
        f"-timeout={INPUT_S}",
        f"-rss_limit_mb={RSS_MB}",
        f"-max_len={MAX_LEN}",
        f"-artifact_prefix={findings}/",
        "-print_final_stats=1",
        "-verbosity=1",
    ]


def run(name: str, arguments: Sequence[str]) -> Run:
    command = [sys.executable, "-m", "tests.fuzz.child", name, *arguments]
    started = time.monotonic()
    try:
        ended = subprocess.run(command, capture_output=True, timeout=SECONDS + GRACE_S, check=False)
        said, failed = (ended.stdout + ended.stderr).decode(errors="replace"), ended.returncode
    except subprocess.TimeoutExpired as error:
        said, failed = (error.stderr or b"").decode(errors="replace") + "\nit did not end", 1
    return Run(
        name,
        number(said, "number_of_executed_units"),
        time.monotonic() - started,
        number(said, "peak_rss_mb"),
        last_words(said) if failed else "",
    )


def number(said: str, what: str) -> int:
    found = re.search(rf"stat::{what}:\s*(\d+)", said)
    return int(found[1]) if found else 0


def last_words(said: str) -> str:
    """From the exception on, or the end of what was said."""
    for start in ("Uncaught Python exception", "ERROR: libFuzzer"):
        if start in said:
            return said[said.index(start) :].split("\nINFO: ")[0][:4000]
    return said[-2000:]


def main() -> int:
    names = os.environ.get("FUZZ", "").split() or target.names()
    if sys.argv[1:] == ["keep"]:
        for name in names:
            print(f"{name:12} {keep.keep(name, WORK / name)} inputs kept", flush=True)
        return 0
    runs = []
    with ThreadPoolExecutor(JOBS) as pool:
        for each in pool.map(fuzz, names):
            runs.append(each)
            rate = each.inputs / each.seconds
            verdict = "FAILED" if each.finding else "ok"
            print(
                f"{each.name:12} {each.inputs:10} inputs {rate:7.0f}/s"
                f" {each.peak_mb:4} MB  {verdict}",
                flush=True,
            )
            if each.finding:
                print(each.finding, flush=True)
    failed = sum(bool(each.finding) for each in runs)
    inputs = sum(each.inputs for each in runs)
    print(f"fuzz: {len(runs)} targets, {SECONDS} s each, {inputs} inputs, {failed} findings")
    return 1 if failed else 0


if __name__ == "__main__":
    sys.exit(main())
