"""What happened, and how much of the time entries served."""

from __future__ import annotations

from datetime import datetime
from typing import Annotated

from msgspec import Meta, Struct

from kfwd.api_history import AvailabilityList, History
from kfwd.daemon.api.route import Call, Nothing, Route


class Since(Struct, frozen=True, forbid_unknown_fields=True):
    since: Annotated[datetime, Meta(tz=True)] | None = None


async def get_all_history(call: Call[Since, Nothing]) -> History:
    """What happened to entries and contexts, also to those that are gone."""
    return History(history=await call.daemon.history.of(None, call.query.since))


async def get_availability(call: Call[Nothing, Nothing]) -> AvailabilityList:
    """How much of the time each entry served."""
    ids = [entry.id for entry in call.daemon.store.snapshot().entries]
    return await call.daemon.history.availability(ids)


ROUTES = (
    Route("GET", "/v1/history", get_all_history, History, query=Since),
    Route("GET", "/v1/availability", get_availability, AvailabilityList),
)
