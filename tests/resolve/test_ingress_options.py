from __future__ import annotations

from typing import Any

import msgspec
import pytest

from kfwd.kube.route_objects import Ingress
from kfwd.resolve import ingress_options
from kfwd.resolve.ingress_options import Options
from tests.resolve.rules import ingress

TLS: list[dict[str, Any]] = [{"hosts": ["foo.bar.com", "*.baz.com"], "secretName": "s"}]


@pytest.mark.parametrize(
    ("annotations", "expected"),
    [
        ({}, Options()),
        ({"rewrite_target": "/$1"}, Options(rewrite_target="/$1")),
        ({"use_regex": "true"}, Options(use_regex=True)),
        ({"use_regex": "True"}, Options(use_regex=True)),
        ({"use_regex": "yes"}, Options()),
        ({"use_regex": "false"}, Options()),
        ({"app_root": "/home"}, Options(app_root="/home")),
        ({"app_root": "http://evil"}, Options()),
        ({"canary": "true"}, Options(canary=True)),
        ({"proxy_body_size": "1m", "limit_rps": "5"}, Options()),
        ({"backend_protocol": "http"}, Options()),
    ],
)
def test_annotations_are_read_as_nginx_reads_them(
    annotations: dict[str, str], expected: Options
) -> None:
    assert ingress_options.read(ingress("x", annotated=annotations)) == expected


@pytest.mark.parametrize(
    ("annotations", "tls", "note"),
    [
        ({"ssl_redirect": "true"}, None, "ssl-redirect is ignored: kfwd serves plain HTTP"),
        ({"force_ssl_redirect": "true"}, None, "force-ssl-redirect is ignored"),
        ({}, TLS, "ssl-redirect is ignored"),
        ({"auth_url": "http://x"}, None, "the annotation auth-url is not followed"),
        ({"upstream_vhost": "x"}, None, "the annotation upstream-vhost is not followed"),
        ({"backend_protocol": "https"}, None, "backend-protocol HTTPS is not followed"),
    ],
)
def test_what_is_not_done_is_noted(
    annotations: dict[str, str], tls: list[dict[str, Any]] | None, note: str
) -> None:
    [noted] = ingress_options.read(ingress("x", tls=tls, annotated=annotations)).notes
    assert noted.startswith(note)


def test_no_redirect_that_is_switched_off_is_noted() -> None:
    assert not ingress_options.read(ingress("x", tls=TLS, ssl_redirect="false")).notes


def test_the_old_prefix_of_annotations_is_told_the_new_one() -> None:
    metadata = {"name": "x", "annotations": {"ingress.kubernetes.io/rewrite-target": "/"}}
    read = ingress_options.read(msgspec.convert({"metadata": metadata}, Ingress))
    assert read.rewrite_target == ""
    assert read.notes == (
        "ingress.kubernetes.io/rewrite-target has no effect: "
        "write nginx.ingress.kubernetes.io/rewrite-target",
    )


@pytest.mark.parametrize(
    ("target", "path", "changes"),
    [("", "/foo", False), ("/", "/", False), ("/", "/foo", True), ("/$1", "/(.*)", True)],
)
def test_a_target_like_the_path_rewrites_nothing(target: str, path: str, changes: bool) -> None:
    assert Options(rewrite_target=target).rewrites(path) is changes


@pytest.mark.parametrize(
    ("tls", "host", "served"),
    [
        (None, "foo.bar.com", False),
        (TLS, "foo.bar.com", True),
        (TLS, "a.baz.com", True),
        (TLS, "*.baz.com", True),
        (TLS, "a.b.baz.com", False),
        (TLS, "", False),
        ([{"secretName": "s"}], "anything", True),
    ],
)
def test_tls_is_for_the_hosts_it_lists_or_for_all(
    tls: list[dict[str, Any]] | None, host: str, served: bool
) -> None:
    assert ingress_options.has_tls(ingress("x", tls=tls), host) is served
