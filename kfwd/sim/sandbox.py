"""What a container runtime calls a pod, and what it says when a forward fails. Pure.

Texts are those of containerd 1.6, CRI-O and containerd's main branch (protocol notes C.4), behind
the streaming server's own words (CPF 254-256; the CRI passes the sandbox id and an empty UID).
"""

from __future__ import annotations

import hashlib
import uuid

from msgspec import Struct

from kfwd.sim.faults import ErrorOrder


class Sandbox(Struct, frozen=True):
    """A pod as its runtime knows it."""

    id: str
    netns: str
    runtime: ErrorOrder

    def refused(self, port: int) -> str:
        """Nothing listens on the port."""
        v4 = f"dial tcp4 127.0.0.1:{port}: connect: connection refused"
        v6 = f"dial tcp6 [::1]:{port}: connect: connection refused"
        where = f'failed to connect to localhost:{port} inside namespace "{self.id}"'
        if self.runtime == "crio":
            dial = f"dial tcp [::1]:{port}: connect: connection refused"
            return self._failed(port, f"{where}: {dial}")
        if self.runtime == "main":
            return self._failed(port, f"{v4}\n{v6}")
        return self._failed(port, f"{where}, IPv4: {v4} IPv6 {v6} ")

    def broken(self, port: int, error: str) -> str:
        """The connection to the pod failed after it was made; `error` is the socket's."""
        if self.runtime == "main":
            why = f'failed to execute portforward for "{self.id}" port {port}: {error}'
            return self._error(port, why)
        return self._failed(port, error)

    def gone(self, port: int) -> str:
        """The pod was deleted; its sandbox is still known by name."""
        if self.runtime == "crio":
            return self._error(port, f"sandbox {self.id} is not running")
        return self._error(port, f'network namespace for sandbox "{self.id}" is closed')

    def _failed(self, port: int, why: str) -> str:
        doing = (
            "port forward into" if self.runtime == "crio" else "failed to execute portforward in"
        )
        return self._error(port, f'{doing} network namespace "{self.netns}": {why}')

    def _error(self, port: int, why: str) -> str:
        return f"error forwarding port {port} to pod {self.id}, uid : {why}"


def sandbox(uid: str, runtime: ErrorOrder) -> Sandbox:
    """The sandbox of a pod: its names follow from the pod's UID."""
    digest = hashlib.sha256(uid.encode()).hexdigest()
    return Sandbox(digest, f"/var/run/netns/cni-{uuid.UUID(digest[:32])}", runtime)


def socket_error(doing: str, local: int, port: int, error: OSError) -> str:
    """A socket's error in Go's words: `read tcp4 127.0.0.1:46540->127.0.0.1:80: read: ...`."""
    why = (error.strerror or str(error)).lower()
    return f"{doing} tcp4 127.0.0.1:{local}->127.0.0.1:{port}: {doing}: {why}"
