"""Which of several endpoints the policy `first` stays at: the best that gives a session. Pure.

A node that is lost keeps its pods ready for the better part of a minute, as the cluster has it.
"""

from __future__ import annotations

from collections.abc import Sequence

from kfwd.errors import KfwdError, Unreachable, UpgradeFailed
from kfwd.resolve.endpoints import Endpoint


class Standing:
    """Remembers who gave none, for as long as they are there and not all of them did."""

    def __init__(self) -> None:
        self._passed: frozenset[str] = frozenset()

    def order(self, endpoints: Sequence[Endpoint]) -> tuple[Endpoint, ...]:
        """The endpoints, those that were passed over last."""
        return tuple(sorted(endpoints, key=lambda each: each.uid in self._passed))

    def pass_over(self, endpoint: Endpoint, among: Sequence[Endpoint]) -> bool:
        """`endpoint` gives no session. Whether another one takes its place."""
        passed = self._passed | {endpoint.uid}
        others = {each.uid for each in among} - {endpoint.uid}
        self._passed = passed if others - passed else frozenset({endpoint.uid})
        return bool(others)

    def forget(self, known: Sequence[Endpoint]) -> None:
        """Remember only those that are there."""
        self._passed &= {each.uid for each in known}


def about_pod(error: KfwdError | None) -> bool:
    """Whether a dial failed between the API server and the pod, as far as can be told: the server
    said so, or nothing. What we may not do, or cannot reach, is the same for every pod.
    """
    if isinstance(error, UpgradeFailed):
        return error.status == 0 or error.status >= 500
    return isinstance(error, Unreachable) and error.code == "dial-timeout"
