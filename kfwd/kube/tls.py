"""TLS towards an API server: what we trust, who we are, and what went wrong, in words.

Trust is Go's, so that a cluster kubectl accepts is accepted here: no X.509 strictness beyond
RFC 5280's path validation (Python 3.13 turns some on), any certificate in the CA bundle is an
anchor, and names count only as subject alternative names.
"""

from __future__ import annotations

import contextlib
import os
import ssl
import tempfile
from collections.abc import Iterator
from datetime import UTC, datetime
from pathlib import Path
from typing import NoReturn

from kfwd.errors import ConfigError, Unreachable
from kfwd.kube import certificate
from kfwd.kube.kubeconfig import Cluster
from kfwd.kube.tls_records import Resuming

# X509_V_ERR_*, openssl/x509_vfy.h
NOT_YET_VALID, EXPIRED = 9, 10
UNKNOWN_ISSUER = {2, 18, 19, 20, 21}
NAME_MISMATCH = {62, 64}


def client_context(cluster: Cluster, cert: bytes | None, key: bytes | None) -> ssl.SSLContext:
    """A context for connections to `cluster`, with a client certificate (PEM) where there is one.

    Blocks for as long as it takes to read the system's roots. Raises `ConfigError`:
    `certificate-authority-invalid`, `client-certificate-invalid`.
    """
    context = server_context(cluster.ca, f'of cluster "{cluster.name}"')
    if cluster.insecure_skip_tls_verify:
        if cluster.ca is not None:
            raise ConfigError(
                f'the cluster "{cluster.name}" has both a certificate authority and '
                "insecure-skip-tls-verify",
                hint="remove one of them, as kubectl asks too",
            )
        context.check_hostname = False
        context.verify_mode = ssl.CERT_NONE
    if cert is not None:
        _load_client_certificate(context, cert, key)
    return context


def proxy_context(cluster: Cluster | None = None) -> ssl.SSLContext:
    """A context for `https://` proxies on the way to `cluster`: what is trusted there, and what the
    system trusts. A proxy gets no client certificate. Blocks and raises as `client_context` does.
    """
    context = server_context(None, "of this machine")
    if cluster is not None and cluster.ca is not None:
        _trust(context, cluster.ca, f'of cluster "{cluster.name}"')
    if cluster is not None and cluster.insecure_skip_tls_verify:
        context.check_hostname = False
        context.verify_mode = ssl.CERT_NONE
    return context


def server_context(ca: bytes | None, whose: str) -> ssl.SSLContext:
    """A context that verifies servers against `ca` (PEM), or the system's roots for None."""
    context = Resuming()
    context.minimum_version = ssl.TLSVersion.TLSv1_2
    context.hostname_checks_common_name = False
    context.verify_flags |= ssl.VERIFY_X509_PARTIAL_CHAIN
    context.set_alpn_protocols(["http/1.1"])
    if ca is None:
        context.load_default_certs()
    else:
        _trust(context, ca, whose)
    return context


def _trust(context: ssl.SSLContext, ca: bytes, whose: str) -> None:
    pem = b"\n".join(certificate.blocks(ca)).decode("ascii", "replace")
    try:
        if not pem:
            raise ssl.SSLError("it holds no PEM certificate")
        context.load_verify_locations(cadata=pem)
    except (ssl.SSLError, ValueError) as error:
        reason = getattr(error, "reason", None) or error
        raise ConfigError(
            f"the certificate authority {whose} cannot be used: {reason}",
            code="certificate-authority-invalid",
        ) from error


def _load_client_certificate(context: ssl.SSLContext, cert: bytes, key: bytes | None) -> None:
    try:
        with _as_file(cert + b"\n" + (key or b"")) as path:
            context.load_cert_chain(path, password=_no_password)
    except (ssl.SSLError, ValueError) as error:
        raise ConfigError(
            f"the client certificate cannot be used: {_client_fault(error)}",
            code="client-certificate-invalid",
        ) from error


