from __future__ import annotations

import pytest

from kfwd.resolve import backends
from kfwd.resolve.facts import Unresolved
from tests.resolve.rules import SERVICES


@pytest.mark.parametrize("port", ["80", "http"])
def test_a_service_with_the_port_passes(port: str) -> None:
    backends.check(SERVICES, "shop", "a", port)


def test_nothing_is_checked_where_services_cannot_be_read() -> None:
    backends.check(None, "shop", "gone", "")


@pytest.mark.parametrize(
    ("namespace", "name", "port", "code", "status"),
    [
        ("shop", "gone", "80", "not-found", 503),
        ("elsewhere", "a", "80", "not-found", 503),
        ("shop", "a", "81", "no-such-port", 503),
        ("shop", "a", "", "no-such-port", 503),
        ("shop", "a", "99999", "bad-port", 503),
        ("shop", "out", "80", "external-name", 403),
    ],
)
def test_what_leads_nowhere_is_an_answer_with_a_status(
    namespace: str, name: str, port: str, code: str, status: int
) -> None:
    with pytest.raises(Unresolved) as caught:
        backends.check(SERVICES, namespace, name, port)
    answer = backends.broken(caught.value, "ingress shop/x", ("a note",))
    assert (answer.code, answer.status) == (code, status)
    assert answer.reason == f"ingress shop/x leads nowhere: {caught.value.text}"
    assert answer.notes == ("a note",)


def test_only_services_of_the_same_namespace_are_hints() -> None:
    with pytest.raises(Unresolved) as caught:
        backends.check({"other/weba": SERVICES["shop/a"]}, "shop", "web", "80")
    assert caught.value.hint is None
