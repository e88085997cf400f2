from __future__ import annotations

import asyncio
import base64
import ssl
from collections.abc import AsyncIterator, Callable, Mapping
from pathlib import Path
from typing import Any

import aiohttp
import pytest

from kfwd.errors import ConfigError, Unreachable
from kfwd.kube.connect import Server
from kfwd.kube.credentials import Credentials
from kfwd.kube.proxies import Proxy
from tests.kube.configs import context
from tests.kube.servers import Authority, Through, answer, echo, serving

AUTHORITY = Authority()
CA = base64.b64encode(AUTHORITY.pem).decode()
Make = Callable[..., Server]


@pytest.fixture
async def make(tmp_path: Path) -> AsyncIterator[Make]:
    made = []

    def one(
        cluster: dict[str, Any],
        user: dict[str, Any] | None = None,
        env: Mapping[str, str] | None = None,
    ) -> Server:
        it = context(tmp_path, user, cluster)
        server = Server(it, Credentials(it, env or {}), env or {})
        made.append(server)
        return server

    yield one
    for server in made:
        await server.credentials.close()


@pytest.mark.parametrize(
    ("url", "tls", "authority", "prefix"),
    [
        ("https://api.test", True, "api.test:443", ""),
        ("https://api.test:6443/", True, "api.test:6443", ""),
        ("https://rancher.test/k8s/clusters/c-1/", True, "rancher.test:443", "/k8s/clusters/c-1"),
        ("http://127.0.0.1:8080", False, "127.0.0.1:8080", ""),
        ("https://[::1]:6443", True, "[::1]:6443", ""),
        ("api.test:8080", False, "api.test:8080", ""),
    ],
)
async def test_an_address_is_taken_apart(
    make: Make, url: str, tls: bool, authority: str, prefix: str
) -> None:
    server = make({"server": url})
    assert (server.tls, server.authority, server.path_prefix) == (tls, authority, prefix)
    assert server.base_url == f"{'https' if tls else 'http'}://{authority}{prefix}"


@pytest.mark.parametrize(
    ("url", "header"),
    [
        ("https://rancher.test:443/k8s", "rancher.test"),
        ("https://[::1]", "[::1]"),
        ("https://api.test:80", "api.test:80"),
        ("http://api.test:80", "api.test"),
        ("https://api.test:6443", "api.test:6443"),
    ],
)
async def test_the_usual_port_is_not_said(make: Make, url: str, header: str) -> None:
    assert make({"server": url}).host_header == header


async def test_without_a_scheme_an_authority_means_https(make: Make) -> None:
    assert make({"server": "api.test", "certificate-authority-data": CA}).port == 443


@pytest.mark.parametrize("url", ["ftp://a", "ftp://", "https://a:99999", "https://[::1", "::::"])
async def test_an_address_that_is_none_is_refused(make: Make, url: str) -> None:
    with pytest.raises(ConfigError, match='address of cluster "dev" is not an http or https URL'):
        make({"server": url})


async def test_a_proxy_url_that_cannot_be_used_is_refused_at_once(make: Make) -> None:
    with pytest.raises(ConfigError, match='scheme "ftp"') as caught:
        make({"proxy-url": "ftp://u:hunter2@p"})
    assert caught.value.code == "proxy-unsupported"


async def get(server: Server, path: str = "/version") -> bytes:
    async with aiohttp.ClientSession(connector=server.connector()) as session:
        credential = await server.credentials.get()
        context = await server.ssl_context(credential)
        url = server.base_url + path
        async with session.get(url, headers=credential.headers, ssl=context) as response:
            return await response.read()


async def test_a_request_reaches_the_server_with_all_headers(make: Make) -> None:
    seen: list[bytes] = []
    async with serving(answer(b"v1", seen=seen), AUTHORITY.server()) as port:
        cluster = {"server": f"https://127.0.0.1:{port}/x", "certificate-authority-data": CA}
        user = {"token": "t1", "as": "ann", "as-groups": ["a", "b"]}
        assert await get(make(cluster, user)) == b"v1"
    head = seen[0].decode()
    assert head.startswith("GET /x/version HTTP/1.1\r\n")
    for line in (
        f"Host: 127.0.0.1:{port}",
        "Authorization: Bearer t1",
        "Impersonate-User: ann",
        "Impersonate-Group: a",
        "Impersonate-Group: b",
    ):
        assert f"\r\n{line}\r\n" in head


