"""What looks like a secret, taken out of text before anybody sees it. Pure.

Secrets should never get into a text at all; this is for what plugins, servers and libraries say.
Such a text may be long and of any shape, so each step takes time in proportion to its length.
"""

from __future__ import annotations

import re

_SECRET = re.compile(
    r"(?i)(\b(?:bearer|basic)\s++)[^\s\"']++"  # a header's value
    # A JWT: the base64url of {" is eyJ. A long run is one whether a dot comes or not, so that
    # none is read again and again in search of it.
    r"|\b(?-i:eyJ)(?:[\w-]{512,}+[\w.-]*+|[\w-]{8,511}+\.[\w-]{4,}+(?:\.[\w-]*+)?)"
)
_WORD = re.compile(r"\S++")
_LOGIN = re.compile(r"://[^/\s:@]*+:")


def mask(text: str) -> str:
    """`text` without bearer tokens, basic credentials, passwords in URLs and JWTs."""
    if "@" in text and "://" in text:
        text = _WORD.sub(_without_password, text)
    return _SECRET.sub(lambda found: f"{found[1] or ''}***", text)


def _without_password(word: re.Match[str]) -> str:
    """A word whose password, up to the last @, is masked: a password may contain one."""
    before, at, after = word[0].rpartition("@")
    login = _LOGIN.search(before) if at else None
    return f"{before[: login.end()]}***@{after}" if login else word[0]
