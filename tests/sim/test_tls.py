from __future__ import annotations

import contextlib
import ssl
from pathlib import Path

from kfwd.sim.tls import Authority


def handshake(
    client: ssl.SSLContext, server: ssl.SSLContext
) -> tuple[ssl.SSLObject, ssl.SSLObject]:
    """A TLS handshake in memory."""
    wires = [ssl.MemoryBIO() for _ in range(4)]
    ends = (
        client.wrap_bio(wires[0], wires[1], server_hostname="127.0.0.1"),
        server.wrap_bio(wires[2], wires[3], server_side=True),
    )
    done = [False, False]
    while not all(done):
        for number, end in enumerate(ends):
            try:
                end.do_handshake()
                done[number] = True
            except ssl.SSLWantReadError:
                pass
            wires[2].write(wires[1].read())
            wires[0].write(wires[3].read())
    with contextlib.suppress(ssl.SSLWantReadError):
        # The client reads the server's last handshake records.
        ends[0].read()
    return ends


def test_the_server_is_trusted_and_speaks_http_1_1_only() -> None:
    authority = Authority()
    context = ssl.create_default_context(cadata=authority.pem.decode())
    context.set_alpn_protocols(["h2", "http/1.1"])
    client, server = handshake(context, authority.server_context())
    assert client.selected_alpn_protocol() == "http/1.1"
    assert server.getpeercert() is None or server.getpeercert() == {}


def test_a_client_certificate_names_user_and_group(tmp_path: Path) -> None:
    authority = Authority()
    pair = authority.client("ann", ("system:masters",))
    (tmp_path / "both.pem").write_bytes(pair.cert + pair.key)
    context = ssl.create_default_context(cadata=authority.pem.decode())
    context.load_cert_chain(tmp_path / "both.pem")
    _, server = handshake(context, authority.server_context())
    peer = server.getpeercert()
    assert peer is not None
    names = dict(pair for rdn in peer["subject"] for pair in rdn)  # type: ignore[misc,union-attr]  # ssl's loose type
    assert (names["commonName"], names["organizationName"]) == ("ann", "system:masters")
