"""The cluster's own certificate authority, and what it signs."""

from __future__ import annotations

import ssl
from datetime import UTC, datetime, timedelta

from msgspec import Struct

SERVER_NAMES = ("localhost", "127.0.0.1", "::1", "kubernetes", "kubernetes.default.svc")
LIFETIME = timedelta(days=365)


class KeyPair(Struct, frozen=True):
    """A certificate chain and its key, PEM."""

    cert: bytes
    key: bytes


class Authority:
    """Signs the server's certificate and those of users. Keeps nothing on disk."""

    def __init__(self) -> None:
        import trustme

        self._ca = trustme.CA(organization_name="kfwd sim", organization_unit_name="sim-ca")

    @property
    def pem(self) -> bytes:
        """The authority's certificate."""
        return self._ca.cert_pem.bytes()

    def client(
        self, name: str, groups: tuple[str, ...] = (), *, expires: datetime | None = None
    ) -> KeyPair:
        """A certificate for user `name` (CN) in at most one group (O)."""
        issued = self._ca.issue_cert(
            common_name=name,
            organization_name=groups[0] if groups else "system:users",
            not_after=expires or datetime.now(UTC) + LIFETIME,
        )
        return KeyPair(_chain(issued), issued.private_key_pem.bytes())

    def server_context(self) -> ssl.SSLContext:
        """TLS for the listening side: HTTP/1.1 only, client certificates welcome."""
        context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
        context.minimum_version = ssl.TLSVersion.TLSv1_2
        context.set_alpn_protocols(["http/1.1"])
        self._ca.issue_cert(*SERVER_NAMES).configure_cert(context)
        context.load_verify_locations(cadata=self.pem.decode())
        context.verify_mode = ssl.CERT_OPTIONAL
        return context


def _chain(issued: object) -> bytes:
    chain = issued.cert_chain_pems  # type: ignore[attr-defined]  # trustme is imported lazily
    return b"".join(pem.bytes() for pem in chain)
