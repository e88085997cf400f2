"""The codes of errors and problems that the source knows, found in its syntax trees."""

from __future__ import annotations

import ast
import re
from collections.abc import Iterable, Iterator
from pathlib import Path

SOURCE = Path(__file__).parent.parent / "kfwd"
# People meet neither of them by a code.
SKIPPED = frozenset({"sim", "demo"})
WORD = re.compile(r"[a-z]+(-[a-z0-9]+)*")


def in_source() -> set[str]:
    """Every word that is given for a `code`: by name, by position, as a class attribute."""
    trees = [ast.parse(path.read_text()) for path in modules()]
    nodes = [node for tree in trees for node in ast.walk(tree)]
    constants = dict(pair for tree in trees for pair in _constants(tree))
    places = dict(pair for node in nodes for pair in _places(node))
    given = [value for node in nodes for value in _given(node, places)]
    return {code for value in given for code in _codes(value, constants)}


def modules() -> list[Path]:
    found = SOURCE.rglob("*.py")
    return [path for path in found if path.relative_to(SOURCE).parts[0] not in SKIPPED]


def _constants(tree: ast.Module) -> Iterator[tuple[str, str]]:
    for node in tree.body:
        match node:
            case ast.Assign(targets=[ast.Name(id=name)], value=ast.Constant(value=str(word))):
                yield name, word


def _places(node: ast.AST) -> Iterator[tuple[str, int]]:
    """What takes a code by position: a function, a record or a class, and which argument it is."""
    match node:
        case ast.FunctionDef(name=name, args=args) if not name.startswith("__"):
            yield from _place(name, [arg.arg for arg in args.args if arg.arg != "self"])
        case ast.ClassDef(name=name, body=body):
            fields = [f.target.id for f in body if isinstance(f, ast.AnnAssign) and _named(f)]  # type: ignore[union-attr]  # it is named
            yield from _place(name, fields)
            for method in body:
                match method:
                    case ast.FunctionDef(name="__init__", args=args):
                        yield from _place(name, [arg.arg for arg in args.args[1:]])
                    case ast.FunctionDef(name="__call__", args=args):
                        called = name.strip("_").lower()
                        yield from _place(called, [arg.arg for arg in args.args[1:]])


def _named(node: ast.AnnAssign) -> bool:
    return isinstance(node.target, ast.Name)


def _place(name: str, parameters: list[str]) -> Iterator[tuple[str, int]]:
    if "code" in parameters:
        yield name, parameters.index("code")


def _given(node: ast.AST, places: dict[str, int]) -> Iterator[ast.expr]:
    match node:
        case ast.keyword(arg="code", value=value):
            yield value
        case ast.Assign(targets=[ast.Name(id="code")], value=value):
            yield value
        case ast.AnnAssign(target=ast.Name(id="code"), value=ast.expr() as value):
            yield value
        case ast.Call(func=ast.Name(id=name) | ast.Attribute(attr=name), args=arguments):
            if len(arguments) > (index := places.get(name, len(arguments))):
                yield arguments[index]


def _codes(value: ast.expr, constants: dict[str, str]) -> Iterable[str]:
    match value:
        case ast.Constant(value=str(word)) if WORD.fullmatch(word):
            return [word]
        case ast.Name(id=name) | ast.Attribute(attr=name) if name in constants:
            return [constants[name]]
        case ast.IfExp(body=body, orelse=orelse):
            return [*_codes(body, constants), *_codes(orelse, constants)]
    return []
