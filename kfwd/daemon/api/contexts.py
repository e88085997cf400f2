"""Contexts: which there are, and from one to another."""

from __future__ import annotations

from kfwd.api_contexts import ContextList, SwitchRequest
from kfwd.api_model import ContextQuery, Plan
from kfwd.daemon.api.route import Call, Nothing, Route


async def get_contexts(call: Call[ContextQuery, Nothing]) -> ContextList:
    """The contexts of kubeconfig files, and those in use."""
    return await call.daemon.contexts(call.query.kubeconfig)


async def post_switch(call: Call[Nothing, SwitchRequest]) -> Plan:
    """Have the entries of one context go on in another, on the listeners they have."""
    return await call.daemon.switch(call.body)


CONTEXTS = "/v1/contexts"
ROUTES = (
    Route("GET", CONTEXTS, get_contexts, ContextList, query=ContextQuery),
    Route("POST", f"{CONTEXTS}/switch", post_switch, Plan, body=SwitchRequest),
)
