"""What is said about a pod and its sessions to those who are not concerned with them."""

from __future__ import annotations

from msgspec import Struct


class PodRef(Struct, frozen=True):
    """One pod, for its whole life and no longer."""

    namespace: str
    name: str
    uid: str


class SessionCut(Struct, frozen=True, kw_only=True):
    """A session that was up ended against our will: how old it was, and how long it was silent."""

    pod: PodRef
    age_s: float
    idle_s: float
    reason: str