@pytest.mark.parametrize("scheme", ["http", "socks5"])
async def test_a_request_goes_through_the_clusters_proxy_to_a_name_only_the_proxy_knows(
    make: Make, scheme: str
) -> None:
    async with serving(answer(b"v1"), AUTHORITY.server("kubernetes")) as port:
        through = Through(port, ("ann", "pw"))
        async with serving(through.http if scheme == "http" else through.socks) as proxy:
            cluster = {
                "server": "https://api.cluster.test:6443",
                "certificate-authority-data": CA,
                "tls-server-name": "kubernetes",
                "proxy-url": f"{scheme}://ann:pw@127.0.0.1:{proxy}",
            }
            assert await get(make(cluster)) == b"v1"
    assert through.asked == [("api.cluster.test", 6443)]


async def test_the_environments_proxy_counts_when_the_cluster_has_none(make: Make) -> None:
    async with serving(echo) as port:
        through = Through(port)
        async with serving(through.http) as proxy:
            env = {"HTTPS_PROXY": f"http://127.0.0.1:{proxy}"}
            server = make({"server": "https://api.cluster.test:6443"}, env=env)
            with await server.open_socket() as sock:
                await asyncio.get_running_loop().sock_sendall(sock, b"x")
                assert await asyncio.get_running_loop().sock_recv(sock, 1) == b"x"
    assert through.asked == [("api.cluster.test", 6443)]
    direct = make({"server": "https://api.cluster.test:6443"}, env={**env, "NO_PROXY": ".test"})
    assert direct.proxy is None
    assert isinstance(server.proxy, Proxy)


async def test_the_tls_context_lasts_as_long_as_the_client_certificate(
    make: Make, tmp_path: Path
) -> None:
    for name, pem in zip(("cert", "key"), AUTHORITY.client(), strict=True):
        (tmp_path / name).write_bytes(pem)
    cluster = {"certificate-authority-data": CA}
    server = make(cluster, {"client-certificate": "cert", "client-key": "key"})
    first = await server.credentials.get()
    context = await server.ssl_context(first)
    assert await server.ssl_context(first) is context
    renewed = AUTHORITY.client()
    other = type(first)(
        headers=first.headers, client_cert=renewed[0], client_key=renewed[1], tag=99
    )
    assert await server.ssl_context(other) is not context


async def test_a_way_that_changed_has_another_tls_context_so_that_nothing_kept_is_used(
    make: Make,
) -> None:
    server = make({"certificate-authority-data": CA})
    credential = await server.credentials.get()
    before = await server.ssl_context(credential)
    server.way_changed()
    made = await asyncio.gather(*(server.ssl_context(credential) for _ in range(5)))
    assert before not in made
    assert len(set(map(id, made))) == 1


async def test_a_client_certificate_is_shown_to_the_server(make: Make) -> None:
    strict = AUTHORITY.server()
    strict.verify_mode = ssl.CERT_REQUIRED
    AUTHORITY.ca.configure_trust(strict)
    cert, key = (base64.b64encode(pem).decode() for pem in AUTHORITY.client())
    async with serving(answer(b"v1"), strict) as port:
        cluster = {"server": f"https://127.0.0.1:{port}", "certificate-authority-data": CA}
        user = {"client-certificate-data": cert, "client-key-data": key}
        assert await get(make(cluster, user)) == b"v1"


async def test_handshake_errors_name_the_server_and_the_name_it_should_have(make: Make) -> None:
    server = make({"server": "https://api.test:6443", "tls-server-name": "kubernetes"})
    error = ssl.SSLCertVerificationError("x")
    error.verify_code = 62
    told = server.handshake_error(error)
    assert isinstance(told, Unreachable)
    assert "api.test:6443 failed" in told.text
    assert 'is not for "kubernetes"' in told.text
