"""Heads of HTTP/1.1 messages: bytes to records and back, as strictly as RFC 9112 allows.

A message that two parsers may read in two ways is refused, never repaired: that is how requests
are smuggled. Header names keep their spelling, values lose the blanks around them; both are
Latin-1 text. Bodies are `kfwd.wire.http1_body`'s.
"""

from __future__ import annotations

import re
from collections.abc import Collection, Iterable, Mapping

from msgspec import Struct

from kfwd.errors import HttpError

MAX_HEAD = 64 * 1024
MAX_LINES = 200

HOP_BY_HOP = frozenset(
    {
        *("connection", "keep-alive", "proxy-connection", "proxy-authenticate", "te"),
        *("proxy-authorization", "transfer-encoding", "upgrade"),
    }
)
"""Headers for the next hop only (RFC 9110, 7.6.1), `Proxy-Connection` included; `Trailer` stays,
since trailers are passed on."""

_TOKEN = r"[!#$%&'*+\-.^_`|~0-9A-Za-z]+"  # noqa: S105  # RFC 9110's name for a word
_NAME = re.compile(_TOKEN)
_VALUE = re.compile(r"[\t\x20-\x7e\x80-\xff]*")
_REQUEST = re.compile(rf"({_TOKEN}) ([\x21-\x7e\x80-\xff]+) HTTP/([0-9])\.([0-9])")
_STATUS = re.compile(r"HTTP/1\.([01]) ([1-9][0-9]{2})(?: ([\t\x20-\x7e\x80-\xff]*))?")
_LINES = re.compile(rf"(?:{_TOKEN}:[\t\x20-\x7e\x80-\xff]*\r\n)*\r\n")
_FIELD = re.compile(r"([^:]+):[ \t]*(.*)\r\n")
_BARE_LF = re.compile(rb"(?<!\r)\n")

Lines = tuple[tuple[str, str], ...]
"""Header lines in their order, as names and values."""


class Head(Struct, frozen=True):
    """What requests and answers share. `index` has values by lower-case name, repeats joined by
    commas; `minor` is the digit of HTTP/1.x."""

    lines: Lines
    index: Mapping[str, str]
    minor: int

    def get(self, name: str) -> str:
        """The value of a header by its lower-case name, `""` where there is none."""
        return self.index.get(name, "")

    def tokens(self, name: str) -> list[str]:
        """A comma-separated value in lower case, without empty members."""
        value = self.index.get(name)
        if value is None:
            return []
        return [token for part in value.split(",") if (token := part.strip(" \t").lower())]

    @property
    def persistent(self) -> bool:
        """Whether the sender keeps the connection open after this message (RFC 9112, 9.3)."""
        if "connection" not in self.index:
            return self.minor == 1
        options = self.tokens("connection")
        return "close" not in options and (self.minor == 1 or "keep-alive" in options)


class RequestHead(Head, frozen=True):
    method: str
    target: str

    @property
    def upgrades(self) -> bool:
        """Whether the request asks for another protocol (RFC 9110, 7.8)."""
        return "upgrade" in self.index and "upgrade" in self.tokens("connection")


class ResponseHead(Head, frozen=True):
    """`data` is the whole head as it came."""

    status: int
    reason: str
    data: bytes = b""


class HeadReader:
    """Collects one head from pieces of any size, within 64 KiB."""

    def __init__(self) -> None:
        self._data = bytearray()
        self._whole = b""
        self._scanned = 0
        self._skipped = False

    @property
    def empty(self) -> bool:
        """Whether nothing of a head has arrived."""
        return not self._data

    def feed(self, data: bytes | bytearray | memoryview) -> int | None:
        """Take more bytes. Returns how many of `data` belonged to the head once it is complete,
        None while it is not. Raises `HttpError`.

        A single line end before a request is skipped (RFC 9112, 2.2).
        """
        if not self._data:
            whole = bytes(data[:MAX_HEAD])
            end = whole.find(b"\r\n\r\n") + 4
            if end > 4 and not whole.startswith(b"\r\n"):
                self._whole = whole[:end]  # parsing it finds what else is wrong
                return end
        return self._collect(data)

    def _collect(self, data: bytes | bytearray | memoryview) -> int | None:
        before = len(self._data)
        self._data += data
        if not self._skipped and self._data[:2] == b"\r\n":
            self._skipped = True
            del self._data[:2]
            before -= 2
        end = self._data.find(b"\r\n\r\n", max(0, self._scanned - 3))
        complete = end >= 0
        size = end + 4 if complete else len(self._data)
        if _BARE_LF.search(self._data, self._scanned, size):
            raise HttpError("a header line ends with a bare line feed")
        if size > MAX_HEAD:
            raise HttpError(f"the headers are larger than {MAX_HEAD} bytes", status=431)
        self._scanned = max(0, size - 1)
        if not complete:
            return None
        self._whole = bytes(self._data[:size])
        return size - before

    def take(self) -> bytes:
        """The complete head; the reader is empty again."""
        data, self._whole = self._whole, b""
        self._data.clear()
        self._scanned = 0
        self._skipped = False
        return data