def _client_fault(error: ValueError | ssl.SSLError) -> str:
    if not isinstance(error, ssl.SSLError):
        return str(error)
    if error.reason == "KEY_VALUES_MISMATCH":
        return "its key belongs to another certificate"
    if not error.reason:
        return "its certificate or its key is missing or not PEM"
    return _plain(error.reason)


def _no_password() -> NoReturn:
    # Without this OpenSSL would ask on a terminal, and wait.
    raise ValueError("its key is encrypted; kubeconfigs need a key without a password")


@contextlib.contextmanager
def _as_file(content: bytes) -> Iterator[str]:
    """A path under which OpenSSL, which takes no bytes, reads `content`: in memory if it can be."""
    if hasattr(os, "memfd_create") and Path("/proc/self/fd").is_dir():
        descriptor = os.memfd_create("kfwd")
        path = f"/proc/self/fd/{descriptor}"
    else:
        descriptor, path = tempfile.mkstemp(prefix="kfwd-")  # mode 0600
    try:
        with open(descriptor, "wb", closefd=False) as file:
            file.write(content)
        yield path
    finally:
        os.close(descriptor)
        if not path.startswith("/proc/"):
            Path(path).unlink()


@contextlib.contextmanager
def handshake_errors(authority: str, server_name: str, ca: bytes | None = None) -> Iterator[None]:
    """Turn what a TLS handshake raises into `Unreachable` `tls-failed` with the reason in words."""
    try:
        yield
    except OSError as error:  # ssl.SSLError is one
        raise explain(error, authority, server_name, ca) from error


def explain(
    error: OSError, authority: str, server_name: str, ca: bytes | None = None
) -> Unreachable:
    """`tls-failed`, saying why the handshake with `authority` came to nothing."""
    hint = None
    if isinstance(error, ssl.SSLCertVerificationError):
        reason, hint = _verification(error, server_name, ca)
    elif isinstance(error, ssl.SSLError):
        reason, hint = _protocol(error)
    else:
        reason = "the connection ended in the middle"
    return Unreachable(
        f"the TLS handshake with {authority} failed: {reason}", code="tls-failed", hint=hint
    )


def _verification(
    error: ssl.SSLCertVerificationError, server_name: str, ca: bytes | None
) -> tuple[str, str | None]:
    code = error.verify_code
    if code == EXPIRED:
        if expired := _expired_authority(ca):
            return f"the certificate authority in the kubeconfig expired on {expired}", None
        return "its certificate has expired", "check the clock, or renew the server's certificate"
    if code == NOT_YET_VALID:
        return "its certificate is not valid yet", "check the clock"
    if code in NAME_MISMATCH:
        return (
            f'its certificate is not for "{server_name}"',
            "use a name that is in the certificate, or set tls-server-name in the kubeconfig",
        )
    if code in UNKNOWN_ISSUER:
        return (
            "its certificate is signed by an authority that is not known here",
            "check certificate-authority-data in the kubeconfig, and for a proxy that opens TLS",
        )
    return error.verify_message, None


def _expired_authority(ca: bytes | None) -> str | None:
    for block in certificate.blocks(ca or b""):
        with contextlib.suppress(ValueError):
            end = certificate.validity(block).end
            if end < datetime.now(UTC):
                return day(end)
    return None


def _protocol(error: ssl.SSLError) -> tuple[str, str | None]:
    reason = error.reason or ""
    if reason in {"WRONG_VERSION_NUMBER", "HTTP_REQUEST", "RECORD_LAYER_FAILURE"}:
        return "it does not speak TLS", "is the server address in the kubeconfig http, not https?"
    if "ALERT" in reason and ("CERTIFICATE" in reason or "UNKNOWN_CA" in reason):
        return f"it does not accept the client certificate ({_plain(reason)})", None
    if isinstance(error, ssl.SSLEOFError) or reason == "UNEXPECTED_EOF_WHILE_READING":
        return "the connection ended in the middle", None
    return _plain(reason) or str(error), None


def _plain(reason: str) -> str:
    return reason.lower().replace("_", " ")


def day(moment: datetime) -> str:
    """A moment as people read it, in UTC."""
    return f"{moment.astimezone(UTC):%Y-%m-%d %H:%M} UTC"
