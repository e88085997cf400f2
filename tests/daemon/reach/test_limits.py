"""Where trials may go."""

from __future__ import annotations

import pytest

from kfwd.daemon.reach.limits import OutOfBounds, read


def test_without_limits_everything_may_be_tried() -> None:
    for host in ("8.8.8.8", "foo.bar.com", "::1"):
        read(None).check(host)


def test_only_what_is_inside_may_be_tried_and_no_name_is_looked_up() -> None:
    loopback = read("127.0.0.0/8, ::1/128")
    for host in ("127.0.0.11", "::1", "localhost", "web.shop.localhost"):
        loopback.check(host)
    with pytest.raises(OutOfBounds, match=r"8\.8\.8\.8 is not tried: KFWD_ROUTES_WITHIN allows"):
        loopback.check("8.8.8.8")
    with pytest.raises(OutOfBounds, match=r"the name foo\.bar\.com is not looked up"):
        loopback.check("foo.bar.com")


@pytest.mark.parametrize("text", ["", "localhost", "127.0.0.0/8,nonsense"])
def test_a_mistake_opens_nothing(text: str) -> None:
    with pytest.raises(OutOfBounds):
        read(text).check("127.0.0.1")
