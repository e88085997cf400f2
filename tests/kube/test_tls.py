from __future__ import annotations

import asyncio
import contextlib
import os
import ssl
import tempfile
from datetime import timedelta
from pathlib import Path
from typing import Any

import pytest
from cryptography.hazmat.primitives.serialization import (
    BestAvailableEncryption,
    Encoding,
    PrivateFormat,
    load_pem_private_key,
)

from kfwd.errors import ConfigError, Unreachable
from kfwd.kube import tls
from kfwd.kube.kubeconfig import Cluster
from tests.kube.servers import FAR, Authority, ago, serving, silence

AUTHORITY = Authority()


def cluster(**more: Any) -> Cluster:
    return Cluster(name="dev", server="https://127.0.0.1", **{"ca": AUTHORITY.pem, **more})


async def connect(port: int, client: ssl.SSLContext, name: str = "127.0.0.1") -> None:
    with tls.handshake_errors("dev:6443", name):
        await asyncio.open_connection("127.0.0.1", port, ssl=client, server_hostname=name)


async def shake(
    client: ssl.SSLContext, server: ssl.SSLContext, name: str = "127.0.0.1", ca: bytes | None = None
) -> dict[str, Any]:
    """Do a handshake; what the client learnt of the server."""
    async with serving(silence, server) as port:
        with tls.handshake_errors("dev:6443", name, ca):
            _, writer = await asyncio.open_connection(
                "127.0.0.1", port, ssl=client, server_hostname=name
            )
        learnt: ssl.SSLObject = writer.get_extra_info("ssl_object")
        facts = {"alpn": learnt.selected_alpn_protocol(), "cert": learnt.getpeercert()}
        writer.close()
        await writer.wait_closed()
    return facts


async def failure(
    client: ssl.SSLContext, server: ssl.SSLContext, name: str = "127.0.0.1", ca: bytes | None = None
) -> Unreachable:
    with pytest.raises(Unreachable) as caught:
        await shake(client, server, name, ca)
    assert caught.value.code == "tls-failed"
    assert caught.value.text.startswith("the TLS handshake with dev:6443 failed: ")
    return caught.value


async def test_a_server_of_the_clusters_authority_is_trusted_and_speaks_http_1_1() -> None:
    facts = await shake(tls.client_context(cluster(), None, None), AUTHORITY.server())
    assert facts["alpn"] == "http/1.1"
    assert facts["cert"]


async def test_another_name_can_be_expected() -> None:
    context = tls.client_context(cluster(), None, None)
    assert await shake(context, AUTHORITY.server("kubernetes.test"), "kubernetes.test")


async def test_an_authority_that_is_not_known_says_so() -> None:
    error = await failure(tls.client_context(cluster(), None, None), Authority().server())
    assert "signed by an authority that is not known here" in error.text
    assert "certificate-authority-data" in (error.hint or "")


async def test_without_an_authority_the_systems_roots_count() -> None:
    error = await failure(tls.client_context(cluster(ca=None), None, None), AUTHORITY.server())
    assert "not known here" in error.text


async def test_a_certificate_for_another_name_says_which_was_wanted() -> None:
    context = tls.client_context(cluster(), None, None)
    for name in ("127.0.0.1", "kubernetes.test"):
        error = await failure(context, AUTHORITY.server("other.test"), name)
        assert f'is not for "{name}"' in error.text
        assert "tls-server-name" in (error.hint or "")


async def test_a_common_name_alone_is_no_name() -> None:
    server = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    AUTHORITY.ca.issue_cert("other.test", common_name="api.test").configure_cert(server)
    error = await failure(tls.client_context(cluster(), None, None), server, "api.test")
    assert 'is not for "api.test"' in error.text


async def test_an_expired_server_certificate_says_so() -> None:
    server = AUTHORITY.server(not_before=ago(days=3), not_after=ago(days=1))
    error = await failure(tls.client_context(cluster(), None, None), server)
    assert "its certificate has expired" in error.text


async def test_a_certificate_from_the_future_points_at_the_clock() -> None:
    server = AUTHORITY.server(not_before=ago(days=-2), not_after=FAR)
    error = await failure(tls.client_context(cluster(), None, None), server)
    assert "is not valid yet" in error.text
    assert error.hint == "check the clock"


async def test_an_expired_authority_is_named_with_its_date() -> None:
    # A leaf as an anchor stands in for an authority that has expired.
    old = ago(days=1)
    leaf = AUTHORITY.ca.issue_cert("127.0.0.1", not_before=ago(days=3), not_after=old)
    server = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    leaf.configure_cert(server)
    ca = leaf.cert_chain_pems[0].bytes()
    error = await failure(tls.client_context(cluster(ca=ca), None, None), server, ca=ca)
    assert f"authority in the kubeconfig expired on {tls.day(old)}" in error.text


async def test_a_servers_own_certificate_can_be_the_anchor_as_for_go() -> None:
    leaf = AUTHORITY.ca.issue_cert("127.0.0.1")
    server = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    leaf.configure_cert(server)
    ca = b"# a comment: \xc3\xa9\n" + leaf.cert_chain_pems[0].bytes()
    assert await shake(tls.client_context(cluster(ca=ca), None, None), server)


