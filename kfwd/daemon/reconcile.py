"""What to stop and what to start so that what runs is what is wanted. Pure.

Stops come first: they free the ports that the starts may need, so two entries can swap theirs.
What is the same on both sides is not touched.
"""

from __future__ import annotations

from collections.abc import Mapping

from msgspec import Struct

from kfwd.model import Wanted


class Plan(Struct, frozen=True, kw_only=True):
    """`stop` (ids) goes before `start`; a changed entry is in both. `keep` is left alone."""

    stop: tuple[str, ...] = ()
    start: tuple[Wanted, ...] = ()
    keep: tuple[str, ...] = ()

    @property
    def changed(self) -> tuple[str, ...]:
        """Ids that run now and will run differently."""
        starting = {wanted.id for wanted in self.start}
        return tuple(entry for entry in self.stop if entry in starting)


def diff(running: Mapping[str, Wanted], wanted: Mapping[str, Wanted]) -> Plan:
    """The way from `running` to `wanted`, both by entry id."""
    return Plan(
        stop=tuple(id for id, entry in running.items() if wanted.get(id) != entry),
        start=tuple(entry for id, entry in wanted.items() if running.get(id) != entry),
        keep=tuple(id for id, entry in running.items() if wanted.get(id) == entry),
    )
