"""The faults' record: merging, validation, and the questions asked of it."""

from __future__ import annotations

import asyncio

import msgspec
import pytest

from kfwd.sim.faults import Faults, Settings, names


def faults(**settings: object) -> Faults:
    found = Faults()
    found.merge(msgspec.json.encode(settings))
    return found


def test_a_patch_changes_only_the_keys_it_has() -> None:
    board = faults(latency_ms=20, forbid=["create pods/portforward"])
    board.merge(b'{"bandwidth": 1000}')
    assert (board.now.latency_ms, board.now.bandwidth) == (20, 1000)
    assert msgspec.json.decode(board.json(), type=Settings) == board.now


@pytest.mark.parametrize(
    ("patch", "word"),
    [
        (b'{"latency": 1}', "latency"),
        (b'{"freeze": "some"}', "freeze"),
        (b'{"bandwidth": -1}', "bandwidth"),
        (b'{"refuse_transports": ["pigeon"]}', "refuse_transports"),
        (b'{"idle_s": 0}', "idle_s"),
        (b"[]", "object"),
        (b"{", "truncated"),
    ],
)
def test_a_bad_patch_names_the_key_and_changes_nothing(patch: bytes, word: str) -> None:
    board = faults(latency_ms=5)
    with pytest.raises(ValueError, match=word):
        board.merge(patch)
    assert board.now == Settings(latency_ms=5)


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("api_down=true", Settings(api_down=True)),
        ("latency_ms=20", Settings(latency_ms=20)),
        ("freeze=all", Settings(freeze="all")),
        ("drop_transports=spdy,websocket", Settings(drop_transports=("spdy", "websocket"))),
        ("forbid=create pods/portforward", Settings(forbid=("create pods/portforward",))),
        ("forbid=", Settings()),
    ],
)
def test_a_fault_can_be_given_as_text(text: str, expected: Settings) -> None:
    board = Faults()
    board.set_text(text)
    assert board.now == expected


@pytest.mark.parametrize("text", ["api_down", "nothing=1", "api_down=perhaps"])
def test_text_that_is_no_fault_is_refused(text: str) -> None:
    with pytest.raises(ValueError, match=r"no such fault|api_down"):
        Faults().set_text(text)


def test_the_names_are_those_of_the_record() -> None:
    assert "half_close_ms" in names()


def test_listeners_hear_of_each_change_until_they_leave() -> None:
    board, heard = Faults(), []
    leave = board.on_change(lambda: heard.append(board.now.bandwidth))
    board.merge(b'{"bandwidth": 1}')
    leave()
    board.merge(b'{"bandwidth": 2}')
    assert heard == [1]


async def test_until_waits_for_the_change_that_makes_it_true() -> None:
    board = faults(freeze="all")
    waiting = asyncio.gather(board.until(lambda: not board.says_nothing))
    board.merge(b'{"bandwidth": 1}')
    await asyncio.sleep(0)
    await asyncio.sleep(0)
    assert not waiting.done()
    board.merge(b'{"freeze": ""}')
    await waiting


def test_too_many_requests_are_used_up() -> None:
    board = faults(too_many_requests=2)
    assert [board.takes_too_many() for _ in range(3)] == [True, True, False]


@pytest.mark.parametrize(
    ("line", "verb", "resource", "expected"),
    [
        ("create pods/portforward", "create", "pods/portforward", True),
        ("create pods/portforward", "get", "pods/portforward", False),
        ("* services", "watch", "services", True),
        ("list *", "list", "pods", True),
        ("get pods", "get", "pods/portforward", False),
    ],
)
def test_forbidding_knows_verbs_and_resources(
    line: str, verb: str, resource: str, expected: bool
) -> None:
    assert faults(forbid=[line]).forbids(verb, resource) is expected


def test_upgrades_are_refused_by_transport_or_all() -> None:
    everywhere = faults(refuse_upgrade=503)
    assert [everywhere.refuses_upgrade(t) for t in ("spdy", "channels")] == [503, 503]
    one = faults(refuse_upgrade=403, refuse_transports=["websocket"])
    assert [one.refuses_upgrade(t) for t in ("spdy", "websocket")] == [0, 403]


def test_upgrades_are_delayed_by_transport_or_all() -> None:
    everywhere = faults(delay_upgrade_ms=1500)
    assert [everywhere.delays_upgrade(t) for t in ("spdy", "channels")] == [1.5, 1.5]
    one = faults(delay_upgrade_ms=1500, delay_transports=["websocket"])
    assert [one.delays_upgrade(t) for t in ("spdy", "websocket")] == [0, 1.5]


def test_the_other_questions_follow_their_keys() -> None:
    board = faults(
        api_down=True,
        freeze="sessions",
        token_expired=True,
        watch_gone=True,
        drop_transports=["spdy"],
    )
    assert board.refuses_connections
    assert board.rejects_tokens
    assert board.ends_watches
    assert board.drops("spdy")
    assert not board.drops("websocket")
    assert (board.freezes_sessions, board.says_nothing) == (True, False)
