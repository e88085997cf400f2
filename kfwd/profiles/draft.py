"""A profile's text on its way through an editor. The file is left alone until the text is valid."""

from __future__ import annotations

from pathlib import Path

from kfwd.errors import KfwdError
from kfwd.profiles import parse, store
from kfwd.yamldoc import Fault

NEW = """\
version: 1
# enabled: true           # false: comes up only when it is named
# context: dev            # default: the current context when it is brought up
# namespace: shop         # default: the context's
forwards:
#  - name: web
#    target: svc/web
#    ports: ["8080:http"]  # LOCAL:REMOTE, or "9000" for both, or ":5432" for a free local port
"""


class Draft:
    """The text of the profile `name` in `folder`, or of a new one.

    `spare` is the folder that a text which is given up is kept in. Raises `UsageError` for what
    cannot be a name, `ProfileInvalid` for a file that is no text.
    """

    def __init__(self, folder: Path, name: str, spare: Path) -> None:
        self.name = name
        self.path = store.path_of(folder, name)
        self._folder = folder
        self._spare = spare
        self._before = self._on_disk()
        self._older: str | None = None
        self.text = NEW if self._before is None else self._before

    @property
    def is_new(self) -> bool:
        return self._before is None

    @property
    def unsaved(self) -> bool:
        """Whether somebody has written something that is in no file."""
        return self.text != (NEW if self._before is None else self._before)

    def take(self, text: str | None) -> bool:
        """The text as an editor left it; whether that is another one. An empty one is none."""
        if not text or not text.strip() or text == self.text:
            return False
        self.text = text
        return True

    def faults(self) -> tuple[Fault, ...]:
        """What is wrong with the text, beside the other profiles."""
        return store.check(self._folder, parse.parse(self.text, self.name))

    def write(self) -> None:
        """Make the text the file. Raises `KfwdError` when somebody else has changed it meanwhile,
        or it cannot be written.
        """
        self._replace(self.text)

    def take_back(self) -> None:
        """Undo `write`; raises what it raises."""
        self._replace(self._older)

    def keep(self) -> Path:
        """Put the text where it can be found again; returns where."""
        kept = self._spare / f"rejected-{self.name}.yaml"
        store.write(kept, self.text)
        return kept

    def _replace(self, text: str | None) -> None:
        if self._on_disk() != self._before:
            hint = f"your text is in {self.keep()}"
            raise KfwdError(f"{self.path} was changed by somebody else meanwhile", hint=hint)
        if text is None:
            self.path.unlink(missing_ok=True)
        else:
            store.write(self.path, text)
        self._older, self._before = self._before, text

    def _on_disk(self) -> str | None:
        return store.text(self._folder, self.name)
