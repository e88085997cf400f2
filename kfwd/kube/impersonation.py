"""Headers that ask the API server to treat us as somebody else.

Source: client-go `transport/round_trippers.go`. One header line a group and extra value: the
server does not split at commas.
"""

from __future__ import annotations

import string
from collections.abc import Iterator

from kfwd.kube.kubeconfig import Impersonation

_LEGAL_IN_NAME = frozenset(string.ascii_letters + string.digits + "!#$&'*+-.^_`|~")


def headers(who: Impersonation) -> Iterator[tuple[str, str]]:
    """Header lines as name and value; a name may come more than once."""
    yield "Impersonate-User", who.user
    if who.uid:
        yield "Impersonate-Uid", who.uid
    for group in who.groups:
        yield "Impersonate-Group", group
    for key, values in who.extra.items():
        for value in values:
            yield f"Impersonate-Extra-{_escaped(key)}", value


def _escaped(key: str) -> str:
    return "".join(
        chr(byte) if chr(byte) in _LEGAL_IN_NAME else f"%{byte:02X}" for byte in key.encode()
    )
