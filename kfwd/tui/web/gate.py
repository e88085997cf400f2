"""Who gets the TUI in a browser: the one that showed the link, and no page but ours. Pure.

A browser sends the cookies of an address to every port of it, so to each app behind a forward as
well: the cookie is bound to a path that nobody else knows.
"""

from __future__ import annotations

import secrets
from collections.abc import Mapping
from enum import Enum
from typing import Final

OURS: Final = frozenset({"same-origin", "none"})
"""What `Sec-Fetch-Site` says of our own pages and of what a person typed (Fetch Metadata)."""
SPENT: Final = "This link has been used, or never was one. `kfwd tui --web` prints a new one."
FOREIGN: Final = "This is for the pages of `kfwd tui --web` alone."


class Verdict(Enum):
    """What becomes of a request."""

    PASS = "pass"  # noqa: S105  # no password
    ENTER = "enter"
    SPENT = "spent"
    FOREIGN = "foreign"


class Gate:
    """`host` is what a browser must believe to talk to: ADDRESS:PORT.

    `link` is good for one use; whoever uses it is to be given `cookie` (a name and a value) for
    `place`, the path under which everything is.
    """

    def __init__(self, host: str) -> None:
        self.host = host
        self.place = f"/{secrets.token_urlsafe(16)}"
        self.cookie = (f"kfwd-{secrets.token_hex(4)}", secrets.token_urlsafe(32))
        self._token: str | None = secrets.token_urlsafe(32)
        self.link = f"http://{host}/?token={self._token}"

    def verdict(
        self,
        method: str,
        path: str,
        token: str,
        headers: Mapping[str, str],
        cookies: Mapping[str, str],
    ) -> Verdict:
        """`token` is the one of the query, or empty. A link that is good is spent by this."""
        if headers.get("Host") != self.host or not self._ours(headers):
            return Verdict.FOREIGN
        if path == "/" and method == "GET":
            return self._spend(token)
        name, value = self.cookie
        if not _same(cookies.get(name, ""), value):
            return Verdict.SPENT
        foreign = headers.get("Sec-Fetch-Site", "none") not in OURS
        return Verdict.FOREIGN if foreign else Verdict.PASS

    def _ours(self, headers: Mapping[str, str]) -> bool:
        """A page that opens a WebSocket always says whose it is (RFC 6455, 10.2)."""
        needed = "Upgrade" in headers
        origin = headers.get("Origin")
        return origin == f"http://{self.host}" or (origin is None and not needed)

    def _spend(self, token: str) -> Verdict:
        if self._token is None or not _same(token, self._token):
            return Verdict.SPENT
        self._token = None
        return Verdict.ENTER


def _same(one: str, other: str) -> bool:
    """Without telling by the time taken how much of it is right."""
    return secrets.compare_digest(one.encode("utf-8", "replace"), other.encode())
