"""Label selectors: the API's objects and the string grammar, turned into one list of demands.

The grammar is Kubernetes' own (apimachinery/pkg/labels/selector.go):
`app=web,tier!=db,env in (a,b),zone notin (c),canary,!legacy,rank>3`.
"""

from __future__ import annotations

import re
from collections.abc import Mapping

from msgspec import Struct

from kfwd.errors import UsageError
from kfwd.kube.objects import LabelSelector

_KEY = r"(?:[A-Za-z0-9][-A-Za-z0-9.]*/)?[A-Za-z0-9](?:[-A-Za-z0-9_.]*[A-Za-z0-9])?"
_VALUE = r"(?:[A-Za-z0-9](?:[-A-Za-z0-9_.]*[A-Za-z0-9])?)?"
_REQUIREMENT = re.compile(
    rf"\s*(?:(?P<absent>!)\s*(?P<absent_key>{_KEY})"
    rf"|(?P<set_key>{_KEY})\s+(?P<set_op>in|notin)\s*\((?P<set_values>[^()]*)\)"
    rf"|(?P<key>{_KEY})\s*(?:(?P<op>==|=|!=|>|<)\s*(?P<value>{_VALUE}))?)\s*(?:,|$)"
)
_OPERATORS = {"=": "In", "==": "In", "!=": "NotIn", ">": "Gt", "<": "Lt"}


class Requirement(Struct, frozen=True):
    """One demand on a label. Operators are the API's: In, NotIn, Exists, DoesNotExist, Gt, Lt."""

    key: str
    operator: str
    values: tuple[str, ...] = ()

    def accepts(self, labels: Mapping[str, str]) -> bool:
        value = labels.get(self.key)
        match self.operator:
            case "In":
                return value in self.values
            case "NotIn":
                return value not in self.values
            case "Exists":
                return value is not None
            case "DoesNotExist":
                return value is None
            case "Gt" | "Lt":
                return self._compares(value)
        return False

    def _compares(self, value: str | None) -> bool:
        try:
            number, bound = int(value or ""), int(self.values[0])
        except ValueError:
            return False
        return number > bound if self.operator == "Gt" else number < bound


class Selector(Struct, frozen=True):
    """Accepts labels that meet every requirement; without any it accepts all."""

    requirements: tuple[Requirement, ...] = ()

    def accepts(self, labels: Mapping[str, str]) -> bool:
        for requirement in self.requirements:  # noqa: SIM110  # a third of the time that all() takes
            if not requirement.accepts(labels):
                return False
        return True


def parse(text: str) -> Selector:
    """Read the string grammar. Raises `UsageError` that shows where it stops making sense."""
    requirements, position = [], 0
    while position < len(text) or text[position - 1 : position] == ",":
        found = _REQUIREMENT.match(text, position)
        if found is None or found.end() == position:
            raise UsageError(
                f"label selector {text!r} cannot be understood at {text[position:]!r}",
                hint="write it as for kubectl: app=web,tier!=db,env in (a,b)",
                code="bad-selector",
            )
        requirements.append(_requirement(found))
        position = found.end()
    return Selector(tuple(requirements))


def _requirement(found: re.Match[str]) -> Requirement:
    if found["absent"]:
        return Requirement(found["absent_key"], "DoesNotExist")
    if found["set_key"]:
        values = tuple(value.strip() for value in found["set_values"].split(","))
        return Requirement(found["set_key"], "In" if found["set_op"] == "in" else "NotIn", values)
    if found["op"]:
        return Requirement(found["key"], _OPERATORS[found["op"]], (found["value"],))
    return Requirement(found["key"], "Exists")


def from_labels(labels: Mapping[str, str]) -> Selector:
    """A service's selector: every label as it is."""
    return Selector(tuple(Requirement(key, "In", (value,)) for key, value in labels.items()))


def from_object(selector: LabelSelector) -> Selector:
    """A workload's selector. As in the API, one without demands accepts every pod."""
    labels = from_labels(selector.match_labels or {}).requirements
    expressions = tuple(
        Requirement(term.key, term.operator, term.values or ())
        for term in selector.match_expressions or ()
    )
    return Selector(labels + expressions)
