"""What looks like a secret, taken out of text before anybody sees it. Pure.

Secrets should never get into a text at all; this is for what plugins, servers and libraries say.
"""

from __future__ import annotations

import re

_SECRET = re.compile(
    r"(?i)(\b(?:bearer|basic)\s+)[^\s\"']+"  # a header's value
    r"|(://[^/\s:@]*:)[^\s@]+(?=@)"  # a password in a URL
    r"|\b(?-i:eyJ)[\w-]{8,}\.[\w-]{4,}(?:\.[\w-]*)?"  # a JWT: the base64url of {" is eyJ
)


def mask(text: str) -> str:
    """`text` without bearer tokens, basic credentials, passwords in URLs and JWTs."""
    return _SECRET.sub(lambda found: f"{found[1] or found[2] or ''}***", text)
