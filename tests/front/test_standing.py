"""Where `first` stays while pods give no session."""

from __future__ import annotations

import pytest

from kfwd.errors import Forbidden, KfwdError, NotFound, SessionLost, Unreachable, UpgradeFailed
from kfwd.front.standing import Standing, about_pod
from tests.front.rig import endpoint

A, B, C = (endpoint(name) for name in "abc")
ALL = [A, B, C]


def test_who_gives_no_session_comes_last_until_nobody_is_left() -> None:
    standing = Standing()
    assert standing.order(ALL) == (A, B, C)
    assert standing.pass_over(A, ALL)
    assert standing.order(ALL) == (B, C, A)
    assert standing.pass_over(B, ALL)
    assert standing.order(ALL) == (C, A, B)
    assert standing.pass_over(C, ALL), "begin again with the best"
    assert standing.order(ALL) == (A, B, C)


def test_the_only_one_stays() -> None:
    standing = Standing()
    assert not standing.pass_over(A, [A])
    assert standing.order([A]) == (A,)


def test_one_that_was_away_is_as_good_as_new() -> None:
    standing = Standing()
    standing.pass_over(A, ALL)
    standing.forget([B, C])
    assert standing.order(ALL) == (A, B, C)


@pytest.mark.parametrize(
    ("error", "told"),
    [
        (UpgradeFailed("error dialing backend: no route to host", status=500), True),
        (UpgradeFailed("did not answer an upgrade within 5 s", status=0), True),
        (Unreachable("no session within 15 s", code="dial-timeout"), True),
        (UpgradeFailed("too many", status=429), False),
        (Unreachable("connection refused", code="connect-failed"), False),
        (Forbidden("no"), False),
        (NotFound("gone"), False),
        (SessionLost("cut"), False),
        (None, False),
    ],
)
def test_only_what_is_between_the_server_and_the_pod_counts(
    error: KfwdError | None, told: bool
) -> None:
    assert about_pod(error) is told
