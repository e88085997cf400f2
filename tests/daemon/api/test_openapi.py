"""The document says what the routes do, and what the server serves."""

from __future__ import annotations

import re
from typing import Any

import msgspec
import pytest

from kfwd.daemon.api.openapi import document
from kfwd.daemon.api.routes import ALL
from tests.daemon.rig import Rig

DOCUMENT = document(ALL)


def references(part: Any) -> list[str]:
    if isinstance(part, dict):
        here = [part["$ref"]] if isinstance(part.get("$ref"), str) else []
        return here + [found for value in part.values() for found in references(value)]
    return [found for value in part for found in references(value)] if type(part) is list else []


async def test_every_operation_of_the_document_is_served_and_nothing_else(rig: Rig) -> None:
    status, served = await rig.call("GET", "/v1/openapi.json")
    assert status == 200
    assert served == msgspec.json.decode(msgspec.json.encode(DOCUMENT))
    documented = {
        (method.upper(), path) for path, item in served["paths"].items() for method in item
    }
    assert documented == {(route.method, route.path) for route in ALL}


def test_every_reference_leads_to_a_schema() -> None:
    schemas = DOCUMENT["components"]["schemas"]
    wanted = {reference.removeprefix("#/components/schemas/") for reference in references(DOCUMENT)}
    assert wanted
    assert wanted <= set(schemas)


@pytest.mark.parametrize("route", ALL, ids=lambda route: f"{route.method} {route.path}")
def test_an_operation_names_its_parameters_and_bodies(route: Any) -> None:
    operation = DOCUMENT["paths"][route.path][route.method.lower()]
    assert operation["summary"].endswith((".", "."))
    named = {p["name"] for p in operation.get("parameters", ()) if p["in"] == "path"}
    assert named == set(re.findall(r"\{(\w+)\}", route.path))
    query = {p["name"] for p in operation.get("parameters", ()) if p["in"] == "query"}
    assert query == set(route.query.__struct_fields__)
    assert ("requestBody" in operation) == bool(route.body.__struct_fields__)
    assert "content" in operation["responses"]["200"]
    assert "content" in operation["responses"]["default"]


def test_ids_of_operations_are_unique() -> None:
    ids = [o["operationId"] for item in DOCUMENT["paths"].values() for o in item.values()]
    assert len(set(ids)) == len(ids)
