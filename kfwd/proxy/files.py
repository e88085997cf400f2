"""A folder's files over HTTP, as Go's FileServer serves them to users of `kubectl proxy --www`."""

from __future__ import annotations

import asyncio
import html
import mimetypes
import posixpath
import re
import stat
from email.utils import formatdate, parsedate_to_datetime
from pathlib import Path
from urllib.parse import quote

from msgspec import Struct

from kfwd.errors import HttpError
from kfwd.proxy.decision import Answer, Part, page
from kfwd.wire.http1 import Lines, RequestHead

INDEX = "index.html"
_RANGE = re.compile(r"bytes=([0-9]*)-([0-9]*)")
_TEXT = ("text/", "application/javascript", "application/json", "image/svg")


class Found(Struct, frozen=True):
    """A file or, with `names`, a folder."""

    path: Path
    size: int
    changed: float
    names: tuple[str, ...] | None = None


class Files:
    """The files under one folder. Symbolic links are followed, as Go does."""

    def __init__(self, root: Path) -> None:
        self._root = root

    async def answer(self, request: RequestHead, path: str) -> Answer:
        """Answer a request for `path`, relative to the folder, decoded. Raises `HttpError`."""
        if request.method not in ("GET", "HEAD"):
            return page(405, "Method Not Allowed", ("Allow", "GET, HEAD"))
        if "\0" in path:
            raise HttpError("a path has no NUL")
        if path == INDEX or path.endswith(f"/{INDEX}"):
            return Answer(301, (("Location", "./"),))
        found = await asyncio.to_thread(self._find, path)
        if found is None:
            return page(404, "404 page not found")
        if found.names is not None:
            if path and not path.endswith("/"):
                return Answer(301, (("Location", f"{quote(posixpath.basename(path))}/"),))
            return _listing(found.names, found.changed)
        if path.endswith("/") and found.path.name != INDEX:
            return Answer(301, (("Location", f"../{quote(found.path.name)}"),))
        return _file(request, found)

    def _find(self, path: str) -> Found | None:
        """What is at `path`; nothing above the folder can be named."""
        inside = posixpath.normpath(f"/{path}").lstrip("/")
        place = self._root / inside
        try:
            status = place.stat()
            if not stat.S_ISDIR(status.st_mode):
                return _regular(place, status.st_mode, status.st_size, status.st_mtime)
            index = place / INDEX
            if (path.endswith("/") or not path) and index.is_file():
                status = index.stat()
                return Found(index, status.st_size, status.st_mtime)
            names = (f"{each.name}/" if each.is_dir() else each.name for each in place.iterdir())
            return Found(place, 0, status.st_mtime, tuple(sorted(names)))
        except (OSError, ValueError):
            return None


def _regular(path: Path, mode: int, size: int, changed: float) -> Found | None:
    """Devices, pipes and sockets are no files to send."""
    return Found(path, size, changed) if stat.S_ISREG(mode) else None


def _listing(names: tuple[str, ...], changed: float) -> Answer:
    rows = "".join(f'<a href="{quote(name)}">{html.escape(name)}</a>\n' for name in names)
    head = '<!doctype html>\n<meta name="viewport" content="width=device-width">\n'
    lines = (("Content-Type", "text/html; charset=utf-8"), ("Last-Modified", _date(changed)))
    return Answer(200, lines, f"{head}<pre>\n{rows}</pre>\n".encode())


def _file(request: RequestHead, found: Found) -> Answer:
    kind = mimetypes.guess_type(found.path.name)[0] or "application/octet-stream"
    if kind.startswith(_TEXT):
        kind = f"{kind}; charset=utf-8"
    lines: Lines = (("Accept-Ranges", "bytes"), ("Last-Modified", _date(found.changed)))
    if _unchanged(request.get("if-modified-since"), found.changed):
        return Answer(304, lines)
    lines = (("Content-Type", kind), *lines)
    match = _RANGE.fullmatch(request.get("range"))
    if match is None or request.get("if-range"):
        return Answer(200, lines, Part(found.path, 0, found.size))
    return _part(found, lines, match[1], match[2])


def _date(changed: float) -> str:
    return formatdate(int(changed), usegmt=True)


def _part(found: Found, lines: Lines, first: str, last: str) -> Answer:
    """A single range (RFC 9110, 14.2); several are answered with the whole file."""
    if first:
        start, end = int(first), min(int(last or found.size), found.size - 1)
    else:
        start, end = max(0, found.size - int(last or 0)), found.size - 1
    if start > end or not (first or last):
        return page(
            416, "invalid range: failed to overlap", ("Content-Range", f"bytes */{found.size}")
        )
    span = ("Content-Range", f"bytes {start}-{end}/{found.size}")
    return Answer(206, (*lines, span), Part(found.path, start, end - start + 1))


def _unchanged(since: str, changed: float) -> bool:
    try:
        return bool(since) and int(changed) <= parsedate_to_datetime(since).timestamp()
    except (ValueError, TypeError):
        return False
