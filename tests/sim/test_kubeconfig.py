from __future__ import annotations

import base64
import stat
from pathlib import Path

import pytest

from kfwd import yamldoc
from kfwd.errors import ConfigError
from kfwd.sim import kubeconfig
from kfwd.sim.kubeconfig import Access
from kfwd.sim.tls import KeyPair

ACCESS = Access(
    url="https://127.0.0.1:1",
    admin_url="https://127.0.0.1:2",
    ca=b"CA",
    admin_cert=KeyPair(b"CERT", b"KEY"),
    admin_token="admin",
    narrow_token="narrow",
)


def test_a_kubeconfig_has_three_contexts_in_demo(tmp_path: Path) -> None:
    path = tmp_path / "new" / "config"
    kubeconfig.write(path, ACCESS)
    found = yamldoc.load(path.read_text())
    assert isinstance(found, dict)
    assert found["current-context"] == "sim"
    contexts = {c["name"]: c["context"] for c in found["contexts"]}
    assert set(contexts) == {"sim", "sim-token", "sim-narrow"}
    assert {c["namespace"] for c in contexts.values()} == {"demo"}
    users = {u["name"]: u["user"] for u in found["users"]}
    assert base64.b64decode(users["sim"]["client-key-data"]) == b"KEY"
    assert (users["sim-token"]["token"], users["sim-narrow"]["token"]) == ("admin", "narrow")
    extension = found["clusters"][0]["cluster"]["extensions"][0]["extension"]
    assert extension == {"admin": "https://127.0.0.1:2", "token": "admin"}


def test_only_its_owner_reads_it_and_nothing_else_is_left(tmp_path: Path) -> None:
    path = tmp_path / "config"
    kubeconfig.write(path, ACCESS)
    assert stat.S_IMODE(path.stat().st_mode) == 0o600
    assert list(tmp_path.iterdir()) == [path]


def test_somebody_elses_kubeconfig_is_never_written_over(tmp_path: Path) -> None:
    path = tmp_path / "config"
    kubeconfig.check(path)
    kubeconfig.write(path, ACCESS)
    kubeconfig.check(path)
    others = "clusters: [{name: prod, cluster: {server: 'https://x'}}]"
    empty = "kind: Config\nclusters: []\n"
    for text in (others, empty, "rubbish: [", "a: b", "a plain text\n", "- a list"):
        path.write_text(text)
        with pytest.raises(ConfigError) as caught:
            kubeconfig.check(path)
        assert str(path) in caught.value.text
        assert path.read_text() == text
