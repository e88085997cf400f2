"""What becomes of a local connection whose stream ended. Pure.

A connection is dialled again only on proof that no process took it: the text of a failed dial, and
not one byte back (design section 4, rule 12). A cut never looks like an end (rule 13).
"""

from __future__ import annotations

from enum import Enum

from kfwd.tunnel.stream import End, Ending
from kfwd.wire.failure import Failure, classify


class Next(Enum):
    """What to do with the local side."""

    FINISH = "finish"  # pass the end-of-file on
    RESET = "reset"  # end it so that nobody takes it for an end
    ELSEWHERE = "elsewhere"  # another endpoint, same bytes
    WAIT = "wait"  # back to the waiting room, same bytes
    REFUSE = "refuse"  # reset, and say that the port refuses
    DROP = "drop"  # reset, and say nothing: most likely nobody is left who would hear it


def failure(ending: Ending) -> Failure:
    """Why the runtime says a stream ended; `OTHER` where it says nothing that proves anything."""
    return classify(ending.reason or "") if ending.how is End.TEXT else Failure.OTHER


def after(
    ending: Ending, *, taken: bool, replayable: bool, others: bool, leaving: bool = False
) -> Next:
    """Decide.

    `taken`: a byte came back. `replayable`: all that was sent is still known. `others`: another
    ready endpoint has not been tried yet. `leaving`: the pod is none of them, or is being deleted:
    its processes end before its sandbox does, so that it refuses for a while before it is gone.
    """
    if ending.how is End.CLEAN:
        return Next.FINISH
    if ending.how is End.LEFT:
        return Next.DROP
    why = failure(ending)
    if taken or why is Failure.OTHER:
        return Next.RESET
    if replayable and others:
        return Next.ELSEWHERE
    if why is Failure.REFUSED and not leaving:
        return Next.REFUSE
    return Next.WAIT if replayable else Next.RESET
