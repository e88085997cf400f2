"""The profiles folder looked at again and again: files are read only when one has changed."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path

from kfwd.profiles import store
from kfwd.profiles.store import Checked, Fingerprint

Files = Mapping[str, Checked]


class Folder:
    """`look` is cheap as long as nothing changes; it reads files, so not on an event loop."""

    def __init__(self, path: Path) -> None:
        self.path = path
        self._seen: Fingerprint | None = None
        self._files: Files = {}

    def look(self) -> Files:
        """Every profile by name, checked; the same object as before when nothing has changed."""
        seen = store.fingerprint(self.path)
        if seen != self._seen:
            self._files, self._seen = store.check_all(self.path), seen
        return self._files
