"""The patches of the API: JSON patch (RFC 6902), merge patch (RFC 7386), strategic merge. Pure.

Strategic merge follows apimachinery `strategicpatch/patch.go` for the merge keys of the kinds
served here; a list without a merge key is replaced.
"""

from __future__ import annotations

from typing import Any

from kfwd.sim.store import copy_of

MERGE_KEYS: dict[str, tuple[str, ...]] = {
    "containers": ("name",),
    "initContainers": ("name",),
    "ephemeralContainers": ("name",),
    "env": ("name",),
    "volumes": ("name",),
    "volumeMounts": ("mountPath",),
    "imagePullSecrets": ("name",),
    "secrets": ("name",),
    "conditions": ("type",),
    "ownerReferences": ("uid",),
    "ports": ("containerPort", "port"),
    "hostAliases": ("ip",),
    "topologySpreadConstraints": ("topologyKey",),
    "addresses": ("type",),
    "taints": ("key",),
}
PRIMITIVE_SETS = frozenset({"finalizers"})


def merge(target: Any, patch: Any) -> Any:
    """RFC 7386: objects merge, null removes, everything else replaces."""
    if not isinstance(patch, dict):
        return copy_of(patch)
    result = dict(target) if isinstance(target, dict) else {}
    for key, value in patch.items():
        if value is None:
            result.pop(key, None)
        else:
            result[key] = merge(result.get(key), value)
    return result


def strategic(target: Any, patch: dict[str, Any]) -> Any:
    """A strategic merge patch applied to an object."""
    match patch.get("$patch"):
        case "replace":
            return {key: value for key, value in patch.items() if key != "$patch"}
        case "delete":
            return None
    result = dict(target) if isinstance(target, dict) else {}
    if isinstance(kept := patch.get("$retainKeys"), list):
        result = {key: value for key, value in result.items() if key in kept}
    for key, value in patch.items():
        if not key.startswith("$"):
            _merge_field(result, key, value)
    _directives(result, patch)
    return result


def _merge_field(result: dict[str, Any], key: str, value: Any) -> None:
    if value is None:
        result.pop(key, None)
    elif isinstance(value, dict):
        result[key] = strategic(result.get(key), value)
        if result[key] is None:
            del result[key]
    elif isinstance(value, list):
        result[key] = _merge_list(key, result.get(key) or [], value)
    else:
        result[key] = value


def _merge_key(field: str, items: list[Any]) -> str | None:
    """The key that identifies the items of a list field, None for a list that is atomic."""
    for key in MERGE_KEYS.get(field, ()):
        if items and all(isinstance(i, dict) and (key in i or "$patch" in i) for i in items):
            return key
    return None


def _merge_list(field: str, current: list[Any], patch: list[Any]) -> list[Any]:
    if field in PRIMITIVE_SETS:
        return [*current, *(item for item in patch if item not in current)]
    key = _merge_key(field, patch)
    if key is None:
        return list(patch)
    if any(item.get("$patch") == "replace" for item in patch):
        return [item for item in patch if "$patch" not in item]
    result = list(current)
    for item in patch:
        _merge_item(result, key, item)
    return result


def _merge_item(result: list[Any], key: str, item: dict[str, Any]) -> None:
    places = [i for i, old in enumerate(result) if old.get(key) == item.get(key)]
    if item.get("$patch") == "delete":
        for place in reversed(places):
            del result[place]
    elif places:
        result[places[0]] = strategic(result[places[0]], item)
    else:
        result.append(strategic({}, item))


def _directives(result: dict[str, Any], patch: dict[str, Any]) -> None:
    """`$deleteFromPrimitiveList/F` and `$setElementOrder/F`, for a field F of `result`."""
    for directive, value in patch.items():
        kind, _, field = directive.partition("/")
        if field not in result:
            continue
        if kind == "$deleteFromPrimitiveList":
            result[field] = [item for item in result[field] if item not in value]
        elif kind == "$setElementOrder":
            result[field] = _ordered(field, result[field], value)


def _ordered(field: str, items: list[Any], order: list[Any]) -> list[Any]:
    """Items in the order asked for; those the order does not name keep to the end."""
    key = _merge_key(field, order)
    wanted = [item[key] if key else item for item in order]

    def place(item: Any) -> int:
        value = item.get(key) if key else item
        return wanted.index(value) if value in wanted else len(wanted)

    return sorted(items, key=place)


def _pointer(path: str) -> list[str]:
    if path and not path.startswith("/"):
        raise ValueError(f"JSON pointer {path!r} does not begin with /")
    return [part.replace("~1", "/").replace("~0", "~") for part in path.split("/")[1:]]


def _child(value: Any, part: str) -> Any:
    try:
        return value[int(part)] if isinstance(value, list) else value[part]
    except (LookupError, TypeError, ValueError):
        raise ValueError(f"JSON patch: nothing at {part!r}") from None


def _parent(document: Any, parts: list[str]) -> Any:
    for part in parts[:-1]:
        document = _child(document, part)
    return document


def _add(document: Any, parts: list[str], value: Any) -> None:
    parent, last = _parent(document, parts), parts[-1]
    if isinstance(parent, list):
        parent.insert(len(parent) if last == "-" else int(last), value)
    elif isinstance(parent, dict):
        parent[last] = value
    else:
        raise ValueError(f"JSON patch: nothing holds {last!r}")


def _remove(document: Any, parts: list[str]) -> Any:
    parent, last = _parent(document, parts), parts[-1]
    value = _child(parent, last)
    del parent[int(last) if isinstance(parent, list) else last]
    return value


def json_patch(target: Any, operations: list[dict[str, Any]]) -> Any:
    """RFC 6902. Raises ValueError for an operation that does not apply."""
    document = {"": copy_of(target)}
    for operation in operations:
        _apply(document, operation)
    return document[""]


def _apply(document: Any, operation: dict[str, Any]) -> None:
    try:
        name, path = operation["op"], ["", *_pointer(operation["path"])]
        if name in {"move", "copy"}:
            source = ["", *_pointer(operation["from"])]
            found = _child(_parent(document, source), source[-1])
            value = _remove(document, source) if name == "move" else copy_of(found)
        elif name in {"add", "replace", "test"}:
            value = operation["value"]
    except KeyError as error:
        raise ValueError(f"JSON patch: {error} is missing") from None
    match name:
        case "add" | "move" | "copy":
            _add(document, path, value)
        case "remove":
            _remove(document, path)
        case "replace":
            _remove(document, path)
            _add(document, path, value)
        case "test":
            if _child(_parent(document, path), path[-1]) != value:
                raise ValueError(f"testing value {operation['path']} failed")
        case _:
            raise ValueError(f"JSON patch: unknown operation {name!r}")
