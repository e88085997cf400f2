"""YAML by the 1.2 core rules, with the place of every value. A leaf: it knows text, nothing else.

Plain scalars are `true`/`false`, `null`, decimal, `0o` and `0x` integers and floats; everything
else is a string, so `8080:22`, `on`, `no` and `1_000` mean what they look like (YAML 1.1 reads a
number in base 60 and booleans). Mapping keys are strings, as in JSON. Anchors, aliases, `<<` work.
"""

from __future__ import annotations

import contextlib
import re
from collections.abc import Iterator
from typing import Any

import yaml
from msgspec import Struct, field

Path = tuple[str | int, ...]
MAX_DEPTH = 200

_TAG = "tag:yaml.org,2002:"
_INT = re.compile(r"(?:[-+]?[0-9]+|0o[0-7]+|0x[0-9a-fA-F]+)\Z")
_FLOAT = re.compile(
    r"(?:[-+]?(?:\.[0-9]+|[0-9]+(?:\.[0-9]*)?)(?:[eE][-+]?[0-9]+)?"
    r"|[-+]?\.(?:inf|Inf|INF)|\.(?:nan|NaN|NAN))\Z"
)
_BASES = {"0o": 8, "0x": 16}


class Fault(Struct, frozen=True):
    """Something wrong in a text. `line` and `column` count from 1."""

    line: int
    column: int
    message: str

    def __str__(self) -> str:
        return f"{self.line}:{self.column}: {self.message}"


class Document(Struct, frozen=True):
    """One document: its plain value, where each part of it stands, and what is wrong with it.

    With a syntax fault `value` and `node` are None. `node` is PyYAML's, for edits that must keep
    the text around them.
    """

    value: Any
    faults: list[Fault] = field(default_factory=list)
    node: Any = None

    def position(self, path: Path = ()) -> tuple[int, int]:
        """Line and column (from 1) of the value at `path`, or of the nearest one that is there."""
        return _place(self._walk(path)[1])

    def key_position(self, path: Path) -> tuple[int, int]:
        """The same for the key that leads to `path`'s value; an item of a list has none."""
        return _place(self._walk(path)[0])

    def _walk(self, path: Path) -> tuple[Any, Any]:
        key = value = self.node
        for step in path:
            found = _child(value, step)
            if found is None:
                break
            key, value = found
        return key, value


def parse(text: str) -> list[Document]:
    """All documents of `text`; a syntax fault ends the list with a document that carries it."""
    documents: list[Document] = []
    try:
        for node in _compose(text):
            builder = _Builder()
            documents.append(Document(builder.build(node), sorted_faults(builder.faults), node))
    except (yaml.YAMLError, UnicodeEncodeError, RecursionError) as error:
        documents.append(Document(None, [_syntax_fault(text, error)]))
    return documents


def load(text: str) -> Any:
    """The plain value of the first document (None for an empty text).

    Raises `ValueError` with `line:column: message` of the first fault in the whole text.
    """
    documents = parse(text)
    for document in documents:
        if document.faults:
            raise ValueError(str(document.faults[0]))
    return documents[0].value if documents else None


def sorted_faults(faults: list[Fault]) -> list[Fault]:
    """In the order of the text."""
    return sorted(faults, key=lambda fault: (fault.line, fault.column))


# libyaml where PyYAML was built with it: ten times faster.
class _Loader(getattr(yaml, "CSafeLoader", yaml.SafeLoader)):  # type: ignore[misc]  # chosen at run time
    """PyYAML's composer with the implicit types of the YAML 1.2 core schema."""

    yaml_implicit_resolvers: dict[str, Any] = {}  # noqa: RUF012  # PyYAML's own class attribute


_DIGITS = list("-+0123456789")
_Loader.add_implicit_resolver(
    _TAG + "bool", re.compile(r"(?:true|True|TRUE|false|False|FALSE)\Z"), list("tTfF")
)
_Loader.add_implicit_resolver(
    _TAG + "null", re.compile(r"(?:~|null|Null|NULL|)\Z"), ["~", "n", "N", ""]
)
_Loader.add_implicit_resolver(_TAG + "int", _INT, _DIGITS)
_Loader.add_implicit_resolver(_TAG + "float", _FLOAT, [*_DIGITS, "."])
_Loader.add_implicit_resolver(_TAG + "merge", re.compile(r"<<\Z"), ["<"])


def _compose(text: str) -> Iterator[Any]:
    with contextlib.suppress(yaml.YAMLError):  # the composer will meet and report it
        _check_depth(text)
    loader = _Loader(text)
    try:
        while loader.check_node():
            yield loader.get_node()
    finally:
        loader.dispose()


def _check_depth(text: str) -> None:
    """Raise `RecursionError` beyond `MAX_DEPTH`: PyYAML's C composer recurses until it crashes."""
    depth = 0
    for event in yaml.parse(text, Loader=_Loader):
        if isinstance(event, yaml.CollectionStartEvent):
            depth += 1
        elif isinstance(event, yaml.CollectionEndEvent):
            depth -= 1
        if depth > MAX_DEPTH:
            raise RecursionError(f"nested more than {MAX_DEPTH} levels deep")


