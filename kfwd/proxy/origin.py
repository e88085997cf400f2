"""Requests that a web page makes somebody's browser send (design section 9). Pure.

A local port that carries its user's rights is open to every page that the user looks at. A browser
says for whom it asks: in `Host` what it believes to talk to, in `Origin` and `Sec-Fetch-Site` the
page it asks for.
"""

from __future__ import annotations

from collections.abc import Callable
from urllib.parse import urlsplit

from kfwd.wire.http1 import RequestHead

SAFE = frozenset({"GET", "HEAD"})
OTHER_SITE = "requests of another site's page are not served here"


def refusal(request: RequestHead, ours: Callable[[str], bool], *, upgrade: bool) -> str | None:
    """Why a request is not served, or None. `ours` says whether an authority is one of this
    listener's names.

    A link to here may be followed; nothing else may another site do.
    """
    if request.get("sec-fetch-site") == "cross-site":
        follows = request.get("sec-fetch-mode") == "navigate" and request.method in SAFE
        return None if follows and not upgrade else OTHER_SITE
    origin = request.get("origin")
    if not origin or (request.method in SAFE and not upgrade):
        return None
    return None if ours(authority_of(origin)) else OTHER_SITE


def authority_of(origin: str) -> str:
    """`localhost:3000` of `http://localhost:3000`; empty for `null` and for what is no origin."""
    try:
        return urlsplit(origin).netloc
    except ValueError:
        return ""
