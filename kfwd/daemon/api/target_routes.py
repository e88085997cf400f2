"""The ways to a target."""

from __future__ import annotations

from kfwd.api_model import RouteList, RoutesRequest
from kfwd.daemon.api.route import Call, Nothing, Route
from kfwd.daemon.reach import find


async def get_routes(call: Call[RoutesRequest, Nothing]) -> RouteList:
    """Every way to a target, tried from here."""
    daemon, query = call.daemon, call.query
    async with daemon.context(query.kubeconfig, query.context) as context:
        return await find.routes(
            context,
            query.target,
            query.namespace,
            gateways=find.gateways(daemon.store.snapshot(), context.name),
            limits=daemon.limits,
        )


ROUTES = (Route("GET", "/v1/routes", get_routes, RouteList, query=RoutesRequest),)
