"""Regular expressions out of cluster objects, which must never hold the daemon up.

Python's engine backtracks. Two things keep that short:

* Only what PCRE, RE2 and Python read alike is accepted: no back-references, no possessive or atomic
  groups, no flags. A repeated group must be free of choices: `(a|b)*`, `(a+)*` and `(a?)*` can take
  exponential time and are refused.
* What remains costs at most `choices * length ** (loops + 1)` steps. `choices` is the product of
  alternatives and optional parts; `loops` counts the repeats whose end is not settled by the
  character that follows, as it is in `[^/]+/`. Each pattern has a `limit`: the longest text that
  stays within `MAX_STEPS`. A longer text is refused, never tried.
"""

from __future__ import annotations

import re

from msgspec import Struct

MAX_PATTERN = 1024
"""Characters of a pattern; objects in the wild stay under 200."""

MAX_DEPTH = 20
"""Parentheses within parentheses; the compiler recurses."""

MAX_TEXT = 8192
MIN_TEXT = 64
"""A pattern that is too costly for texts of this length is of no use, and is refused."""

MAX_STEPS = 32_000_000
"""Some 40 ms at worst, on one core of a server."""

_TOKEN = re.compile(
    r"""
    (?P<class>\\[dDwWsS]|\\x[0-9A-Fa-f]{2}|\\[tnrf]|\.|\[\^?\]?(?:\\.|[^\]\\])*\])
  | (?P<anchor>\\[bB]|\^|\$)
  | (?P<literal>\\[^\w\s]|[^\\()\[*+?|{]|\{(?!,?\d))
  | (?P<repeat>(?:[*+?]|\{\d+(?:,\d*)?\})\??)
  | (?P<open>\((?:\?(?:[:=!]|P<\w+>))?(?!\?))
  | (?P<close>\))
  | (?P<either>\|)
    """,
    re.VERBOSE,
)
_NESTED_SET = re.compile(r"(?<!\\)(?:\[|--|&&|\|\||~~)")
_OPTIONAL = {"?", "??", "{0,1}", "{0,1}?"}
_FIXED = re.compile(r"\{\d+\}\??")


class BadPattern(ValueError):
    """A pattern that is not used; the text says why, as a predicate."""


class TooLong(ValueError):
    """A text that is longer than a pattern may be tried on."""


class Pattern(Struct, frozen=True):
    """A compiled pattern and the longest text that it may be tried on, in characters."""

    source: str
    limit: int
    program: re.Pattern[str]

    def match(self, text: str) -> re.Match[str] | None:
        """Match at the start of `text`. Raises `TooLong`."""
        return self.program.match(self._bounded(text))

    def fullmatch(self, text: str) -> re.Match[str] | None:
        """Match all of `text`. Raises `TooLong`."""
        return self.program.fullmatch(self._bounded(text))

    def _bounded(self, text: str) -> str:
        if len(text) > self.limit:
            raise TooLong(
                f"{len(text)} characters are too many for the regular expression {self.source}, "
                f"which is tried on {self.limit} at most"
            )
        return text


def compile_pattern(source: str, *, ignore_case: bool = False) -> Pattern:
    """Compile `source` if it is certain to end soon. Raises `BadPattern`."""
    if len(source) > MAX_PATTERN:
        raise BadPattern(f"is longer than {MAX_PATTERN} characters")
    flags = re.ASCII | (re.IGNORECASE if ignore_case else 0)
    tokens = _tokens(source)
    limit = _limit(_Cost(tokens, flags))
    try:
        return Pattern(source, limit, re.compile(f"(?:{source})", flags))
    except (re.error, OverflowError) as error:
        raise BadPattern(f"is no regular expression: {error}") from error


class _Token(Struct, frozen=True):
    kind: str
    text: str


def _tokens(source: str) -> list[_Token]:
    tokens: list[_Token] = []
    position = 0
    while position < len(source):
        found = _TOKEN.match(source, position)
        if found is None:
            raise BadPattern(f"uses what is not supported, at {source[position:][:12]!r}")
        kind = found.lastgroup or ""
        if kind == "class" and _NESTED_SET.search(found[0][1:-1]):
            raise BadPattern(f"has a set within a set: {found[0][:24]}")
        tokens.append(_Token(kind, found[0]))
        position = found.end()
    return tokens


class _Group(Struct):
    """A group that is open: `free` while every text it matches has one length and one way."""

    branches: int = 1
    free: bool = True


class _Cost:
    """What a pattern may cost: see the module's text."""

    def __init__(self, tokens: list[_Token], flags: int) -> None:
        self.loops = 0
        self.choices = 1
        self._tokens = tokens
        self._flags = flags
        self._open = [_Group()]
        self._last: _Token | _Group | None = None
        for position, token in enumerate(tokens):
            self._take(position, token)
        if len(self._open) > 1:
            raise BadPattern("has a parenthesis that is not closed")
        self.choices *= self._open[0].branches

    def _take(self, position: int, token: _Token) -> None:
        last, self._last = self._last, None
        if token.kind in {"class", "literal"}:
            self._last = token
        elif token.kind == "open":
            self._enter()
        elif token.kind == "close":
            self._close()
        elif token.kind == "either":
            self._open[-1].branches += 1
            self._open[-1].free = False
        elif token.kind == "repeat":
            self._repeat(position, token.text, last)

    def _enter(self) -> None:
        self._open.append(_Group())
        if len(self._open) > MAX_DEPTH:
            raise BadPattern(f"nests more than {MAX_DEPTH - 1} parentheses")

    def _close(self) -> None:
        if len(self._open) == 1:
            raise BadPattern("closes a parenthesis that is not open")
        group = self._open.pop()
        self.choices *= group.branches
        self._open[-1].free &= group.free
        self._last = group

    def _repeat(self, position: int, text: str, repeated: _Token | _Group | None) -> None:
        if repeated is None:
            raise BadPattern(f"repeats nothing, at {text!r}")
        if text in _OPTIONAL:
            self.choices *= 2
        elif isinstance(repeated, _Group) and not repeated.free:
            raise BadPattern("repeats a group that has choices in it, which can take for ever")
        elif _FIXED.fullmatch(text):
            return
        elif isinstance(repeated, _Group) or not self._settled(position, repeated):
            self.loops += 1
        self._open[-1].free = False

    def _settled(self, position: int, repeated: _Token) -> bool:
        """Whether what follows a repeat fits no character that it repeats, so that it ends once."""
        for follower in range(position + 1, len(self._tokens)):
            token = self._tokens[follower]
            if token.kind == "literal":
                character = token.text.removeprefix("\\")
                return re.fullmatch(repeated.text, character, self._flags) is None
            if token.kind == "close" and not self._is_repeat(follower + 1):
                continue
            return token.text == "$"
        return True

    def _is_repeat(self, position: int) -> bool:
        return position < len(self._tokens) and self._tokens[position].kind == "repeat"


def _limit(cost: _Cost) -> int:
    limit = int((MAX_STEPS / cost.choices) ** (1 / (cost.loops + 1)))
    if limit < MIN_TEXT:
        raise BadPattern(
            f"leaves too much open ({cost.loops} repeats without a certain end, "
            f"{cost.choices} choices): it could take for ever"
        )
    return min(limit, MAX_TEXT)
