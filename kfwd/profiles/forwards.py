"""A forward from the words that people give. Pure."""

from __future__ import annotations

import re
from collections.abc import Callable, Sequence
from functools import lru_cache
from typing import TypeVar

from kfwd.errors import UsageError
from kfwd.model import ForwardSpec
from kfwd.profiles import keys, words

T = TypeVar("T")


def forward(
    target: str,
    ports: Sequence[str],
    *,
    namespace: str | None = None,
    name: str | None = None,
    address: Sequence[str] = (),
    spread: str | None = None,
    via: str | None = None,
) -> ForwardSpec:
    """The forward that the words ask for. Raises `UsageError`."""
    if len(ports) > 1 and any(one.startswith("unix:") for one in address):
        raise UsageError("a unix address takes exactly one port")
    chosen = {"spread": spread, "via": via}
    read = {key: _read(keys.FORWARD[key].read, word) for key, word in chosen.items() if word}
    return ForwardSpec(
        **read,
        name=_read(words.name, name) if name is not None else name_of(target),
        target=_read(keys.FORWARD["target"].read, target),
        ports=tuple(_read(words.port, port) for port in ports),
        namespace=_read(words.namespace, namespace) if namespace else None,
        address=tuple(_read(words.address, one) for one in address) or ("localhost",),
    )


def name_of(target: str) -> str:
    """`web` for `svc/web` and for `app=web`."""
    word = re.split(r"[/=]", target)[-1].lower()
    return re.sub(r"[^-a-z0-9.]", "-", word).strip("-.") or "forward"


@lru_cache(maxsize=4096)
def plain(target: str) -> str:
    """One spelling for a target, without a port: `svc/web` for `service/web:http`.

    What cannot be read is as it is.
    """
    from kfwd.resolve import target as targets

    what, colon, _ = target.rpartition(":")
    try:
        return str(targets.parse(what if colon else target))
    except UsageError:
        return target


def _read(reader: Callable[[str], T], word: str) -> T:
    try:
        return reader(word)
    except ValueError as error:
        raise UsageError(str(error)) from None
