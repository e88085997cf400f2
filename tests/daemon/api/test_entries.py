"""Entries over the API: put, deleted, paused, resumed, restarted, looked into."""

from __future__ import annotations

import os
import socket
import sys

import msgspec

from kfwd.api_doctor import Hops
from kfwd.api_history import History
from kfwd.api_model import ConnectionList
from tests.daemon.rig import Rig
from tests.ports import free_port
from tests.until import until


async def test_an_entry_is_put_and_deleted(rig: Rig) -> None:
    assert await rig.add("db") == (200, {"id": "-/db"})
    assert rig.ids() == ["-/db"]
    status, removed = await rig.call("DELETE", "/v1/entries/-/db")
    assert (status, removed["id"], rig.ids()) == (200, "-/db", [])
    assert await rig.call("PUT", "/v1/entries/-/db", removed["request"]) == (200, {"id": "-/db"})
    await rig.call("DELETE", "/v1/entries/-/db")
    status, body = await rig.call("DELETE", "/v1/entries/-/db")
    assert (status, body["error"]["exit_code"]) == (404, 4)


async def test_a_taken_name_is_treated_as_asked(rig: Rig) -> None:
    await rig.add("db")
    assert (await rig.add("db", query="?taken=next"))[1] == {"id": "-/db-2"}
    status, body = await rig.add("db", query="?taken=fail")
    assert (status, body["error"]["code"]) == (409, "name-taken")
    status, body = await rig.add("db", query="?taken=perhaps")
    assert (status, "taken" in body["error"]["text"]) == (400, True)


async def test_only_ad_hoc_entries_can_be_put(rig: Rig) -> None:
    status, body = await rig.call("PUT", "/v1/entries/dev/web", rig.request())
    assert (status, body["error"]["hint"]) == (400, "edit the profile's file")


async def test_pause_resume_and_restart(rig: Rig) -> None:
    await rig.add("db", port := free_port())
    assert (await rig.call("POST", "/v1/entries/-/db/pause"))[0] == 200
    assert rig.view("-/db").state == "paused"
    assert (await rig.call("POST", "/v1/entries/-/db/resume"))[0] == 200
    assert rig.port("-/db") == port
    assert await rig.call("POST", "/v1/entries/-/db/restart") == (200, {"id": "-/db"})
    for action in ("pause", "resume", "restart"):
        assert (await rig.call("POST", f"/v1/entries/-/none/{action}"))[0] == 404


async def test_names_with_dots_and_dashes_are_found(rig: Rig) -> None:
    assert (await rig.add("my-db.shop"))[0] == 200
    assert (await rig.call("GET", "/v1/entries/-/my%2Ddb.shop/history"))[0] == 200


async def test_waiting_connections_are_listed(rig: Rig) -> None:
    await rig.add("db")
    with socket.create_connection(("127.0.0.1", rig.port("-/db"))) as app:
        await until(lambda: rig.daemon.entry("-/db").counters().connections.waiting)
        _, body = await rig.call("GET", "/v1/entries/-/db/connections")
        (shown,) = msgspec.convert(body, ConnectionList).connections
        assert shown.client == f"127.0.0.1:{app.getsockname()[1]}"
        assert (shown.state, shown.pod, shown.port) == ("waiting", None, None)
        assert shown.pid == (os.getpid() if sys.platform == "linux" else None)


async def test_what_it_needs_is_told_one_by_one(rig: Rig) -> None:
    await rig.add("db")
    await until(lambda: rig.view("-/db").problem)
    _, body = await rig.call("GET", "/v1/entries/-/db/hops")
    hops = msgspec.convert(body, Hops)
    assert hops.id == "-/db"
    assert [(fact.part, fact.state, fact.code) for fact in hops.facts] == [
        ("listener", "ok", None),
        ("context", "broken", "connect-failed"),
        ("pod", "unknown", None),
        ("session", "unknown", None),
        ("backend", "unknown", None),
    ]
    assert (await rig.call("GET", "/v1/entries/-/none/hops"))[0] == 404


async def test_history_tells_what_happened(rig: Rig) -> None:
    await rig.add("db")
    await until(lambda: rig.view("-/db").problem)
    _, body = await rig.call("GET", "/v1/entries/-/db/history")
    codes = [item.code for item in msgspec.convert(body, History).history]
    assert codes[0] == "starting"
    assert "waiting" in codes
    assert (await rig.call("GET", "/v1/entries/-/none/history"))[0] == 404
