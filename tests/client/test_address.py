"""Where entries are on this machine."""

from __future__ import annotations

import pytest

from kfwd.client.address import authority, local_address, local_url, url
from kfwd.errors import KfwdError
from kfwd.model import PortView
from tests.standin import entry


def ports(*listen: str, remote: str = "http") -> tuple[PortView, ...]:
    return (PortView(listen=listen, remote=remote, port=80),)


@pytest.mark.parametrize(
    ("listen", "remote", "url"),
    [
        (("127.0.0.1:8080", "[::1]:8080"), "http", "http://localhost:8080/"),
        (("[::1]:8080",), "80", "http://localhost:8080/"),
        (("192.168.1.5:8443",), "443", "https://192.168.1.5:8443/"),
        (("127.0.0.1:9000",), "https-admin", "https://localhost:9000/"),
        (("127.0.0.1:80",), "http", "http://localhost/"),
    ],
)
def test_an_entry_is_where_it_listens(listen: tuple[str, ...], remote: str, url: str) -> None:
    assert local_url(entry("dev/web", ports=ports(*listen, remote=remote))) == url


def test_an_entry_without_a_tcp_port_has_no_url() -> None:
    with pytest.raises(KfwdError, match="listens on no TCP port"):
        local_url(entry("dev/web", ports=ports("unix:/run/web")))


def test_a_port_of_its_own_is_left_out_of_a_url() -> None:
    assert url("a.example:443", "443") == "https://a.example/"
    assert url("a.example:443", "80") == "http://a.example:443/"


def test_an_address_is_the_first_there_is() -> None:
    nothing = PortView(listen=(), remote="http", port=None)
    assert local_address(entry(ports=(nothing, *ports("127.0.0.1:81")))) == "localhost:81"
    assert local_address(entry(ports=ports("unix:/run/web"))) == "/run/web"
    assert authority(nothing) is None


def test_an_entry_that_listens_nowhere_has_no_address() -> None:
    with pytest.raises(KfwdError, match="listens nowhere"):
        local_address(entry(ports=()))
