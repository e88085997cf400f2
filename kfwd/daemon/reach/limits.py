"""Where trials may go. Addresses and names come from objects of the cluster: not everybody wants
their machine to connect to whatever those say.
"""

from __future__ import annotations

import ipaddress

from msgspec import Struct

from kfwd.errors import KfwdError

VARIABLE = "KFWD_ROUTES_WITHIN"
"""The daemon's environment variable: networks such as `127.0.0.0/8,::1/128`, all if unset."""

Network = ipaddress.IPv4Network | ipaddress.IPv6Network


class OutOfBounds(KfwdError):
    """An address that must not be tried, or a name that must not be looked up."""

    code = "out-of-bounds"


class Limits(Struct, frozen=True):
    """`networks` None: everywhere. With networks names other than localhost are not looked up."""

    networks: tuple[Network, ...] | None = None

    def check(self, host: str) -> None:
        """Raises `OutOfBounds` for a host that is not to be tried."""
        if self.networks is None or _is_local(host):
            return
        try:
            address = ipaddress.ip_address(host)
        except ValueError:
            raise OutOfBounds(f"the name {host} is not looked up: {self._only}") from None
        if not any(address in network for network in self.networks):
            raise OutOfBounds(f"{host} is not tried: {self._only}")

    @property
    def _only(self) -> str:
        return f"{VARIABLE} allows only {', '.join(str(each) for each in self.networks or ())}"


def _is_local(host: str) -> bool:
    return host == "localhost" or host.endswith(".localhost")


def read(text: str | None) -> Limits:
    """The limits that an environment variable's value sets. One that makes no sense allows nothing.

    A mistake in it must not open what it was meant to close.
    """
    if text is None:
        return Limits()
    try:
        words = [word.strip() for word in text.split(",") if word.strip()]
        return Limits(tuple(ipaddress.ip_network(word, strict=False) for word in words))
    except ValueError:
        return Limits(())