def parse_request(data: bytes) -> RequestHead:
    """Read a complete request head, without its body. Raises `HttpError`."""
    first, lines = _split(data)
    match = _REQUEST.fullmatch(first)
    if match is None:
        raise HttpError("not an HTTP request")
    method, target, major, minor = match.groups()
    if major != "1" or minor not in "01":
        raise HttpError(f"HTTP/{major}.{minor} is not spoken here, use HTTP/1.1", status=505)
    index = indexed(lines)
    repeats = len(index) != len(lines)
    hosts = sum(name.lower() == "host" for name, _ in lines) if repeats else "host" in index
    if minor == "1" and hosts != 1:
        raise HttpError("a request has exactly one Host header")
    return RequestHead(lines, index, int(minor), method, target)


def parse_response(data: bytes) -> ResponseHead:
    """Read a complete response head, without its body. Raises `HttpError` with status 502."""
    try:
        first, lines = _split(data)
        match = _STATUS.fullmatch(first)
        if match is None:
            raise HttpError("not an HTTP answer")
        index = indexed(lines)
        return ResponseHead(lines, index, int(match[1]), int(match[2]), match[3] or "", data)
    except HttpError as error:
        raise HttpError(error.text, status=502) from None


def _split(data: bytes) -> tuple[str, Lines]:
    """The first line and the headers of a complete head."""
    text = data.decode("latin-1")
    end = text.find("\r\n")
    if _LINES.fullmatch(text, end + 2) is None:
        raise HttpError("a header line is folded, or is not a name, a colon and a value")
    lines = tuple(_FIELD.findall(text, end + 2))
    if len(lines) > MAX_LINES:
        raise HttpError(f"more than {MAX_LINES} header lines", status=431)
    if " \r\n" in text or "\t\r\n" in text:
        lines = tuple([(name, value.rstrip(" \t")) for name, value in lines])
    return text[:end], lines


def is_line(name: str, value: str) -> bool:
    """Whether these can be a header line that is read as what it was written as."""
    return _NAME.fullmatch(name) is not None and _VALUE.fullmatch(value) is not None


def field(line: str) -> tuple[str, str]:
    """The name and value of one header or trailer line. Raises `HttpError`."""
    name, colon, value = line.partition(":")
    if not colon or not _NAME.fullmatch(name):
        raise HttpError("a header line is folded, or its name is not one")
    return name, value.strip(" \t")


def indexed(lines: Lines) -> dict[str, str]:
    """Values by lower-case name; repeated ones are joined by commas (RFC 9110, 5.3)."""
    index: dict[str, str] = {}
    for name, value in lines:
        key = name.lower()
        index[key] = f"{index[key]}, {value}" if key in index else value
    return index


def without(lines: Iterable[tuple[str, str]], names: Collection[str]) -> Lines:
    """Header lines except those with these lower-case names."""
    return tuple([line for line in lines if line[0].lower() not in names])


def end_to_end(head: Head) -> Lines:
    """The header lines that are for the other end, not for the next hop alone."""
    if HOP_BY_HOP.isdisjoint(head.index):
        return head.lines
    return without(head.lines, HOP_BY_HOP.union(head.tokens("connection")))


def encode_request(method: str, target: str, lines: Iterable[tuple[str, str]]) -> bytes:
    """The bytes of a request head. Raises `ValueError` for a line break in any part."""
    return _encode(f"{method} {target} HTTP/1.1", lines)


def encode_response(status: int, reason: str, lines: Iterable[tuple[str, str]]) -> bytes:
    """The bytes of a response head. Raises `ValueError` for a line break in any part."""
    return _encode(f"HTTP/1.1 {status} {reason}", lines)


def _encode(first: str, lines: Iterable[tuple[str, str]]) -> bytes:
    parts = [first, *[f"{name}: {value}" for name, value in lines]]
    text = "\r\n".join(parts) + "\r\n\r\n"
    if text.count("\n") != len(parts) + 1 or text.count("\r") != len(parts) + 1:
        raise ValueError("a header contains a line break")
    return text.encode("latin-1")
