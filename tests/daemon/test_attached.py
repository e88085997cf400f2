"""An attached entry lives as long as somebody holds it, and a moment before."""

from __future__ import annotations

import asyncio

from kfwd.daemon.attached import Attached
from tests.daemon.records import wanted
from tests.until import until


async def test_it_ends_when_the_last_holder_lets_go() -> None:
    ended: list[str] = []
    attached = Attached(ended.append)
    attached.expect(wanted())
    with attached.hold("dev/web"):
        with attached.hold("dev/web"):
            pass
        assert ended == []
    assert ended == ["dev/web"]
    attached.close()


async def test_it_ends_when_nobody_comes_in_time() -> None:
    ended: list[str] = []
    attached = Attached(ended.append, within_s=0.01)
    attached.expect(wanted())
    await until(lambda: ended)
    assert ended == ["dev/web"]


async def test_an_inherited_one_waits_until_it_is_expected() -> None:
    ended: list[str] = []
    attached = Attached(ended.append, within_s=0.01)
    attached.inherit(wanted())
    await asyncio.sleep(0.03)
    assert ended == []
    attached.expect(wanted())
    await until(lambda: ended)


async def test_a_holder_in_time_keeps_it_past_the_deadline() -> None:
    ended: list[str] = []
    attached = Attached(ended.append, within_s=0.01)
    attached.expect(wanted())
    with attached.hold("dev/web"):
        await asyncio.sleep(0.03)
        assert ended == []
    assert ended == ["dev/web"]


async def test_holding_an_entry_of_another_kind_does_not_end_it() -> None:
    ended: list[str] = []
    attached = Attached(ended.append)
    with attached.hold("dev/web"):
        pass
    assert ended == []


async def test_those_that_another_daemon_has_end_no_more() -> None:
    ended: list[str] = []
    attached = Attached(ended.append, within_s=0.01)
    attached.expect(wanted())
    with attached.hold("dev/web"):
        assert attached.leave() == (wanted(),)
    await asyncio.sleep(0.03)
    assert (ended, attached.entries) == ([], {})


async def test_what_is_discarded_ends_no_more() -> None:
    ended: list[str] = []
    attached = Attached(ended.append, within_s=0.01)
    attached.expect(wanted())
    attached.discard("dev/web")
    assert attached.entries == {}
    await asyncio.sleep(0.03)
    assert ended == []
