"""Words become a forward."""

from __future__ import annotations

import pytest

from kfwd.errors import UsageError
from kfwd.model import PortSpec
from kfwd.profiles import forwards


@pytest.mark.parametrize(
    ("target", "name"),
    [
        ("svc/web", "web"),
        ("web-0", "web-0"),
        ("app=web", "web"),
        ("app in (a, b)", "app-in--a--b"),
        ("app in (A)", "app-in--a"),
        ("deploy/a.b", "a.b"),
        ("app=", "forward"),
    ],
)
def test_a_forward_is_named_after_its_target(target: str, name: str) -> None:
    assert forwards.name_of(target) == name


def test_ports_are_those_of_profiles() -> None:
    spec = forwards.forward("svc/web", ["8080:22"])
    assert spec.ports == (PortSpec(local=8080, remote="22"),)
    with pytest.raises(UsageError):
        forwards.forward("svc/web", ["22:22:22"])


@pytest.mark.parametrize(
    ("target", "plain"),
    [
        ("service/web:http", "svc/web"),
        ("deployments.apps/web", "deploy/web"),
        ("web-0", "pod/web-0"),
        ("app=web", "app=web"),
        ("srv/web", "srv/web"),
    ],
)
def test_a_target_has_one_spelling(target: str, plain: str) -> None:
    assert forwards.plain(target) == plain
