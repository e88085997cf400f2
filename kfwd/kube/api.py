"""The Kubernetes API of one context: objects, lists, watches, and what we are allowed."""

from __future__ import annotations

from collections.abc import AsyncIterator, Mapping
from contextlib import asynccontextmanager, suppress
from typing import Any

import msgspec
from msgspec import Struct

from kfwd.decoding import decoder
from kfwd.errors import NOT_JSON, ApiError, Forbidden
from kfwd.kube import answers
from kfwd.kube.answers import Answer
from kfwd.kube.connect import Server
from kfwd.kube.credentials import Credentials
from kfwd.kube.exchange import Exchange, Report, Request, unreported
from kfwd.kube.objects import Kind, List, ListMeta, T, list_decoder
from kfwd.kube.watch import Batches, EventDecoder

REQUEST_S = 30.0
PAGE = 500
MAX_PAGES = 1000
LIST_RESTARTS = 3
WATCH_SLACK_S = 30.0
"""How much longer than the time it was asked for a watch may stay silent."""

EXPIRED = 410
ACCESS_REVIEWS = "/apis/authorization.k8s.io/v1/selfsubjectaccessreviews"


class _Version(Struct, frozen=True, rename="camel"):
    git_version: str


class _Verdict(Struct, frozen=True):
    allowed: bool = False


class _Review(Struct, frozen=True):
    status: _Verdict = _Verdict()


class Api:
    """Requests to one API server.

    Errors of all methods: `Unreachable`, `LoginNeeded`, `ConfigError`, and with the server's own
    words `Forbidden`, `NotFound`, `ApiError`. `report` is told how each went (see `Exchange`).
    """

    def __init__(
        self, server: Server, credentials: Credentials, *, report: Report = unreported
    ) -> None:
        self._where = server.authority
        self._exchange = Exchange(server, credentials, report=report)

    async def request(
        self,
        method: str,
        path: str,
        *,
        params: Mapping[str, str] | None = None,
        body: bytes | None = None,
        timeout: float = REQUEST_S,
    ) -> bytes:
        """The body of the 2xx answer to `path`, which is without the server's prefix.

        `timeout` seconds bound the whole, retries that the server asks for included.
        """
        request = Request(method=method, path=path, params=params or {}, body=body)
        return (await self._exchange.complete(request, timeout=timeout)).body

    async def get(self, kind: Kind[T], namespace: str | None, name: str) -> T:
        """One object. Raises `NotFound`."""
        request = Request(path=kind.path(namespace, name))
        answer = await self._exchange.complete(request, timeout=REQUEST_S)
        found: T = self._decode(answer, decoder(kind.type))
        return found

    async def list(
        self,
        kind: Kind[T],
        namespace: str | None,
        *,
        field_selector: str | None = None,
        label_selector: str | None = None,
    ) -> List[T]:
        """All objects (of all namespaces where none is given) as of one moment, the latest.

        Fetched in pages of 500; `metadata.resource_version` is where a watch goes on. Raises
        `NotFound` for a kind that the cluster does not have, whatever we may list.
        """
        params = {"limit": str(PAGE)} | _selection(field_selector, label_selector)
        try:
            return await self._whole(kind, namespace, params)
        except Forbidden:
            if kind.optional:  # rules are asked before there is anything to find
                with suppress(Forbidden):
                    await self._exchange.complete(Request(path=kind.base), timeout=REQUEST_S)
            raise

    async def _whole(self, kind: Kind[T], namespace: str | None, params: dict[str, str]) -> List[T]:
        """All pages of one list, begun anew where they expire."""
        for _ in range(LIST_RESTARTS):
            try:
                return await self._pages(kind, kind.path(namespace), params)
            except ApiError as error:
                if error.status != EXPIRED:
                    raise
                expired = error
        raise expired

    async def _pages(self, kind: Kind[T], path: str, params: dict[str, str]) -> List[T]:
        items: list[T] = []
        token = ""
        for _ in range(MAX_PAGES):
            request = Request(path=path, params=params | ({"continue": token} if token else {}))
            answer = await self._exchange.complete(request, timeout=REQUEST_S, measured=False)
            page: List[T] = self._decode(answer, list_decoder(kind))
            items += page.items or ()
            token = page.metadata.continue_
            if not token:
                version = page.metadata.resource_version
                return List(metadata=ListMeta(resource_version=version), items=tuple(items))
        raise ApiError(f"{self._where}: the list of {path} does not end", status=200)

    @asynccontextmanager
    async def watch(
        self,
        kind: Kind[T],
        namespace: str | None,
        *,
        resource_version: str,
        timeout_s: int,
        field_selector: str | None = None,
    ) -> AsyncIterator[Batches[T]]:
        """The events after `resource_version`, in batches, with bookmarks.

        Entering waits for the server's answer. The stream ends after `timeout_s` seconds, or
        earlier as the server likes; a cut connection raises `Unreachable`, garbage `ProtocolError`.
        """
        params = {
            "watch": "1",
            "resourceVersion": resource_version,
            "allowWatchBookmarks": "true",
            "timeoutSeconds": str(timeout_s),
        } | _selection(field_selector, None)
        request = Request(path=kind.path(namespace), params=params)
        async with self._exchange.stream(request, silence_s=timeout_s + WATCH_SLACK_S) as read:
            yield Batches(read, EventDecoder(kind))

    async def allowed(
        self,
        verb: str,
        resource: str,
        namespace: str | None,
        *,
        subresource: str = "",
        name: str = "",
        group: str = "",
    ) -> bool:
        """Whether we may do this (SelfSubjectAccessReview); no name means any."""
        attributes = {
            "verb": verb,
            "resource": resource,
            "namespace": namespace or "",
            "subresource": subresource,
            "name": name,
            "group": group,
        }
        review = {
            "apiVersion": "authorization.k8s.io/v1",
            "kind": "SelfSubjectAccessReview",
            "spec": {"resourceAttributes": attributes},
        }
        request = Request(method="POST", path=ACCESS_REVIEWS, body=msgspec.json.encode(review))
        answer = await self._exchange.complete(request, timeout=REQUEST_S)
        found: _Review = self._decode(answer, decoder(_Review))
        return found.status.allowed

    async def version(self, *, timeout: float = REQUEST_S) -> str:
        """The server's version, such as `v1.36.2`: a small request that everybody may make."""
        answer = await self._exchange.complete(Request(path="/version"), timeout=timeout)
        found: _Version = self._decode(answer, decoder(_Version))
        return found.git_version

    async def close(self) -> None:
        await self._exchange.close()

    def _decode(self, answer: Answer, shape: msgspec.json.Decoder[Any]) -> Any:
        try:
            return shape.decode(answer.body)
        except NOT_JSON as error:
            raise answers.not_json(answer, self._where) from error


def _selection(field_selector: str | None, label_selector: str | None) -> dict[str, str]:
    given = {"fieldSelector": field_selector, "labelSelector": label_selector}
    return {key: value for key, value in given.items() if value}
