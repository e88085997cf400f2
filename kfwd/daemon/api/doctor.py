"""What is broken, hop by hop."""

from __future__ import annotations

from collections.abc import AsyncGenerator
from contextlib import aclosing

from kfwd.api_doctor import AnyDoctorEvent, DoctorQuery
from kfwd.daemon.api.route import Call, Nothing, Route


async def get_doctor(call: Call[DoctorQuery, Nothing]) -> AsyncGenerator[AnyDoctorEvent, None]:
    """Walk the hops to an entry, or to all with a problem: each as it is walked, then a verdict."""
    async with aclosing(call.daemon.doctor.examine(call.query)) as events:
        async for event in events:
            yield event


ROUTES = (Route("GET", "/v1/doctor", get_doctor, AnyDoctorEvent, query=DoctorQuery, lines=True),)
