"""A login that a person makes in a terminal: whose it is, and its credential."""

from __future__ import annotations

from kfwd.api_model import LoginQuery, LoginRequest, LoginResult, LoginTarget
from kfwd.daemon.api.route import Call, Nothing, Route


async def get_login(call: Call[LoginQuery, Nothing]) -> LoginTarget:
    """The context to log in to."""
    return await call.daemon.logins.target(call.query)


async def post_login(call: Call[Nothing, LoginRequest]) -> LoginResult:
    """Go on with what a context's login plugin printed."""
    return await call.daemon.logins.take(call.body)


ROUTES = (
    Route("GET", "/v1/login", get_login, LoginTarget, query=LoginQuery),
    Route("POST", "/v1/login", post_login, LoginResult, body=LoginRequest),
)
