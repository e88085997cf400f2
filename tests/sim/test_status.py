from __future__ import annotations

from kfwd.sim import status
from kfwd.sim.resources import BY_NAME

DEPLOYMENTS = BY_NAME["deployments"]


def test_failures_are_status_objects_with_details() -> None:
    assert status.not_found(DEPLOYMENTS, "x").status() == {
        "kind": "Status",
        "apiVersion": "v1",
        "metadata": {},
        "status": "Failure",
        "message": 'deployments.apps "x" not found',
        "reason": "NotFound",
        "details": {"name": "x", "group": "apps", "kind": "deployments"},
        "code": 404,
    }
    assert "details" not in status.unauthorized().status()


def test_an_invalid_object_lists_each_fault() -> None:
    error = status.invalid(DEPLOYMENTS, "x", [("spec.a", "bad"), ("spec.b", "worse")])
    assert error.message == 'Deployment.apps "x" is invalid: [spec.a: bad, spec.b: worse]'
    assert [cause["field"] for cause in error.details["causes"]] == ["spec.a", "spec.b"]


def test_an_expired_version_reads_as_clients_expect() -> None:
    error = status.expired(1, 100)
    assert (error.code, error.reason) == (410, "Expired")
    assert error.message == "too old resource version: 1 (100)"


def test_a_version_from_the_future_says_when_to_come_again() -> None:
    error = status.too_large_version(9, 3)
    assert error.headers == {"Retry-After": "1"}
    assert error.details["causes"][0]["reason"] == "ResourceVersionTooLarge"
