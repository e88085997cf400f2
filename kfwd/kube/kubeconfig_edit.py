"""Put new tokens into kubeconfig files, leaving every other byte as it is."""

from __future__ import annotations

import contextlib
import logging
import os
from collections.abc import Iterable, Iterator, Mapping
from pathlib import Path

from kfwd import whole_file, yamldoc

log = logging.getLogger(__name__)


def replace_values(paths: Iterable[str], changes: Mapping[str, str]) -> None:
    """Replace each key of `changes` by its value, in the file that has it exactly once.

    Best effort: a file that is read-only, or locked by kubectl, keeps its old values and a line in
    the log says so.
    """
    wanted = {old: new for old, new in changes.items() if old and old != new and _plain(new)}
    for path in map(Path, paths):
        try:
            with _locked(path):
                _rewrite(path, wanted)
        except FileNotFoundError:
            continue
        except OSError as error:
            log.warning("new tokens could not be written to %s: %s", path, error.strerror)


def _rewrite(path: Path, changes: Mapping[str, str]) -> None:
    before = text = path.read_bytes().decode()  # as it is, line ends too
    for old, new in changes.items():
        if text.count(old) == 1:
            text = text.replace(old, new)
    if text != before:
        whole_file.edit(path, text.encode())


@contextlib.contextmanager
def _locked(path: Path) -> Iterator[None]:
    """client-go's lock: the file `PATH.lock`, made by whoever writes."""
    if not path.exists():
        raise FileNotFoundError(path)
    lock = Path(f"{path}.lock")
    os.close(os.open(lock, os.O_CREAT | os.O_EXCL))
    try:
        yield
    finally:
        lock.unlink(missing_ok=True)


def _plain(value: str) -> bool:
    """Whether `value` means itself in YAML, quoted or not."""
    return (
        value.isascii()
        and value.isprintable()
        and not set(value) & set("\"'\\#:{}[], ")
        and (yamldoc.load(value) == value)
    )
