"""History and availability over the API."""

from __future__ import annotations

from datetime import timedelta

import msgspec

from kfwd.api_history import AvailabilityList, History
from kfwd.model import utcnow
from tests.daemon.rig import Rig
from tests.until import until


async def test_what_happened_is_told_of_all_also_of_what_is_gone(rig: Rig) -> None:
    await rig.add("db")
    await rig.add("web")
    await rig.call("DELETE", "/v1/entries/-/db")
    _, body = await rig.call("GET", "/v1/history")
    found = msgspec.convert(body, History).history
    assert {item.about for item in found} >= {"-/db", "-/web"}
    assert [item.at for item in found] == sorted(item.at for item in found)


async def test_since_leaves_out_what_was_before(rig: Rig) -> None:
    await rig.add("db")
    later = (utcnow() + timedelta(hours=1)).isoformat().replace("+", "%2B")
    earlier = (utcnow() - timedelta(hours=1)).isoformat().replace("+", "%2B")
    for path in ("/v1/history", "/v1/entries/-/db/history"):
        assert (await rig.call("GET", f"{path}?since={later}"))[1] == {"history": []}
        assert (await rig.call("GET", f"{path}?since={earlier}"))[1]["history"]
        assert (await rig.call("GET", f"{path}?since=yesterday"))[0] == 400


async def test_availability_has_a_day_and_a_month_of_each_entry(rig: Rig) -> None:
    await rig.add("db")
    await until(lambda: rig.view("-/db").problem)
    _, body = await rig.call("GET", "/v1/availability")
    (found,) = msgspec.convert(body, AvailabilityList).availability
    assert found.id == "-/db"
    assert [(window.hours, window.share) for window in found.windows] == [(24, 0), (720, 0)]
