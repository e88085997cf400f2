"""The seams between the daemon and its entries are kept on both sides."""

from __future__ import annotations

from pathlib import Path

from kfwd.daemon.shared_context import SharedContext
from kfwd.entries.entry import Context, Entry
from kfwd.model import ContextRef
from tests.entries.rig import Rig


async def test_a_forward_is_an_entry(rig: Rig) -> None:
    assert isinstance(rig.make(), Entry)


async def test_the_daemons_context_is_what_entries_expect(tmp_path: Path) -> None:
    ref = ContextRef(kubeconfig=(str(tmp_path / "none"),), name="dev")
    context = SharedContext(ref, {}, known=None, learned=lambda known: None)
    assert isinstance(context, Context)
    assert await context.close() == []
