"""The hops as a stream."""

from __future__ import annotations

import msgspec

from kfwd.api_doctor import AnyDoctorEvent, Diagnosis
from tests.daemon.rig import Rig


async def test_hops_come_as_lines_and_the_verdict_last(rig: Rig) -> None:
    await rig.add("db")
    async with rig.http.get("http://kfwd/v1/doctor?entry=-/db") as answer:
        assert answer.content_type == "application/jsonl"
        decoder = msgspec.json.Decoder(AnyDoctorEvent)
        *steps, last = [decoder.decode(line) for line in (await answer.read()).splitlines()]
    assert isinstance(last, Diagnosis)
    assert [(each.about, each.hop, each.code) for each in last.findings] == [
        ("dev", "tcp", "connect-failed")
    ]
    told = [(step.hop, step.state) for step in steps if step.about == "dev"]  # type: ignore[union-attr]
    assert told[:5] == [
        ("kubeconfig", "running"),
        ("kubeconfig", "ok"),
        ("dns", "running"),
        ("dns", "skipped"),
        ("tcp", "running"),
    ]


async def test_who_is_not_there_and_what_is_not_understood(rig: Rig) -> None:
    status, body = await rig.call("GET", "/v1/doctor?entry=-/none")
    assert (status, body["error"]["exit_code"]) == (404, 4)
    assert (await rig.call("GET", "/v1/doctor?what=1"))[0] == 400
