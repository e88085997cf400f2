"""Failures as the API server words them: `metav1.Status` and what fills it.

Texts follow apimachinery `api/errors` and apiserver `responsewriters/errors.go`
(protocol notes A.4).
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from kfwd.sim.resources import Resource

Obj = dict[str, Any]


class StatusError(Exception):
    """An answer of the API server outside 2xx, as a Status object."""

    def __init__(
        self,
        code: int,
        reason: str,
        message: str,
        details: Obj | None = None,
        headers: Mapping[str, str] | None = None,
    ) -> None:
        super().__init__(message)
        self.code = code
        self.reason = reason
        self.message = message
        self.details = details or {}
        self.headers = dict(headers or {})

    def status(self) -> Obj:
        """The Status object of this failure."""
        status: Obj = {
            "kind": "Status",
            "apiVersion": "v1",
            "metadata": {},
            "status": "Failure",
            "message": self.message,
        }
        if self.reason:
            status["reason"] = self.reason
        if self.details:
            status["details"] = self.details
        return {**status, "code": self.code}


def _details(resource: Resource | None, name: str = "", kind: str | None = None) -> Obj:
    """`details` of a Status: empty fields are left out."""
    if resource is None:
        return {}
    fields = {"name": name, "group": resource.group, "kind": kind or resource.name}
    return {key: value for key, value in fields.items() if value}


def not_found(resource: Resource, name: str) -> StatusError:
    return StatusError(
        404, "NotFound", f'{resource.qualified} "{name}" not found', _details(resource, name)
    )


def no_such_path() -> StatusError:
    """What every path answers that no handler is registered for."""
    return StatusError(404, "NotFound", "the server could not find the requested resource")


def already_exists(resource: Resource, name: str) -> StatusError:
    return StatusError(
        409,
        "AlreadyExists",
        f'{resource.qualified} "{name}" already exists',
        _details(resource, name),
    )


def conflict(resource: Resource, name: str, why: str | None = None) -> StatusError:
    why = why or (
        "the object has been modified; please apply your changes to the latest version "
        "and try again"
    )
    return StatusError(
        409,
        "Conflict",
        f'Operation cannot be fulfilled on {resource.qualified} "{name}": {why}',
        _details(resource, name),
    )


def invalid(resource: Resource, name: str, faults: list[tuple[str, str]]) -> StatusError:
    """422 with one `(field, message)` cause each; kubectl prints the message."""
    causes = [
        {"reason": "FieldValueInvalid", "message": message, "field": field}
        for field, message in faults
    ]
    texts = [f"{field}: {message}" for field, message in faults]
    text = texts[0] if len(texts) == 1 else f"[{', '.join(texts)}]"
    kind = f"{resource.kind}.{resource.group}" if resource.group else resource.kind
    return StatusError(
        422,
        "Invalid",
        f'{kind} "{name}" is invalid: {text}',
        {**_details(resource, name, resource.kind), "causes": causes},
    )


def bad_request(message: str) -> StatusError:
    return StatusError(400, "BadRequest", message)


def unauthorized() -> StatusError:
    return StatusError(401, "Unauthorized", "Unauthorized")


def method_not_allowed() -> StatusError:
    return StatusError(
        405, "MethodNotAllowed", "the server does not allow this method on the requested resource"
    )


def unsupported_media_type(content_type: str) -> StatusError:
    return StatusError(
        415,
        "UnsupportedMediaType",
        "the body of the request was in an unknown format - accepted media types include: "
        "application/json, application/yaml, application/vnd.kubernetes.protobuf "
        f"(not {content_type})",
    )


def expired(requested: int, oldest: int) -> StatusError:
    """410 for a resourceVersion that left the history (protocol notes I.3)."""
    return StatusError(410, "Expired", f"too old resource version: {requested} ({oldest})")


def continue_expired() -> StatusError:
    return StatusError(
        410,
        "Expired",
        "The provided continue parameter is too old to display a consistent list result. "
        "You can start a new list without the continue parameter.",
    )


def too_large_version(requested: int, current: int) -> StatusError:
    """504 for a resourceVersion from the future (protocol notes I.2)."""
    return StatusError(
        504,
        "Timeout",
        f"Timeout: Too large resource version: {requested}, current: {current}",
        {
            "causes": [
                {"reason": "ResourceVersionTooLarge", "message": "Too large resource version"}
            ],
            "retryAfterSeconds": 1,
        },
        {"Retry-After": "1"},
    )
