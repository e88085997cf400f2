"""What there is in a cluster, for people who look for something to forward."""

from __future__ import annotations

from collections.abc import AsyncGenerator
from contextlib import aclosing

from kfwd.api_model import ContextQuery, NamespaceList, ObjectsPage, ObjectsQuery
from kfwd.daemon.api.route import Call, Nothing, Route
from kfwd.daemon.api.snapshot import beating
from kfwd.daemon.reach import browse, find

CONTEXT = "/v1/contexts/{context}"


async def get_namespaces(call: Call[ContextQuery, Nothing]) -> NamespaceList:
    """The namespaces of a context's cluster."""
    async with call.daemon.context(call.query.kubeconfig, call.params["context"]) as context:
        return await browse.namespaces(await find.opened(context))


async def get_objects(
    call: Call[ObjectsQuery, Nothing],
) -> AsyncGenerator[ObjectsPage | None, None]:
    """Services, pods, workloads and ingresses of a namespace, and with `follow` what changes."""
    query = call.query
    async with call.daemon.context(query.kubeconfig, call.params["context"]) as context:
        cluster = await find.opened(context)
        namespace = None if query.all else query.namespace or cluster.context.namespace
        browser = browse.Browser(cluster, namespace, follow=query.follow)
        try:
            async with aclosing(beating(browser, lambda: None)) as pages:
                async for page in pages:
                    yield page
        finally:
            browser.close()


ROUTES = (
    Route("GET", f"{CONTEXT}/namespaces", get_namespaces, NamespaceList, query=ContextQuery),
    Route("GET", f"{CONTEXT}/objects", get_objects, ObjectsPage, query=ObjectsQuery, lines=True),
)
