"""What `kubectl proxy` lets through: its four filters, as it applies them (protocol notes G).

Regular expressions are searched for, not matched, in the path after the prefix was taken off it,
decoded and without query; lists are split at commas. Where kubectl is too narrow this is wider in
one point: `Host: [::1]:8001` is accepted as `[::1]` is.
"""

from __future__ import annotations

from collections.abc import Sequence
from re import Pattern

from kfwd.model import ProxyFlags
from kfwd.resolve.goregex import listed
from kfwd.wire.http1_target import without_port


class Filter:
    """The filters of one listener. Raises `UsageError` for an expression that is none."""

    def __init__(self, flags: ProxyFlags) -> None:
        self._accept_paths = listed(flags.accept_paths)
        self._reject_paths = listed(flags.reject_paths)
        self._accept_hosts = listed(flags.accept_hosts)
        self._reject_methods = listed(flags.reject_methods)

    def accepts(self, method: str, path: str, authority: str) -> bool:
        """Whether a request goes through."""
        return (
            not _found(self._reject_paths, path)
            and not _found(self._reject_methods, method)
            and _found(self._accept_paths, path)
            and self.accepts_host(authority)
        )

    def accepts_host(self, authority: str) -> bool:
        """Whether the host of `HOST[:PORT]` is one of ours."""
        host = without_port(authority)
        plain = host.removeprefix("[").removesuffix("]") if authority != host else host
        return _found(self._accept_hosts, host) or _found(self._accept_hosts, plain)


def _found(patterns: Sequence[Pattern[str]], text: str) -> bool:
    for pattern in patterns:  # noqa: SIM110  # a generator costs more than what it goes over
        if pattern.search(text):
            return True
    return False
