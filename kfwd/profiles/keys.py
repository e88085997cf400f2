"""The keys of a profile: one table for the parser and for the JSON Schema."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any

from msgspec import Struct

from kfwd.errors import UsageError
from kfwd.profiles import words


class Key(Struct, frozen=True, kw_only=True):
    """How a key's value is read, and its JSON Schema. `many`: one such value or a list of them."""

    read: Callable[[Any], Any]
    schema: Mapping[str, Any]
    about: str
    required: bool = False
    many: bool = False


def pattern(expression: str) -> dict[str, Any]:
    """The schema of text that matches as a whole."""
    return {"type": "string", "pattern": f"^{expression}$"}


def choice(*served: str) -> tuple[Any, dict[str, Any]]:
    """A reader and a schema; the first word is the default."""
    schema = {"enum": list(served), "default": served[0]}
    return words.one_of(*served), schema


def accepted_by(check: Callable[[str], object]) -> Callable[[Any], str]:
    """A reader of text that `check` raises no `UsageError` about."""

    def read(value: Any) -> str:
        word = words.text(value)
        try:
            check(word)
        except UsageError as error:
            raise ValueError(f"{error.text} ({error.hint})" if error.hint else error.text) from None
        return word

    return read


def _is_target(word: str) -> None:
    from kfwd.resolve import target

    target.parse(word)


TEXT = {"type": "string", "minLength": 1}
HOLD = {**pattern(words.DURATION), "default": "30s"}
_SPREAD = choice("first", "round-robin", "least-connections", "sticky")
_VIA = choice("auto", "tunnel", "direct")

FORWARD: Mapping[str, Key] = {
    "name": Key(
        read=words.name,
        schema=pattern(words.NAME),
        about="The entry is PROFILE/NAME.",
        required=True,
    ),
    "target": Key(
        read=accepted_by(_is_target),
        schema=TEXT,
        about="What stands behind it: svc/web, pod/x, deploy/x, sts/x, a selector app=web, ...",
        required=True,
    ),
    "ports": Key(
        read=words.port,
        schema={
            "anyOf": [
                pattern(rf"(([0-9]{{1,5}})?:({words.PORT_NAME}|[0-9]{{1,5}})|[0-9]{{1,5}})"),
                {"type": "integer", "minimum": 1, "maximum": 65535},
            ]
        },
        about='"8080:http" is LOCAL:REMOTE, "9000" both, ":5432" a free local port that is kept.',
        required=True,
        many=True,
    ),
    "namespace": Key(
        read=words.namespace,
        schema=pattern(words.NAMESPACE),
        about="Default: the profile's.",
    ),
    "address": Key(
        read=words.address,
        schema=TEXT,
        about="localhost (both families, the default), an IP address, or unix:/path.",
        many=True,
    ),
    "spread": Key(
        read=_SPREAD[0],
        schema=_SPREAD[1],
        about="Which ready endpoint a new connection gets. sticky: that of its client, who is told "
        "by the address, and on loopback by the process.",
    ),
    "hold": Key(
        read=words.duration,
        schema=HOLD,
        about="How long a new connection waits while nothing is behind the listener.",
    ),
    "via": Key(
        read=_VIA[0],
        schema=_VIA[1],
        about="The way to the endpoint. direct: by load balancer, node port or host port, and by "
        "a tunnel where none of them answers.",
    ),
}

PROFILE: Mapping[str, Key] = {
    "version": Key(read=words.version, schema={"const": 1}, about="The version of this format."),
    "enabled": Key(
        read=words.boolean,
        schema={"type": "boolean", "default": True},
        about="false: comes up only when it is named.",
    ),
    "context": Key(
        read=words.text,
        schema=TEXT,
        about="The kubeconfig context. Default: the current one when the profile is brought up.",
    ),
    "kubeconfig": Key(
        read=words.path,
        schema=TEXT,
        about="Kubeconfig files, merged like KUBECONFIG. Default: those of the caller.",
        many=True,
    ),
    "namespace": Key(
        read=words.namespace,
        schema=pattern(words.NAMESPACE),
        about="Default: the context's.",
    ),
}

FORWARDS = "forwards"
