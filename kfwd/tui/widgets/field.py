"""A field of a dialog, into which names and ports are typed."""

from __future__ import annotations

from textual.widgets import Input

HELP = "?"
"""In no name and no port: it stays the key of help."""


class Field(Input):
    """Like any other field, but for that key."""

    def check_consume_key(self, key: str, character: str | None) -> bool:
        return character != HELP and super().check_consume_key(key, character)
