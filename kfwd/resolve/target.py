"""What a person names: `pod/x`, `svc/x`, `deploy/x`, ..., a bare pod name, or a selector."""

from __future__ import annotations

import re
from difflib import get_close_matches

from msgspec import Struct

from kfwd.errors import UsageError
from kfwd.resolve import selectors


class Word(Struct, frozen=True):
    """A kind's short name, the other words for it, and its API group (kubectl's `-o name`)."""

    short: str
    aliases: tuple[str, ...]
    group: str = ""


WORDS = {
    "pods": Word("pod", ("po", "pod", "pods")),
    "services": Word("svc", ("svc", "service", "services")),
    "deployments": Word("deploy", ("deploy", "deployment", "deployments"), "apps"),
    "statefulsets": Word("sts", ("sts", "statefulset", "statefulsets"), "apps"),
    "daemonsets": Word("ds", ("ds", "daemonset", "daemonsets"), "apps"),
    "replicasets": Word("rs", ("rs", "replicaset", "replicasets"), "apps"),
    "jobs": Word("job", ("job", "jobs"), "batch"),
    "ingresses": Word("ingress", ("ing", "ingress", "ingresses"), "networking.k8s.io"),
}
_KINDS = {
    spelling: kind
    for kind, word in WORDS.items()
    for alias in word.aliases
    for spelling in (alias, f"{alias}.{word.group}")
}
_SELECTOR_MARK = re.compile(r"[=!<>,()\s]")
_NAME = re.compile(r"[a-z0-9](?:[-a-z0-9]*[a-z0-9])?(?:\.[a-z0-9](?:[-a-z0-9]*[a-z0-9])?)*")
_PORT = re.compile(r"[0-9]{1,5}|(?=[-0-9]*[a-z])[a-z0-9](?:[-a-z0-9]*[a-z0-9])?")
_MAX_NAME = 253
_EXAMPLES = "write pod/NAME, svc/NAME, deploy/NAME, sts/NAME, ds/NAME, rs/NAME, job/NAME, \
ingress/NAME or a selector like app=web"


class Target(Struct, frozen=True):
    """`kind` is the plural of the API; either `name` or `selector` (of pods) is set."""

    kind: str
    name: str | None = None
    selector: str | None = None

    def __str__(self) -> str:
        return f"{WORDS[self.kind].short}/{self.name}" if self.name else self.selector or ""


def parse(text: str) -> Target:
    """Read a target. A bare name is a pod's, as for kubectl.

    Raises `UsageError` (codes `unknown-kind`, `bad-target`, `bad-selector`) with the kinds there
    are as the hint.
    """
    text = text.strip()
    kind, slash, name = text.partition("/")
    if slash and not _SELECTOR_MARK.search(text):
        return Target(_kind(kind, text), _name(name, text))
    if slash and all(_is_named(part) for part in text.split(",")):
        raise UsageError(f"several targets in {text!r}", hint=_EXAMPLES, code="bad-target")
    if _SELECTOR_MARK.search(text):
        selectors.parse(text)
        return Target("pods", selector=text)
    return Target("pods", _name(text, text))


def with_port(text: str) -> tuple[Target, str]:
    """Read `TARGET:PORT`, as in `svc/web:http`. Raises `UsageError` (`no-port` without a port)."""
    what, colon, port = text.strip().rpartition(":")
    if not (colon and _PORT.fullmatch(port)):
        raise UsageError(
            f"target {text!r} says no port",
            hint="write it behind, as in svc/web:80",
            code="no-port",
        )
    return parse(what), port


def _is_named(text: str) -> bool:
    """Whether this could be a target by name: labels have no such prefixes."""
    kind, _, name = text.partition("/")
    return kind in _KINDS and _NAME.fullmatch(name) is not None


def _kind(word: str, text: str) -> str:
    if word in _KINDS:
        return _KINDS[word]
    near = get_close_matches(word.lower(), _KINDS, n=1)
    hint = f"did you mean {near[0]}/{text.partition('/')[2]}? {_EXAMPLES}" if near else _EXAMPLES
    raise UsageError(f"unknown kind {word!r} in target {text!r}", hint=hint, code="unknown-kind")


def _name(name: str, text: str) -> str:
    if _NAME.fullmatch(name) and len(name) <= _MAX_NAME:
        return name
    what = f"{name!r} cannot be the name of anything" if name else "a name is missing"
    raise UsageError(f"{what} in target {text!r}", hint=_EXAMPLES, code="bad-target")
