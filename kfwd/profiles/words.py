"""The words of profiles and command lines: names, ports, addresses, durations. Pure.

Each reader takes what YAML or a shell gave and raises `ValueError` with a sentence that names it.
"""

from __future__ import annotations

import ipaddress
import re
from collections.abc import Callable, Collection
from pathlib import Path
from typing import Any

from kfwd.model import PortSpec

MAX_HOLD_S = 3600.0
MAX_NAME = 253
NAME = r"[a-z0-9][-a-z0-9.]*"
NAMESPACE = r"[a-z0-9]([-a-z0-9]*[a-z0-9])?"
# Container ports have IANA service names, Service ports DNS labels: this takes both.
PORT_NAME = r"(?=[-0-9]*[a-z])[a-z0-9]([-a-z0-9]*[a-z0-9])?"
DURATION = r"([0-9]+(\.[0-9]+)?(ms|s|m|h))+"
_PART = re.compile(r"([0-9]+(?:\.[0-9]+)?)(ms|s|m|h)")
_SECONDS = {"ms": 0.001, "s": 1.0, "m": 60.0, "h": 3600.0}


def text(value: Any) -> str:
    """A string that is not empty."""
    if not isinstance(value, str):
        raise ValueError(f"expected text, got {_shown(value)}")
    if not value:
        raise ValueError("expected text, got nothing")
    return value


def boolean(value: Any) -> bool:
    if not isinstance(value, bool):
        raise ValueError(f"expected true or false, got {_shown(value)}")
    return value


def version(value: Any) -> int:
    if value != 1 or isinstance(value, bool):
        raise ValueError(f"this kfwd reads profiles of version 1, not {_shown(value)}")
    return 1


def name(value: Any) -> str:
    """The name of a profile or an entry."""
    word = text(value)
    if len(word) > MAX_NAME:
        raise ValueError(f'bad name "{word[:20]}...": it is longer than {MAX_NAME} characters')
    if not re.fullmatch(NAME, word):
        raise ValueError(
            f'bad name "{word}": use lower-case letters, digits, "-" and ".", '
            "starting with a letter or a digit"
        )
    return word


def free_name(name: str, taken: Collection[str]) -> str:
    """`name`, or the first of NAME-2, NAME-3, ... that is not taken."""
    number, free = 2, name
    while free in taken:
        free, number = f"{name}-{number}", number + 1
    return free


def namespace(value: Any) -> str:
    word = text(value)
    if not re.fullmatch(NAMESPACE, word) or len(word) > 63:
        raise ValueError(f'bad namespace "{word}"')
    return word


def port(value: Any) -> PortSpec:
    """`LOCAL:REMOTE`, `PORT` for both, or `:REMOTE` for a free local port."""
    if isinstance(value, bool) or not isinstance(value, int | str):
        raise ValueError(f'expected a port such as "8080:http", got {_shown(value)}')
    word = str(value)
    if word.count(":") > 1:
        raise ValueError(f'port "{word}" has more than one colon: write "LOCAL:REMOTE"')
    local, colon, remote = word.rpartition(":")
    if not colon:
        return PortSpec(local=_same_local(word), remote=_remote(word, word))
    return PortSpec(local=_local(local, word) if local else 0, remote=_remote(remote, word))


def _same_local(word: str) -> int:
    if re.fullmatch(PORT_NAME, word):
        raise ValueError(
            f'port "{word}" says no local port: write "8080:{word}", or ":{word}" for a free one'
        )
    return _local(word, word)


def _local(number: str, word: str) -> int:
    if not re.fullmatch(r"[0-9]{1,9}", number) or int(number) > 65535:
        raise ValueError(f'bad local port in "{word}": expected a number from 0 to 65535')
    return int(number)


def _remote(remote: str, word: str) -> str:
    if re.fullmatch(r"[0-9]{1,9}", remote) and 1 <= int(remote) <= 65535:
        return str(int(remote))
    if re.fullmatch(PORT_NAME, remote) and len(remote) <= 63:
        return remote
    raise ValueError(
        f'bad remote port in "{word}": expected a number from 1 to 65535 or the name of a port'
    )


def address(value: Any) -> str:
    """`localhost` (both families), an IP address, or `unix:/absolute/path`."""
    word = text(value)
    if word == "localhost":
        return word
    if word.startswith("unix:"):
        return _unix(word)
    try:
        return str(ipaddress.ip_address(word))
    except ValueError:
        raise ValueError(
            f'bad address "{word}": expected localhost, an IP address such as 127.0.0.1 or ::1, '
            "or unix:/path"
        ) from None


def _unix(word: str) -> str:
    path = word.removeprefix("unix:")
    if not path.startswith("/") or path.endswith("/"):
        raise ValueError(f'bad address "{word}": expected unix: and the absolute path of a socket')
    if len(path.encode()) > 107:
        raise ValueError(f'bad address "{word}": the path of a socket has at most 107 bytes')
    return word


def listen(value: Any) -> tuple[str, int]:
    """`127.0.0.1:8001`, `[::1]:8001`, `localhost:8001`, `:8001`, a port or `unix:/path` -> the
    address and the port; 0 is a free one. An address is that of this machine alone by default."""
    if isinstance(value, int) and not isinstance(value, bool):
        return "127.0.0.1", _local(str(value), str(value))
    word = text(value)
    if word.startswith("unix:"):
        return _unix(word), 0
    host, colon, port = word.rpartition(":")
    if not colon:
        raise ValueError(f'bad listen "{word}": expected ADDRESS:PORT, such as 127.0.0.1:8001')
    plain = host.removeprefix("[").removesuffix("]")
    if ":" in host and plain == host:
        raise ValueError(f'bad listen "{word}": an IPv6 address stands in brackets, as in [::1]:80')
    return address(plain) if plain else "127.0.0.1", _local(port, word)


def duration(value: Any, most: float = MAX_HOLD_S) -> float:
    """Seconds of `500ms`, `30s`, `1m`, `1m30s`, `1h`; at most `most`."""
    if isinstance(value, int | float) and not isinstance(value, bool):
        raise ValueError(f'duration {value} needs a unit, such as "{value}s"')
    word = text(value)
    if not re.fullmatch(DURATION, word):
        raise ValueError(f'bad duration "{word}": expected a number and ms, s, m or h, as in 30s')
    seconds = sum(float(number) * _SECONDS[unit] for number, unit in _PART.findall(word))
    if seconds > most:
        raise ValueError(f'duration "{word}" is longer than {most / 3600:g}h')
    return seconds


def path(value: Any) -> str:
    """An absolute path; `~/` is the home folder."""
    word = text(value)
    place = Path(word).expanduser() if word.startswith("~/") else Path(word)
    if not place.is_absolute():
        raise ValueError(f'"{word}" must be an absolute path or start with "~/"')
    return str(place)


def one_of(*words: str) -> Callable[[Any], str]:
    """A reader of exactly these words."""

    def read(value: Any) -> str:
        if value in words:
            return str(value)
        hint = guess(value, words)
        raise ValueError(f"expected {', '.join(words)}; got {_shown(value)}{hint}")

    return read


def guess(word: Any, known: Any) -> str:
    """` (did you mean "x"?)` or nothing."""
    import difflib

    close = difflib.get_close_matches(str(word), list(known), n=1)
    return f' (did you mean "{close[0]}"?)' if close else ""


def _shown(value: Any) -> str:
    if value is None:
        return "nothing"
    if isinstance(value, dict | list):
        return "a mapping" if isinstance(value, dict) else "a list"
    if isinstance(value, bool):
        return str(value).lower()
    return f'"{value}"' if isinstance(value, str) else str(value)
