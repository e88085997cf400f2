"""Changes to a profile's text that leave every other character of it alone."""

from __future__ import annotations

import json
import re
from typing import Any

import yaml

from kfwd import yamldoc
from kfwd.errors import ProfileInvalid, UsageError
from kfwd.model import EntrySpec, ForwardSpec, PortSpec
from kfwd.profiles import keys
from kfwd.profiles.parse import Parsed, parse

_PLAIN = re.compile(r"[A-Za-z][A-Za-z0-9/._-]*")
_BY_HAND = "add the forward by hand: kfwd profile edit NAME"


def new_profile(*, context: str | None = None, namespace: str | None = None) -> str:
    """The text of a profile without forwards."""
    pairs = [("context", context), ("namespace", namespace)]
    return "version: 1\n" + "".join(f"{key}: {_scalar(value)}\n" for key, value in pairs if value)


def append_forward(text: str, name: str, forward: ForwardSpec) -> str:
    """The text of profile `name` with `forward` as its last one.

    Raises `ProfileInvalid` if the result is not valid, `UsageError` where the layout of the text
    leaves no safe place for it.
    """
    before = parse(text, name)
    if before.spec is None:
        raise _invalid(name, before)
    root = yamldoc.parse(text)[0]
    changed = _insert(text, root.node, forward)
    after = parse(changed, name)
    if after.spec is None and _count(changed) == _count(text) + 1:
        raise _invalid(name, after)
    if after.spec is None or after.spec.entries != _with(before.spec.entries, forward):
        raise UsageError(f"cannot add to profile {name} and keep its layout", hint=_BY_HAND)
    return changed


def _invalid(name: str, parsed: Parsed) -> ProfileInvalid:
    return ProfileInvalid("\n".join(f"{name}.yaml:{fault}" for fault in parsed.faults))


def _with(entries: tuple[EntrySpec, ...], forward: ForwardSpec) -> tuple[EntrySpec, ...]:
    """`forward` behind the forwards there are; other kinds of entries come after those."""
    forwards = [entry for entry in entries if isinstance(entry, ForwardSpec)]
    return (*forwards, forward, *(e for e in entries if not isinstance(e, ForwardSpec)))


def _count(text: str) -> int:
    """How many forwards YAML sees; -1 where it sees none of a profile."""
    value = yamldoc.parse(text)[0].value
    return len(value.get(keys.FORWARDS) or ()) if isinstance(value, dict) else -1


def _insert(text: str, root: Any, forward: ForwardSpec) -> str:
    newline = "\r\n" if "\r\n" in text else "\n"
    pair = next((p for p in root.value if p[0].value == keys.FORWARDS), None)
    if pair is None and not root.flow_style:
        block = ["forwards:", *_block(forward, "  ")]
        return _after_line(text, _last_line(root), newline.join(block), newline)
    if pair is None:
        comma, end = (", ", _end(root.value[-1][1])) if root.value else ("", _end(root) - 1)
        return _splice(text, end, f"{comma}forwards: [{_flow(forward)}]")
    value = pair[1]
    if not isinstance(value, yaml.SequenceNode) or (value.flow_style and not value.value):
        return _into_empty(text, pair, forward, newline)
    if value.flow_style:
        return _splice(text, _end(value.value[-1]), f", {_flow(forward)}")
    indent = " " * value.start_mark.column
    return _after_line(text, _last_line(value), newline.join(_block(forward, indent)), newline)


def _into_empty(text: str, pair: Any, forward: ForwardSpec, newline: str) -> str:
    """`forwards:` with nothing, `null` or `[]` behind it."""
    key, value = pair
    start, end = value.start_mark.index, value.end_mark.index
    if start == end:
        block = _block(forward, "  ")
        return _after_line(text, key.end_mark.line, newline.join(block), newline)
    return f"{text[:start]}[{_flow(forward)}]{text[end:]}"


def _splice(text: str, index: int, piece: str) -> str:
    return text[:index] + piece + text[index:]


def _after_line(text: str, line: int, piece: str, newline: str) -> str:
    lines = text.splitlines(keepends=True)
    if lines and not lines[line].endswith(("\n", "\r")):
        lines[line] += newline
    return "".join([*lines[: line + 1], piece, newline, *lines[line + 1 :]])


def _leaf(node: Any) -> Any:
    """The last node in the text below `node`: collections end only where the next thing starts."""
    while not isinstance(node, yaml.ScalarNode) and not node.flow_style and node.value:
        last = node.value[-1]
        node = last[1] if isinstance(node, yaml.MappingNode) else last
    return node


def _end(node: Any) -> int:
    index: int = _leaf(node).end_mark.index
    return index


def _last_line(node: Any) -> int:
    """The line on which `node` ends. A block scalar's end is the start of the line after it."""
    mark = _leaf(node).end_mark
    line: int = mark.line - 1 if mark.column == 0 and mark.line else mark.line
    return line


def _pairs(forward: ForwardSpec) -> list[tuple[str, str]]:
    """The keys of a forward that differ from the defaults, and their YAML."""
    default = ForwardSpec(name="", target="", ports=())
    pairs = [("name", _scalar(forward.name)), ("target", _scalar(forward.target))]
    pairs.append(("ports", _list(_port(port) for port in forward.ports)))
    if forward.namespace is not None:
        pairs.append(("namespace", _scalar(forward.namespace)))
    if forward.address != default.address:
        pairs.append(("address", _list(forward.address)))
    if forward.spread != default.spread:
        pairs.append(("spread", forward.spread))
    if forward.hold_s != default.hold_s:
        pairs.append(("hold", f"{forward.hold_s * 1000:.0f}ms"))
    if forward.via != default.via:
        pairs.append(("via", forward.via))
    return pairs


def _block(forward: ForwardSpec, indent: str) -> list[str]:
    dashes = [indent + "- ", *[indent + "  "] * 7]
    return [f"{d}{key}: {value}" for d, (key, value) in zip(dashes, _pairs(forward), strict=False)]


def _flow(forward: ForwardSpec) -> str:
    return "{" + ", ".join(f"{key}: {value}" for key, value in _pairs(forward)) + "}"


def _port(port: PortSpec) -> str:
    return port.remote if str(port.local) == port.remote else str(port)


def _list(values: Any) -> str:
    return f"[{', '.join(_scalar(value) for value in values)}]"


def _scalar(value: str) -> str:
    """The plain form where YAML reads it as the same text, else a quoted one."""
    if _PLAIN.fullmatch(value) and yamldoc.load(value) == value:
        return value
    return json.dumps(value, ensure_ascii=False)
