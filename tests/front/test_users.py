from __future__ import annotations

import os
import socket
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest

from kfwd.front.users import Users, user_id, user_name

ME = os.getuid()


@contextmanager
def connected(host: str = "127.0.0.1") -> Iterator[tuple[socket.socket, socket.socket]]:
    """A client's socket, and the accepted one."""
    family = socket.AF_INET6 if ":" in host else socket.AF_INET
    with (
        socket.create_server((host, 0), family=family) as server,
        socket.create_connection(server.getsockname()[:2]) as client,
    ):
        accepted, _ = server.accept()
        with accepted:
            yield client, accepted


@pytest.mark.parametrize("host", ["127.0.0.1", "::1"])
def test_one_s_own_connections_are_taken(host: str) -> None:
    with connected(host) as (_, accepted):
        assert Users(ME).refusal(accepted) is None


@pytest.mark.parametrize("host", ["127.0.0.1", "::1"])
def test_another_user_s_are_refused_by_name(host: str) -> None:
    with connected(host) as (_, accepted):
        refusal = Users(ME + 4242).refusal(accepted)
    assert refusal == (
        f"this listener serves user {ME + 4242}, not user {user_name(ME)} (allow-users)"
    )


@pytest.mark.parametrize("also", [[str(ME)], [user_name(ME)], ["*"], ["nobody", str(ME)]])
def test_others_may_be_allowed(also: list[str]) -> None:
    with connected() as (_, accepted):
        assert Users(ME + 4242, also).refusal(accepted) is None


def test_who_cannot_be_found_out_is_refused(tmp_path: Path) -> None:
    (tmp_path / "net").mkdir()
    (tmp_path / "net" / "tcp").write_text("  sl  local_address\n")
    with connected() as (_, accepted):
        refusal = Users(ME, proc=tmp_path).refusal(accepted)
    assert refusal is not None
    assert "an unknown user" in refusal


def test_where_the_system_tells_nothing_everybody_is_taken(tmp_path: Path) -> None:
    with connected() as (_, accepted):
        assert Users(ME, proc=tmp_path).refusal(accepted) is None


def test_a_client_that_has_gone_is_nobody_s() -> None:
    with connected() as (_, accepted):
        accepted.close()
        assert Users(ME).refusal(accepted) is None


def test_names_and_numbers() -> None:
    assert user_id("1234") == 1234
    assert user_id("root") == 0
    assert user_id("no such user") is None
    assert user_name(0) == "root"
    assert user_name(987654) == "987654"
