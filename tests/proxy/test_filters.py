from __future__ import annotations

import time

import pytest

from kfwd.errors import UsageError
from kfwd.model import ProxyFlags
from kfwd.proxy.filters import Filter

PLAIN = Filter(ProxyFlags())


@pytest.mark.parametrize(
    ("path", "accepted"),
    [
        ("/api/v1/namespaces/a/pods/x", True),
        ("/api/v1/namespaces/a/pods/x/exec", False),
        ("/api/v1/namespaces/a/pods/x/attach", False),
        ("/api/v1/namespaces/a/pods/x/portforward", True),
        ("/api/v1/namespaces/a/services/x/proxy/exec", True),
        ("", True),
    ],
)
def test_paths_by_default(path: str, accepted: bool) -> None:
    assert PLAIN.accepts("POST", path, "localhost") is accepted


@pytest.mark.parametrize(
    ("host", "accepted"),
    [
        ("localhost", True),
        ("localhost:8001", True),
        ("127.0.0.1:99", True),
        ("[::1]", True),
        ("[::1]:8001", True),
        ("::1", False),
        ("LOCALHOST", False),
        ("localhost.evil.com", False),
        ("evil.com", False),
        ("127.0.0.1.nip.io", False),
        ("localhost:80:80", False),
        ("", False),
    ],
)
def test_hosts_by_default(host: str, accepted: bool) -> None:
    assert PLAIN.accepts_host(host) is accepted
    assert PLAIN.accepts("GET", "/version", host) is accepted


def test_a_path_and_a_method_can_be_rejected_and_must_be_accepted() -> None:
    filter = Filter(
        ProxyFlags(accept_paths="^/a,^/b", reject_paths="secret", reject_methods="POST,PUT")
    )
    assert filter.accepts("GET", "/a/x", "localhost")
    assert filter.accepts("GET", "/b", "localhost")
    assert not filter.accepts("GET", "/c", "localhost")
    assert not filter.accepts("GET", "/a/secrets", "localhost")
    assert not filter.accepts("PUT", "/a", "localhost")


def test_kubectl_s_form_of_an_ipv6_host_is_accepted_too() -> None:
    assert Filter(ProxyFlags(accept_hosts="^::1$")).accepts_host("[::1]:8001")


def test_an_expression_that_is_none_is_named() -> None:
    with pytest.raises(UsageError, match="is no regular expression"):
        Filter(ProxyFlags(accept_paths="("))


def test_a_path_made_to_be_slow_is_not() -> None:
    path = "/api" + "/pods/" * (8192 // 6)
    begun = time.thread_time()
    PLAIN.accepts("GET", path, "localhost")
    assert time.thread_time() - begun < 2.0