class _Builder:
    """Plain values from nodes. Each node is built once, so aliases cost nothing however often."""

    def __init__(self) -> None:
        self.faults: list[Fault] = []
        self._built: dict[int, Any] = {}
        self._open: set[int] = set()

    def build(self, node: Any) -> Any:
        key = id(node)
        if key in self._open:
            self._fault(node, "an alias inside the value it stands for")
            return None
        if key not in self._built:
            self._open.add(key)
            self._built[key] = self._value(node)
            self._open.discard(key)
        return self._built[key]

    def _value(self, node: Any) -> Any:
        if isinstance(node, yaml.MappingNode) and node.tag == _TAG + "map":
            return self._mapping(node)
        if isinstance(node, yaml.SequenceNode) and node.tag == _TAG + "seq":
            return [self.build(item) for item in node.value]
        if isinstance(node, yaml.ScalarNode):
            return self._scalar(node)
        return self._fault(node, f"unknown tag {_shown(node.tag)}")

    def _mapping(self, node: Any) -> dict[str, Any]:
        own: dict[str, Any] = {}
        merged: dict[str, Any] = {}
        first: dict[str, Any] = {}
        for key, value in node.value:
            if not isinstance(key, yaml.ScalarNode):
                self._fault(key, "a key must be a plain word or a string")
            elif key.tag == _TAG + "merge":
                merged = self._merge(value) | merged
            elif key.value in first:
                line = first[key.value].start_mark.line + 1
                self._fault(key, f'duplicate key "{key.value}" (first in line {line})')
            else:
                first[key.value] = key
                own[key.value] = self.build(value)
        return merged | own if merged else own

    def _merge(self, node: Any) -> dict[str, Any]:
        sources = node.value if isinstance(node, yaml.SequenceNode) else [node]
        merged: dict[str, Any] = {}
        for source in sources:
            value = self.build(source)
            if isinstance(value, dict):
                merged = value | merged
            else:
                self._fault(source, "<< needs a mapping or a list of mappings")
        return merged

    def _scalar(self, node: Any) -> Any:
        build = _SCALARS.get(node.tag)
        if build is None:
            return self._fault(node, f"unknown tag {_shown(node.tag)}")
        try:
            return build(node.value)
        except ValueError:
            return self._fault(node, f'"{node.value}" is no {_shown(node.tag).lstrip("!")}')

    def _fault(self, node: Any, message: str) -> None:
        self.faults.append(Fault(*_place(node), message))


def _boolean(text: str) -> bool:
    if text.lower() not in {"true", "false"}:
        raise ValueError(text)
    return text.lower() == "true"


def _integer(text: str) -> int:
    if not _INT.match(text):
        raise ValueError(text)
    return int(text[2:], _BASES[text[:2]]) if text[:2] in _BASES else int(text)


def _float(text: str) -> float:
    if not _FLOAT.match(text):
        raise ValueError(text)
    digits = text.lower()
    return float(digits.replace(".", "") if digits.endswith(("inf", "nan")) else digits)


_SCALARS: dict[str, Any] = {
    _TAG + "str": str,
    _TAG + "bool": _boolean,
    _TAG + "int": _integer,
    _TAG + "float": _float,
    _TAG + "null": lambda text: None,
    _TAG + "merge": str,
}


def _place(node: Any) -> tuple[int, int]:
    if node is None:
        return 1, 1
    return node.start_mark.line + 1, node.start_mark.column + 1


def _child(node: Any, step: str | int) -> tuple[Any, Any] | None:
    if isinstance(node, yaml.SequenceNode) and isinstance(step, int) and step < len(node.value):
        return node.value[step], node.value[step]
    if isinstance(node, yaml.MappingNode):
        for key, value in node.value:
            if isinstance(key, yaml.ScalarNode) and key.value == step:
                return key, value
    return None


def _shown(tag: str) -> str:
    return tag.replace(_TAG, "!!")


def _too_deep(error: Exception) -> bool:
    """Whether libyaml's own bound on flow levels was met, in versions that have one."""
    problem = error.problem if isinstance(error, yaml.MarkedYAMLError) else None
    return problem is not None and "maximum nesting depth" in problem


def _syntax_fault(text: str, error: Exception) -> Fault:
    if isinstance(error, RecursionError) or _too_deep(error):
        return Fault(1, 1, f"nested more than {MAX_DEPTH} levels deep")
    if isinstance(error, yaml.MarkedYAMLError):
        mark = error.problem_mark or error.context_mark
        line, column = (mark.line + 1, mark.column + 1) if mark else (1, 1)
        return Fault(line, column, error.problem or error.context or "not YAML")
    offset = getattr(error, "position", getattr(error, "start", 0))
    before = text[:offset]
    line = before.count("\n") + 1
    return Fault(
        line, offset - (before.rfind("\n") + 1) + 1, "a character that YAML does not allow"
    )
