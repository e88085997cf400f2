"""The JSON Schema of profiles, made of the table that the parser reads with."""

from __future__ import annotations

import json
from collections.abc import Mapping
from typing import Any

from kfwd.profiles import keys
from kfwd.profiles.gateway_keys import GATEWAY, GATEWAY_KEY
from kfwd.profiles.proxy_keys import PROXIES, PROXY


def profile_schema() -> dict[str, Any]:
    """JSON Schema (draft 2020-12). Clashing listeners and duplicate names are beyond it."""
    forward = _mapping(keys.FORWARD)
    profile = _mapping(keys.PROFILE)
    profile["properties"][keys.FORWARDS] = {
        "description": "Local listeners whose connections end at an endpoint of a target.",
        "type": ["array", "null"],
        "items": forward,
    }
    profile["properties"][PROXIES] = {
        "description": "Local HTTP listeners: the cluster's API, or one app at /.",
        "type": ["array", "null"],
        "items": _mapping(PROXY),
    }
    profile["properties"][GATEWAY_KEY] = {
        "description": "A local HTTP and SOCKS listener for the whole cluster.",
        **_mapping(GATEWAY),
        "type": ["object", "null"],
    }
    return {
        "$schema": "https://json-schema.org/draft/2020-12/schema",
        "title": "kfwd profile",
        **profile,
    }


def text() -> str:
    """The schema as the committed file `config/profile.schema.json` has it."""
    return json.dumps(profile_schema(), indent=2) + "\n"


def _mapping(known: Mapping[str, keys.Key]) -> dict[str, Any]:
    schema: dict[str, Any] = {
        "type": "object",
        "additionalProperties": False,
        "properties": {name: _value(key) for name, key in known.items()},
    }
    if required := [name for name, key in known.items() if key.required]:
        schema["required"] = required
    return schema


def _value(key: keys.Key) -> dict[str, Any]:
    one = dict(key.schema)
    if not key.many:
        return {"description": key.about, **one}
    several = {"type": "array", "items": one, "minItems": 1}
    return {"description": key.about, "anyOf": [*one.get("anyOf", [one]), several]}