async def test_insecure_trusts_anybody() -> None:
    context = tls.client_context(cluster(ca=None, insecure_skip_tls_verify=True), None, None)
    assert await shake(context, Authority().server("other.test"))


def test_insecure_beside_an_authority_is_refused_as_kubectl_does() -> None:
    with pytest.raises(ConfigError, match="both a certificate authority and insecure"):
        tls.client_context(cluster(insecure_skip_tls_verify=True), None, None)


@pytest.mark.parametrize("memory", [True, False])
async def test_a_client_certificate_is_shown_and_leaves_no_file(
    memory: bool, monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    if not memory:
        monkeypatch.delattr(os, "memfd_create")
        monkeypatch.setattr(tempfile, "tempdir", str(tmp_path))
    modes = []
    load = ssl.SSLContext.load_cert_chain

    def watched(context: ssl.SSLContext, path: str, **more: Any) -> None:
        modes.append(Path(path).stat().st_mode & 0o077)
        load(context, path, **more)

    with monkeypatch.context() as patch:
        patch.setattr(ssl.SSLContext, "load_cert_chain", watched)
        context = tls.client_context(cluster(), *AUTHORITY.client("ann"))
    assert len(modes) == 1
    assert memory or modes == [0]
    assert not any(tmp_path.iterdir())  # noqa: ASYNC240  # a folder in memory
    server = AUTHORITY.server()
    server.verify_mode = ssl.CERT_REQUIRED
    AUTHORITY.ca.configure_trust(server)
    assert await shake(context, server)


@pytest.mark.parametrize(
    ("cert", "key", "text"),
    [
        (b"junk", b"junk", "certificate or its key is missing or not PEM"),
        (AUTHORITY.client()[0], None, "certificate or its key is missing or not PEM"),
        (AUTHORITY.client()[0], AUTHORITY.client()[1], "its key belongs to another certificate"),
    ],
)
def test_a_client_certificate_that_cannot_be_used_says_why(
    cert: bytes, key: bytes | None, text: str
) -> None:
    with pytest.raises(ConfigError, match=text) as caught:
        tls.client_context(cluster(), cert, key)
    assert caught.value.code == "client-certificate-invalid"


def test_an_encrypted_key_is_refused_without_asking_on_the_terminal() -> None:
    cert, key = AUTHORITY.client()
    locked = load_pem_private_key(key, None).private_bytes(
        Encoding.PEM, PrivateFormat.TraditionalOpenSSL, BestAvailableEncryption(b"x")
    )
    with pytest.raises(ConfigError, match="its key is encrypted"):
        tls.client_context(cluster(), cert, locked)


@pytest.mark.parametrize(
    "ca", [b"", b"junk", b"-----BEGIN CERTIFICATE-----\nAAAA\n-----END CERTIFICATE-----"]
)
def test_an_authority_that_is_no_certificate_says_so(ca: bytes) -> None:
    with pytest.raises(ConfigError, match='authority of cluster "dev" cannot be used') as caught:
        tls.client_context(cluster(ca=ca), None, None)
    assert caught.value.code == "certificate-authority-invalid"


async def test_a_server_without_tls_says_so() -> None:
    async def plain(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        await reader.read(1)
        writer.write(b"HTTP/1.1 400 Bad Request\r\n\r\n")
        await writer.drain()

    context = tls.client_context(cluster(), None, None)
    async with serving(plain) as port:
        with pytest.raises(Unreachable, match="it does not speak TLS"):
            await connect(port, context)


async def test_a_server_that_hangs_up_says_so() -> None:
    async def rude(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        await reader.read(1)

    context = tls.client_context(cluster(), None, None)
    async with serving(rude) as port:
        with pytest.raises(Unreachable, match="ended in the middle"):
            await connect(port, context)


def alternate(ours: ssl.SSLObject, theirs: ssl.SSLObject) -> None:
    """Let both ends of a handshake take their steps; the server's errors do not count."""
    for _ in range(10):
        with contextlib.suppress(ssl.SSLWantReadError):
            ours.do_handshake()
        with contextlib.suppress(ssl.SSLError):
            theirs.do_handshake()


def test_a_server_that_refuses_our_certificate_says_so() -> None:
    # In memory, since asyncio's own server hangs up without telling why.
    server = AUTHORITY.server()
    server.maximum_version = ssl.TLSVersion.TLSv1_2  # 1.3 tells only after the handshake
    server.verify_mode = ssl.CERT_REQUIRED
    AUTHORITY.ca.configure_trust(server)
    client = tls.client_context(cluster(), *Authority().client("ann"))
    up, down = ssl.MemoryBIO(), ssl.MemoryBIO()
    ours = client.wrap_bio(down, up, server_hostname="127.0.0.1")
    theirs = server.wrap_bio(up, down, server_side=True)
    with pytest.raises(ssl.SSLError) as caught:
        alternate(ours, theirs)
    error = tls.explain(caught.value, "dev:6443", "127.0.0.1")
    assert "does not accept the client certificate (tlsv1 alert unknown ca)" in error.text


def test_days_are_shown_in_utc() -> None:
    assert tls.day(FAR.astimezone(tz=None) + timedelta(hours=1)) == "2040-01-01 01:00 UTC"
