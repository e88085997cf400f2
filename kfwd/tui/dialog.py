"""What every dialog over a screen has: help, as screens do."""

from __future__ import annotations

from typing import TYPE_CHECKING, ClassVar, Generic, TypeVar, cast

from textual.binding import Binding, BindingType
from textual.screen import ModalScreen

if TYPE_CHECKING:
    from kfwd.tui.app import KfwdApp

T = TypeVar("T")


class Dialog(ModalScreen[T], Generic[T]):
    """Ends with a `T`. `help_text` opens its help.

    The key of help has no id and so no other choice: a letter could not be typed into a `Field`.
    """

    BINDINGS: ClassVar[list[BindingType]] = [
        Binding("question_mark", "help", "help", show=False, priority=True),
    ]
    help_text: ClassVar[str] = ""

    @property
    def kfwd(self) -> KfwdApp:
        return cast("KfwdApp", self.app)

    async def action_help(self) -> None:
        from kfwd.tui.screens.help import Help

        await self.app.push_screen(Help(self))
