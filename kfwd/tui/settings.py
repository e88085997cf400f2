"""How the TUI looks and which keys it has, from `tui.yaml` in the folder of the configuration."""

from __future__ import annotations

import re
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from msgspec import Struct

from kfwd import whole_file
from kfwd.errors import KfwdError
from kfwd.profiles.words import guess

THEMES: Mapping[str, str] = {
    "dark": "textual-dark",
    "light": "textual-light",
    "terminal": "ansi-dark",
}
"""`terminal` has the 16 colours that the terminal's user has chosen."""
USUAL = next(iter(THEMES))
FILE = "tui.yaml"
_LINE = re.compile(r"^theme:.*$", re.MULTILINE)


class Settings(Struct, frozen=True, kw_only=True):
    """`keys` has the keys of an action by its id, several joined by commas.

    What is wrong in the file counts as if it were not there, and stands in `faults` as sentences.
    """

    theme: str = USUAL
    keys: Mapping[str, str] = {}
    faults: tuple[str, ...] = ()


def load(path: Path) -> Settings:
    """The settings of a user; the usual ones where there is no file."""
    try:
        text = path.read_text()
    except FileNotFoundError:
        return Settings()
    except (OSError, UnicodeDecodeError) as error:
        return Settings(faults=(f"{path} cannot be read: {error}",))
    from kfwd import yamldoc  # not for those without such a file: it costs a start 10 ms

    documents = yamldoc.parse(text)
    if not documents:
        return Settings()
    first = documents[0]
    if first.faults:
        return Settings(faults=(f"{path}:{first.faults[0]}",))
    return read(first.value, path.name)


def read(value: Any, name: str = FILE) -> Settings:
    """What a file with this value says. Pure."""
    if value is None:
        return Settings()
    if not isinstance(value, dict):
        return Settings(faults=(f"{name}: expected keys such as theme",))
    faults = [
        f'{name}: unknown key "{key}"{guess(key, ("theme", "keys"))}'
        for key in value
        if key not in ("theme", "keys")
    ]
    theme = value.get("theme", USUAL)
    if not isinstance(theme, str) or theme not in THEMES:
        faults.append(f"{name}: theme is one of {', '.join(THEMES)}")
        theme = USUAL
    keys: dict[str, str] = {}
    chosen = value.get("keys") or {}
    if not isinstance(chosen, dict):
        faults.append(f"{name}: keys has a key for each action, such as quit: Q")
        chosen = {}
    for action, wanted in chosen.items():
        several = wanted if isinstance(wanted, list) else [wanted]
        keys[action] = ",".join("comma" if key == "," else str(key) for key in several)
    return Settings(theme=theme, keys=keys, faults=tuple(faults))


def keep_theme(path: Path, theme: str) -> None:
    """Write the theme into the file; all else in it stays. Raises `KfwdError`."""
    line = f"theme: {theme}"
    try:
        text = path.read_text() if path.exists() else ""
        changed = _LINE.sub(line, text, count=1) if _LINE.search(text) else f"{line}\n{text}"
        whole_file.edit(path, changed.encode())
    except (OSError, UnicodeDecodeError) as error:
        raise KfwdError(f"{path} cannot be written: {error}") from error
