"""What becomes of a connection, as a table (design section 4, rules 12 and 13)."""

from __future__ import annotations

import pytest

from kfwd.front.verdict import Next, after
from kfwd.tunnel.stream import End, Ending

REFUSED = Ending(End.TEXT, "dial tcp4 127.0.0.1:9: connect: connection refused")
GONE = Ending(End.TEXT, 'network namespace for sandbox "x" is closed')
RESET_BY_PEER = Ending(End.TEXT, "read tcp4 1->2: read: connection reset by peer")
CUT = Ending(End.CUT, "the connection to the API server ended")
CLEAN = Ending(End.CLEAN)


@pytest.mark.parametrize(
    ("ending", "taken", "replayable", "others", "verdict"),
    [
        (CLEAN, False, True, True, Next.FINISH),
        (CLEAN, True, False, False, Next.FINISH),
        (REFUSED, False, True, True, Next.ELSEWHERE),
        (REFUSED, False, True, False, Next.REFUSE),
        (REFUSED, False, False, True, Next.REFUSE),
        (REFUSED, True, True, True, Next.RESET),
        (GONE, False, True, True, Next.ELSEWHERE),
        (GONE, False, True, False, Next.WAIT),
        (GONE, False, False, True, Next.RESET),
        (GONE, True, True, True, Next.RESET),
        (RESET_BY_PEER, False, True, True, Next.RESET),
        (CUT, False, True, True, Next.RESET),
        (CUT, True, False, False, Next.RESET),
        (Ending(End.LEFT), True, True, True, Next.DROP),
        (Ending(End.CUT, REFUSED.reason), False, True, True, Next.RESET),
    ],
)
def test_only_proof_that_nobody_took_it_dials_again(
    ending: Ending, taken: bool, replayable: bool, others: bool, verdict: Next
) -> None:
    assert after(ending, taken=taken, replayable=replayable, others=others) is verdict


@pytest.mark.parametrize(
    ("ending", "replayable", "others", "verdict"),
    [
        (REFUSED, True, False, Next.WAIT),
        (REFUSED, True, True, Next.ELSEWHERE),
        (REFUSED, False, False, Next.RESET),
        (RESET_BY_PEER, True, False, Next.RESET),
    ],
)
def test_a_pod_that_leaves_refuses_before_it_is_gone(
    ending: Ending, replayable: bool, others: bool, verdict: Next
) -> None:
    decided = after(ending, taken=False, replayable=replayable, others=others, leaving=True)
    assert decided is verdict
