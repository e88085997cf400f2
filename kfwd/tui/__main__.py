"""The TUI for a browser tab: as it runs in a terminal, but driven through pipes."""

from __future__ import annotations

import os
import select
import signal
import sys
import threading

from kfwd.tui.app import run


def end_with(pipe: int) -> None:
    """End this process as soon as nobody holds the other end of `pipe`."""
    poll = select.poll()
    poll.register(pipe, 0)
    poll.poll()
    os.kill(os.getpid(), signal.SIGTERM)


if __name__ == "__main__":
    threading.Thread(target=end_with, args=(0,), name="hung-up", daemon=True).start()
    sys.exit(run(os.environ))
