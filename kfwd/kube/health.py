"""What the outcome of a request says about its context. Pure."""

from __future__ import annotations

from msgspec import Struct

from kfwd.errors import (
    ApiError,
    ConfigError,
    Forbidden,
    KfwdError,
    LoginNeeded,
    NotFound,
    Unreachable,
)
from kfwd.kube.answers import NOT_KUBERNETES
from kfwd.model import ContextState, Problem

LATENCY_CHANGE = 0.25
LATENCY_FLOOR_MS = 5.0
"""Changes that are not worth telling: a part of what it was, and milliseconds."""


class Health(Struct, frozen=True, kw_only=True):
    """A context's state; while it is not `ok`, `problem` says what is wrong with all of it."""

    state: ContextState = ContextState.UNKNOWN
    problem: Problem | None = None
    latency_ms: float | None = None


def verdict(error: KfwdError | None, *, check: bool = False) -> ContextState | None:
    """The state that a request's outcome proves, or None if it proves nothing.

    `check`: it was the request that everybody may make and every server answers.
    """
    match error:
        case None:
            return ContextState.OK
        case Unreachable():
            return ContextState.UNREACHABLE
        case LoginNeeded() | ConfigError():
            return ContextState.LOGIN_NEEDED
        case Forbidden():
            return ContextState.FORBIDDEN if check else None
        case ApiError() if not 0 < error.status < 500 or error.code == NOT_KUBERNETES:
            return ContextState.UNREACHABLE if check else None
        case ApiError() | NotFound():
            return ContextState.OK
    return None


def after(
    health: Health, error: KfwdError | None, latency_s: float | None, *, check: bool = False
) -> Health:
    """The health of a context after one more outcome; the same object where nothing changed."""
    state = verdict(error, check=check)
    if state is None or (state is ContextState.FORBIDDEN and health.state is ContextState.OK):
        # A 403 where other requests are allowed: the server is there and knows us.
        return health
    latency = health.latency_ms if latency_s is None else round(latency_s * 1000, 1)
    if state is ContextState.OK:
        if health.state is ContextState.OK and not _moved(health.latency_ms, latency):
            return health
        return Health(state=state, latency_ms=latency)
    assert error is not None
    problem = _problem(health.problem, error)
    if problem is health.problem and state is health.state:
        return health
    return Health(state=state, problem=problem, latency_ms=health.latency_ms)


def _problem(old: Problem | None, error: KfwdError) -> Problem:
    if old is not None and (old.code, old.text, old.hint) == (error.code, error.text, error.hint):
        return old
    return Problem(code=error.code, severity="error", text=error.text, hint=error.hint)


def _moved(old: float | None, new: float | None) -> bool:
    if old is None or new is None:
        return old is not new
    return abs(new - old) > max(LATENCY_FLOOR_MS, LATENCY_CHANGE * old)
