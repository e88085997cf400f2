"""A request and its answer, free of the HTTP library, and the three shapes objects are shown in."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from datetime import datetime
from typing import Any, Literal

import msgspec
from msgspec import Struct

from kfwd import yamldoc
from kfwd.sim import protobuf, tables
from kfwd.sim.auth import User
from kfwd.sim.requests import Info
from kfwd.sim.resources import Resource
from kfwd.sim.status import StatusError, bad_request, unsupported_media_type
from kfwd.sim.store import Change, Watcher

Obj = dict[str, Any]
Form = Literal["object", "table", "partial"]


class Request(Struct, frozen=True, kw_only=True):
    """An authenticated request. Header names are lower case."""

    info: Info
    query: Mapping[str, str]
    user: User
    headers: Mapping[str, str] = {}
    body: bytes = b""

    @property
    def accept(self) -> str:
        return self.headers.get("accept", "")

    @property
    def dry_run(self) -> bool:
        return self.query.get("dryRun") == "All"


class Answer(Struct, frozen=True, kw_only=True):
    """A whole answer: JSON unless `content_type` says otherwise."""

    body: bytes
    code: int = 200
    content_type: str = "application/json"
    headers: Mapping[str, str] = {}


class WatchAnswer(Struct, frozen=True, kw_only=True):
    """A stream of watch events: `first` lines, then what `watcher` brings, encoded by `line`."""

    resource: Resource
    first: list[bytes]
    watcher: Watcher
    line: Callable[[Change], bytes]
    bookmark: Callable[[int], bytes] | None
    timeout_s: float | None


def json_answer(value: object, code: int = 200) -> Answer:
    return Answer(body=msgspec.json.encode(value) + b"\n", code=code)


def error_answer(error: StatusError) -> Answer:
    body = msgspec.json.encode(error.status()) + b"\n"
    return Answer(body=body, code=error.code, headers=error.headers)


def body_of(request: Request) -> Any:
    """The decoded body: JSON, YAML or protobuf. Raises 400 or 415."""
    content_type = request.headers.get("content-type", "application/json").partition(";")[0]
    try:
        if content_type.endswith("json"):
            return msgspec.json.decode(request.body)
        if content_type.endswith("yaml"):
            return yamldoc.load(request.body.decode())
        if content_type == protobuf.MEDIA_TYPE:
            return protobuf.decode(request.body)
    except (ValueError, msgspec.DecodeError) as error:
        raise bad_request(f"the object provided is unrecognized: {error}") from error
    raise unsupported_media_type(content_type)


def object_of(request: Request) -> Obj:
    """The body as an object with a metadata mapping. Raises 400."""
    body = body_of(request)
    if not isinstance(body, dict):
        raise bad_request("the object provided is unrecognized: expected a mapping")
    body["metadata"] = body.get("metadata") or {}
    return body


def options_of(request: Request) -> Obj:
    """DeleteOptions and the like: the body if there is one, else the query."""
    if request.body.strip():
        return object_of(request)
    options: Obj = dict(request.query)
    if "gracePeriodSeconds" in options:
        try:
            options["gracePeriodSeconds"] = int(options["gracePeriodSeconds"])
        except ValueError:
            raise bad_request("gracePeriodSeconds must be a number") from None
    return options


def form_of(accept: str) -> Form:
    """The first form in an Accept header that this server can give."""
    for part in accept.split(","):
        if "as=Table" in part and "v=v1beta1" not in part:
            return "table"
        if "as=PartialObjectMetadata" in part and "v=v1beta1" not in part:
            return "partial"
        if part.strip() in {"application/json", "*/*"}:
            break
    return "object"


def full(resource: Resource, obj: Obj) -> Obj:
    """An object with its kind and apiVersion, which the store and lists leave out."""
    return {"kind": resource.kind, "apiVersion": resource.api_version, **obj}


def partial(obj: Obj) -> Obj:
    return {
        "kind": "PartialObjectMetadata",
        "apiVersion": "meta.k8s.io/v1",
        "metadata": obj["metadata"],
    }


class Shape:
    """How one request wants objects shown."""

    def __init__(self, resource: Resource, request: Request, now: Callable[[], datetime]) -> None:
        self.resource = resource
        self.form = form_of(request.accept)
        self._include = request.query.get("includeObject", "Metadata")
        self._now = now
        self._headers = True

    def _table(self, objects: list[Obj], meta: Obj) -> Obj:
        shown = [full(self.resource, obj) for obj in objects]
        headers, self._headers = self._headers, False
        return tables.table(
            self.resource, shown, meta, self._now(), include=self._include, headers=headers
        )

    def one(self, obj: Obj) -> Obj:
        """A single object. In a watch only the first Table carries the column definitions."""
        if self.form == "table":
            return self._table([obj], {"resourceVersion": obj["metadata"]["resourceVersion"]})
        return partial(obj) if self.form == "partial" else full(self.resource, obj)

    def many(self, objects: list[Obj], meta: Obj) -> Obj:
        """A list with its metadata."""
        if self.form == "table":
            return self._table(objects, meta)
        if self.form == "partial":
            return {
                "kind": "PartialObjectMetadataList",
                "apiVersion": "meta.k8s.io/v1",
                "metadata": meta,
                "items": [partial(obj) for obj in objects],
            }
        return {
            "kind": f"{self.resource.kind}List",
            "apiVersion": self.resource.api_version,
            "metadata": meta,
            "items": objects,
        }

    def marker(self, meta: Obj) -> Obj:
        """The object of a bookmark."""
        if self.form != "table":
            return {**self.one({"metadata": meta}), "metadata": meta}
        found = self._table([], meta)
        return {**found, "rows": [{"cells": [], "object": partial({"metadata": meta})}]}


def event_line(kind: str, obj: Obj) -> bytes:
    """One line of a watch stream (protocol notes I.1, rule 2)."""
    return msgspec.json.encode({"type": kind, "object": obj}) + b"\n"
