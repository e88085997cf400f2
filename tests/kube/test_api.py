from __future__ import annotations

import msgspec
import pytest

from kfwd.errors import ApiError, Forbidden, NotFound
from kfwd.kube.objects import DEPLOYMENTS, NODES, PODS
from kfwd.kube.route_objects import HTTP_ROUTES
from tests.kube.scripted import (
    answer,
    api_of,
    bookmark,
    event,
    events,
    failure,
    listed,
    pod,
    serving,
)

GONE = failure(410, "The provided continue parameter is too old", "Expired")


async def test_an_object_is_got_by_its_name() -> None:
    async with serving(**{"get a": answer(200, pod("a", 7))}) as server, api_of(server) as api:
        found = await api.get(PODS, "shop", "a")
        assert (found.name, found.metadata.resource_version) == ("a", "7")
        assert server.requests[0].path == "/api/v1/namespaces/shop/pods/a"


async def test_what_is_not_there_or_not_for_us_is_told_in_the_servers_words() -> None:
    missing = failure(404, 'pods "a" not found', "NotFound")
    hidden = failure(403, 'pods "b" is forbidden: User "u" cannot get', "Forbidden")
    script = {"get a": missing, "get b": hidden}
    async with serving(**script) as server, api_of(server) as api:
        with pytest.raises(NotFound, match='pods "a" not found'):
            await api.get(PODS, "shop", "a")
        with pytest.raises(Forbidden, match='User "u" cannot get'):
            await api.get(PODS, "shop", "b")


async def test_a_list_comes_in_pages_and_keeps_its_version() -> None:
    pages = [listed(9, pod("a"), token="t1"), listed(9, pod("b"), token="t2"), listed(9, pod("c"))]
    async with serving(list=pages) as server, api_of(server) as api:
        found = await api.list(PODS, "shop", label_selector="app=web")
        assert [item.name for item in found.items or ()] == ["a", "b", "c"]
        assert found.metadata.resource_version == "9"
        assert [dict(request.query) for request in server.requests] == [
            {"limit": "500", "labelSelector": "app=web"},
            {"limit": "500", "labelSelector": "app=web", "continue": "t1"},
            {"limit": "500", "labelSelector": "app=web", "continue": "t2"},
        ]


async def test_a_kind_that_is_not_there_is_not_found_though_rules_forbid_it() -> None:
    hidden = failure(403, 'httproutes is forbidden: User "u" cannot list', "Forbidden")
    script = {"httproutes": hidden, "v1": answer(404, b"404 page not found\n", "text/plain")}
    async with serving(**script) as server, api_of(server) as api:
        with pytest.raises(NotFound):
            await api.list(HTTP_ROUTES, None)
        server.on("v1", answer(200, {"kind": "APIResourceList"}))
        with pytest.raises(Forbidden, match='User "u" cannot list'):
            await api.list(HTTP_ROUTES, None)


async def test_a_list_whose_pages_expired_starts_again() -> None:
    script = [listed(9, pod("a"), token="t"), GONE, listed(12, pod("b"))]
    async with serving(list=script) as server, api_of(server) as api:
        found = await api.list(PODS, "shop")
        assert [item.name for item in found.items or ()] == ["b"]
        assert found.metadata.resource_version == "12"


async def test_a_list_does_not_start_again_for_ever() -> None:
    script = [listed(9, pod("a"), token="t"), GONE] * 9
    async with serving(list=script) as server, api_of(server) as api:
        with pytest.raises(ApiError, match="continue parameter is too old"):
            await api.list(PODS, "shop")
        assert len(server.requests) == 6


async def test_a_list_whose_pages_never_end_is_given_up(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("kfwd.kube.api.MAX_PAGES", 3)
    async with serving(list=listed(9, pod("a"), token="t")) as server, api_of(server) as api:
        with pytest.raises(ApiError, match="does not end"):
            await api.list(PODS, "shop")
        assert len(server.requests) == 3


async def test_lists_may_span_namespaces_or_have_none() -> None:
    async with serving(list=listed(1), nodes=listed(1)) as server, api_of(server) as api:
        await api.list(PODS, None)
        await api.list(NODES, None)
        assert [request.path for request in server.requests] == ["/api/v1/pods", "/api/v1/nodes"]


@pytest.mark.parametrize(
    "body", [b"hello", b'{"items":' * 50_000, b'{"items":[{"metadata":{"name":"\xff"}}]}']
)
async def test_an_answer_that_is_no_list_is_not_the_api(body: bytes) -> None:
    async with serving(list=answer(200, body)) as server, api_of(server) as api:
        with pytest.raises(ApiError) as caught:
            await api.list(PODS, "shop")
        assert caught.value.code == "not-kubernetes"


async def test_a_page_instead_of_an_answer_is_told() -> None:
    page = answer(200, b"<html><title>Sign in</title>", "text/html")
    async with serving(version=page) as server, api_of(server) as api:
        with pytest.raises(ApiError, match=r'a web page \("Sign in"\)'):
            await api.version()


async def test_a_watch_asks_for_bookmarks_and_a_limited_time() -> None:
    stream = events(event("ADDED", pod("a", 8)) + bookmark(9))
    async with serving(watch=stream) as server, api_of(server) as api:
        async with api.watch(PODS, "shop", resource_version="7", timeout_s=300) as batches:
            found = [found.resource_version async for batch in batches for found in batch]
        assert found == ["8", "9"]
        assert dict(server.requests[0].query) == {
            "watch": "1",
            "resourceVersion": "7",
            "allowWatchBookmarks": "true",
            "timeoutSeconds": "300",
        }


async def test_a_watch_may_be_of_one_name() -> None:
    async with serving(**{"watch a": events()}) as server, api_of(server) as api:
        field = "metadata.name=a"
        async with api.watch(
            PODS, "shop", resource_version="7", timeout_s=9, field_selector=field
        ) as batches:
            assert [batch async for batch in batches] == []
        assert server.requests[0].query["fieldSelector"] == field


@pytest.mark.parametrize("allowed", [True, False])
async def test_rules_are_asked_for_by_a_review(allowed: bool) -> None:
    review = answer(201, {"status": {"allowed": allowed}})
    async with serving(selfsubjectaccessreviews=review) as server, api_of(server) as api:
        verdict = await api.allowed("create", "pods", "shop", subresource="portforward", name="a")
        assert verdict is allowed
        [request] = server.requests
        assert request.method == "POST"
        sent = msgspec.json.decode(await request.read())
        assert sent["kind"] == "SelfSubjectAccessReview"
        assert sent["spec"]["resourceAttributes"] == {
            "verb": "create",
            "resource": "pods",
            "namespace": "shop",
            "subresource": "portforward",
            "name": "a",
            "group": "",
        }


async def test_the_version_is_asked_for() -> None:
    script = answer(200, {"gitVersion": "v1.36.2", "major": "1"})
    async with serving(version=script) as server, api_of(server) as api:
        assert await api.version() == "v1.36.2"


async def test_any_path_may_be_requested() -> None:
    async with serving(readyz=answer(200, b"ok", "text/plain")) as server, api_of(server) as api:
        assert await api.request("GET", "/readyz") == b"ok"


async def test_kinds_of_other_groups_have_their_own_path() -> None:
    async with serving(deployments=listed(1)) as server, api_of(server) as api:
        await api.list(DEPLOYMENTS, "shop")
        assert server.requests[0].path == "/apis/apps/v1/namespaces/shop/deployments"
