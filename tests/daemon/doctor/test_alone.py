"""The way to an API server without a daemon."""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path

import msgspec

from kfwd.api_doctor import AnyDoctorEvent, Diagnosis, DoctorQuery
from kfwd.daemon.doctor.alone import examine
from kfwd.sim import kubeconfig
from kfwd.sim.cluster import Cluster, Options


async def test_the_way_is_walked_as_a_daemon_would(tmp_path: Path) -> None:
    sim = Cluster(Options())
    kubeconfig.write(tmp_path / "kubeconfig", await sim.start())
    query = DoctorQuery(kubeconfig=(str(tmp_path / "kubeconfig"),))
    *steps, last = [event async for event in examine(query, {})]
    await sim.close()
    assert last == Diagnosis(well=True, exit_code=0)
    assert [step.hop for step in steps if step.state == "ok"] == [  # type: ignore[union-attr]  # all but the last
        "kubeconfig",
        "tcp",
        "tls",
        "login",
        "api",
    ]


def test_as_a_program_it_reads_a_query_and_writes_lines() -> None:
    done = subprocess.run(
        [sys.executable, "-P", "-m", "kfwd.daemon.doctor.alone"],
        input=msgspec.json.encode(DoctorQuery(kubeconfig=("/nowhere",))),
        env=dict(os.environ),
        capture_output=True,
        timeout=30,
        check=True,
    )
    decoder = msgspec.json.Decoder(AnyDoctorEvent)
    step, last = [decoder.decode(line) for line in done.stdout.splitlines()]
    assert (step.hop, step.code) == ("kubeconfig", "no-kubeconfig")  # type: ignore[union-attr]
    assert isinstance(last, Diagnosis)
    assert last.exit_code == 1
