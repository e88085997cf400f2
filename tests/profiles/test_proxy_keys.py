from __future__ import annotations

import pytest

from kfwd.model import ProxyFlags, ProxySpec
from kfwd.profiles.parse import parse
from kfwd.profiles.proxy_keys import FLAGS

HEAD = "version: 1\nproxies:\n"


def proxies(text: str) -> tuple[ProxySpec, ...]:
    parsed = parse(HEAD + text, "dev")
    assert parsed.spec is not None, parsed.faults
    return tuple(entry for entry in parsed.spec.entries if isinstance(entry, ProxySpec))


def faults(text: str) -> list[str]:
    return [str(fault) for fault in parse(HEAD + text, "dev").faults]


def test_the_design_s_own_proxies_are_read() -> None:
    assert proxies(
        '- {name: api, listen: "127.0.0.1:8001"}\n'
        '- {name: grafana, target: "svc/grafana:http", namespace: monitoring,'
        ' listen: "127.0.0.1:3000", via: auto}\n'
    ) == (
        ProxySpec(name="api"),
        ProxySpec(name="grafana", target="svc/grafana:http", namespace="monitoring", port=3000),
    )


def test_every_flag_of_kubectl_proxy_is_a_key() -> None:
    (proxy,) = proxies(
        "- name: api\n"
        "  listen: unix:/run/api.sock\n"
        "  hold: 5s\n"
        "  allow-users: [ann, 1001]\n"
        "  requests: true\n"
        '  accept-hosts: "^a$"\n  accept-paths: "^/b"\n  reject-paths: "^/c"\n'
        "  reject-methods: POST,PUT\n  disable-filter: true\n  api-prefix: /k8s/\n"
        "  append-server-path: true\n  www: /srv/www\n  www-prefix: /w/\n  keepalive: 30s\n"
    )
    assert proxy == ProxySpec(
        name="api",
        address=("unix:/run/api.sock",),
        port=0,
        hold_s=5.0,
        allow_users=("ann", "1001"),
        requests=True,
        flags=ProxyFlags(
            accept_hosts="^a$",
            accept_paths="^/b",
            reject_paths="^/c",
            reject_methods="POST,PUT",
            disable_filter=True,
            api_prefix="/k8s/",
            append_server_path=True,
            www="/srv/www",
            www_prefix="/w/",
            keepalive_s=30.0,
        ),
    )
    fields = {name.replace("_", "-").removesuffix("-s") for name in ProxyFlags.__struct_fields__}
    assert set(FLAGS) == fields


@pytest.mark.parametrize(
    ("listen", "address", "port"),
    [
        ("8001", "127.0.0.1", 8001),
        ('":0"', "127.0.0.1", 0),
        ('"localhost:80"', "localhost", 80),
        ('"[::1]:80"', "::1", 80),
        ('"0.0.0.0:80"', "0.0.0.0", 80),
    ],
)
def test_where_it_listens(listen: str, address: str, port: int) -> None:
    (proxy,) = proxies(f"- {{name: a, listen: {listen}}}\n")
    assert (proxy.address, proxy.port) == ((address,), port)


@pytest.mark.parametrize(
    ("text", "fault"),
    [
        ("- 1\n", "3:3: expected a proxy: a mapping with name and listen"),
        ("- {listen: 1}\n", '3:3: missing key "name"'),
        ("- {name: a, listen: here}\n", '3:21: bad listen "here"'),
        ('- {name: a, listen: "::1:80"}\n', "an IPv6 address stands in brackets"),
        ("- {name: a, target: svc/web}\n", "'svc/web' says no port"),
        ('- {name: a, target: "thing/web:80"}\n', "unknown kind 'thing'"),
        ('- {name: a, accept-paths: "("}\n', '"(" is no regular expression'),
        ("- {name: a, api-prefix: x}\n", 'prefix "x" must start with "/"'),
        ("- {name: a, via: direct}\n", 'expected auto, tunnel, api-proxy; got "direct"'),
        ("- {name: a, listne: 1}\n", 'unknown key "listne" (did you mean "listen"?)'),
        ("- {name: a}\n- {name: b}\n", '4:3: 127.0.0.1:8001 is taken by "a" in line 3'),
        ("- {name: a}\n- {name: a, listen: 1}\n", 'duplicate name "a"'),
        ('- {name: a, target: "svc/web:80", www: /w}\n', '"www" is for proxies without a target'),
        ("- {name: a, allow-users: [true]}\n", "expected text, got true"),
    ],
)
def test_faults_say_where_and_what(text: str, fault: str) -> None:
    assert any(fault in found for found in faults(text)), faults(text)


def test_a_proxy_and_a_forward_cannot_share_a_port() -> None:
    text = "- {name: a, listen: 8080}\nforwards: [{name: b, target: svc/b, ports: [8080]}]\n"
    assert faults(text) == ['3:21: 127.0.0.1:8080 is taken by "b" in line 4']
