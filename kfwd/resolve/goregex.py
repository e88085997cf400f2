"""Regular expressions as Go's regexp package reads them, in Python's words. Pure."""

from __future__ import annotations

import re
from re import Pattern

from kfwd.errors import UsageError

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
_TOKEN = re.compile(r"\\.|\[\^?\]?(?:\\.|\[:\w+:\]|[^\]\\])*\]|\$", re.DOTALL)


def listed(text: str) -> list[Pattern[str]]:
    """The expressions of a comma-separated list. Raises `UsageError` (`bad-regex`)."""
    return [compiled(each) for each in text.split(",")]


def compiled(text: str) -> Pattern[str]:
    """One expression. Raises `UsageError` (`bad-regex`) for one that cannot be read."""
    try:
        return re.compile(_TOKEN.sub(_translated, text))
    except (re.error, OverflowError, RecursionError) as error:
        raise UsageError(f'"{text}" is no regular expression: {error}', code="bad-regex") from None


def _translated(match: re.Match[str]) -> str:
    """`$` is the end of the text and never before a line end there; POSIX classes are spelt out."""
    token = match[0]
    if token in ("$", r"\z"):
        return r"\Z"
    if token.startswith("["):
        for name, members in _POSIX.items():
            token = token.replace(name, members)
    return token
