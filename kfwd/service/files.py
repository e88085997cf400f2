"""Small text files that others read: replaced whole, and known again if nobody changed them."""

from __future__ import annotations

import hashlib
from pathlib import Path

from kfwd import whole_file

SEAL = "written by `kfwd service install`, sha256 "


def sealed(body: str, comment: tuple[str, str] = ("# ", "")) -> str:
    """`body` with a last line that tells whether somebody changed it since."""
    opening, closing = comment
    return f"{body}{opening}{SEAL}{_digest(body)}{closing}\n"


def untouched(text: str) -> bool:
    """Whether a text is still as `sealed` made it."""
    body, found, rest = text.rpartition(SEAL)
    body, newline, _ = body.rpartition("\n")
    digest, _, after = rest.partition("\n")
    return bool(found) and not after and digest.startswith(_digest(body + newline))


def _digest(body: str) -> str:
    return hashlib.sha256(body.encode()).hexdigest()


def read(path: Path) -> str | None:
    """The text of a file; None if it cannot be read."""
    try:
        return path.read_text(errors="replace")
    except OSError:
        return None


def replace(path: Path, text: str, mode: int = 0o644) -> None:
    """Write beside and rename, so that a reader finds the old text or the new one.

    The folder is made where it is missing. Raises `OSError`.
    """
    path.parent.mkdir(parents=True, exist_ok=True)
    whole_file.replace(path, text.encode(), mode)
