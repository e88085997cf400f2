"""What `kubectl proxy` lets through: its four filters, as it applies them (protocol notes G).

Regular expressions are searched for, not matched, in the path after the prefix was taken off it,
decoded and without query; lists are split at commas. Where kubectl is too narrow this is wider in
one point: `Host: [::1]:8001` is accepted as `[::1]` is.
"""

from __future__ import annotations

import re
from collections.abc import Sequence
from re import Pattern

from kfwd.errors import UsageError
from kfwd.wire.http1_target import without_port

ACCEPT_PATHS = "^.*"
REJECT_PATHS = "^/api/.*/pods/.*/exec,^/api/.*/pods/.*/attach"
ACCEPT_HOSTS = r"^localhost$,^127\.0\.0\.1$,^\[::1\]$"
REJECT_METHODS = "^$"

_POSIX = {
    "[:alnum:]": "0-9A-Za-z",
    "[:alpha:]": "A-Za-z",
    "[:digit:]": "0-9",
    "[:lower:]": "a-z",
    "[:upper:]": "A-Z",
    "[:word:]": "0-9A-Za-z_",
    "[:xdigit:]": "0-9A-Fa-f",
    "[:space:]": r"\t\n\v\f\r ",
}


class Filter:
    """The filters of one listener. Raises `UsageError` for an expression that is none."""

    def __init__(
        self,
        *,
        accept_paths: str = ACCEPT_PATHS,
        reject_paths: str = REJECT_PATHS,
        accept_hosts: str = ACCEPT_HOSTS,
        reject_methods: str = REJECT_METHODS,
    ) -> None:
        self._accept_paths = expressions(accept_paths)
        self._reject_paths = expressions(reject_paths)
        self._accept_hosts = expressions(accept_hosts)
        self._reject_methods = expressions(reject_methods)

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


def expressions(text: str) -> list[Pattern[str]]:
    """The expressions of a comma-separated list. Raises `UsageError`."""
    return [expression(each) for each in text.split(",")]


def expression(text: str) -> Pattern[str]:
    """An expression of Go's regexp. Raises `UsageError` for one that cannot be read."""
    ours = text.replace(r"\z", r"\Z").replace(r"\pL", r"[^\W\d_]").replace(r"\pN", r"\d")
    for name, members in _POSIX.items():
        ours = ours.replace(name, members)
    try:
        return re.compile(_dollar(ours))
    except (re.error, OverflowError, RecursionError) as error:
        raise UsageError(f'"{text}" is no regular expression: {error}', code="bad-regex") from None


def _dollar(text: str) -> str:
    """A `$` that does not match before a line end at the end of the text, as it does in Python."""
    return re.sub(r"\\.|\[\^?\]?(?:\\.|[^\]\\])*\]|\$", _end_of_text, text, flags=re.DOTALL)


def _end_of_text(match: re.Match[str]) -> str:
    return r"\Z" if match[0] == "$" else match[0]


def _found(patterns: Sequence[Pattern[str]], text: str) -> bool:
    return any(pattern.search(text) for pattern in patterns)
