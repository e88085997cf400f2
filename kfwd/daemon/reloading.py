"""Profiles whose files changed, brought up as they are now: together, since reading one means
comparing it with all that are up.
"""

from __future__ import annotations

import logging
from collections.abc import Awaitable, Callable, Sequence

from kfwd.api_model import Plan
from kfwd.errors import DaemonReplaced, KfwdError

log = logging.getLogger(__name__)

Up = Callable[[Sequence[str]], Awaitable[Plan]]
Refused = Callable[[str, KfwdError], None]


async def together(names: Sequence[str], up: Up, refused: Refused) -> None:
    """Call `up` with all of them, and where it raises, with each half: down to those at fault,
    which `refused` is told. Raises `DaemonReplaced`.
    """
    if not names:
        return
    try:
        plan = await up(names)
    except DaemonReplaced:
        raise
    except KfwdError as error:
        if len(names) == 1:
            refused(names[0], error)
            return
        middle = len(names) // 2
        await together(names[:middle], up, refused)
        await together(names[middle:], up, refused)
    else:
        _tell(plan)


def _tell(plan: Plan) -> None:
    moved: dict[str, list[str]] = {}
    for item in plan.items:
        if item.action != "leave":
            moved.setdefault(item.id.partition("/")[0], []).append(f"{item.action} {item.id}")
    for name, steps in moved.items():
        log.info("profile %s changed: %s", name, ", ".join(steps))
