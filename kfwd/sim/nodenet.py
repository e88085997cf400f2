"""The addresses of a cluster's nodes and load balancers: a /24 of 127/8 that is its alone.

Several simulated clusters may run on one machine. Each holds a socket, bound but not listening,
in its net, so that two never have the same one; the system lets go of it whatever happens.
"""

from __future__ import annotations

import errno
import re
import socket
from collections.abc import Callable, Iterable
from typing import Any

from kfwd.errors import KfwdError, UsageError

Obj = dict[str, Any]

DEFAULT = "127.0.0"
OTHERS = tuple(f"127.{number}.0" for number in range(2, 64))
"""Tried in turn when the default is taken; pods and services have 127.1 and 127.96."""

NODES = range(11, 15)
LOAD_BALANCERS = range(101, 251)
CLAIM = (10, 29_999)
"""Last byte and port of the socket that marks a net as taken."""

_NET = re.compile(r"^127(\.(25[0-5]|2[0-4]\d|1?\d?\d)){2}$")


def internal_address(node: Obj) -> str:
    """A node's `InternalIP`; empty if it has none."""
    addresses = (node.get("status") or {}).get("addresses") or ()
    return next((str(a["address"]) for a in addresses if a["type"] == "InternalIP"), "")


class NodeNet:
    """A claimed net, such as `127.0.0`, until `close()`."""

    def __init__(self, prefix: str, claim: socket.socket | None) -> None:
        self.prefix = prefix
        self._claim = claim

    @property
    def nodes(self) -> dict[str, str]:
        """Addresses of the nodes by name."""
        return {f"node-{n}": f"{self.prefix}.{last}" for n, last in enumerate(NODES, 1)}

    @property
    def load_balancers(self) -> list[str]:
        """The addresses there are for services of type LoadBalancer."""
        return [f"{self.prefix}.{last}" for last in LOAD_BALANCERS]

    def close(self) -> None:
        if self._claim is not None:
            self._claim.close()


def claim(wanted: str | None = None) -> NodeNet:
    """The wanted net, or the first that is free. Raises UsageError, KfwdError."""
    if wanted is not None and not _NET.match(wanted):
        text = f"{wanted!r} is no node net; one looks like {DEFAULT}"
        raise UsageError(text, code="bad-node-net")
    for prefix in (DEFAULT, *OTHERS) if wanted is None else (wanted,):
        sock = socket.socket()
        try:
            sock.bind((f"{prefix}.{CLAIM[0]}", CLAIM[1]))
        except OSError as error:
            sock.close()
            if error.errno == errno.EADDRNOTAVAIL:
                # macOS has 127.0.0.1 only: the cluster works, its nodes cannot be reached.
                return NodeNet(prefix, None)
            continue
        return NodeNet(prefix, sock)
    taken = wanted or f"every node net from {DEFAULT} to {OTHERS[-1]}"
    raise KfwdError(f"{taken} is taken by another simulated cluster", code="node-net-taken")


def bound(address: str, port: int) -> socket.socket:
    """A listening socket on a loopback address. Raises OSError."""
    if not address.startswith("127."):
        raise OSError(errno.EADDRNOTAVAIL, "only addresses in 127/8 are served")
    return socket.create_server((address, port), backlog=256)


def can_bind(addresses: Iterable[str], port: int) -> bool:
    """Whether a port is free on every one of the addresses that lie in 127/8."""
    try:
        for address in addresses:
            if address.startswith("127."):
                bound(address, port).close()
    except OSError as error:
        # Where there is no such address, its ports are nobody's.
        return error.errno == errno.EADDRNOTAVAIL
    return True


def free_on(addresses: Iterable[str]) -> Callable[[int], bool]:
    """A test for ports, as `allocate` takes it."""
    found = list(addresses)
    return lambda port: can_bind(found, port)
