"""A service account as a kubeconfig."""

from __future__ import annotations

from pathlib import Path

import pytest

from kfwd.errors import ConfigError
from kfwd.kube import in_cluster, kubeconfig
from kfwd.kube.kubeconfig_file import ClusterEntry
from kfwd.model import ContextRef

POD = {"KUBERNETES_SERVICE_HOST": "fd00::1", "KUBERNETES_SERVICE_PORT": "443"}


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    for name, text in (("token", "abc"), ("ca.crt", "PEM"), ("namespace", "shop\n")):
        (tmp_path / name).write_text(text)
    return tmp_path


def test_a_pod_has_its_service_account(folder: Path) -> None:
    own = in_cluster.read(POD, folder)
    assert own is not None
    context = kubeconfig.Kubeconfig([Path("/none")], [own]).context()
    assert (context.cluster.server, context.cluster.ca) == ("https://[fd00::1]:443", b"PEM")
    assert (context.ref.name, context.namespace) == ("in-cluster", "shop")
    assert context.user.token_file == folder / "token"
    assert set(context.files) == {folder / "token", folder / "ca.crt"}


def test_what_is_missing_is_left_out(folder: Path) -> None:
    for name in ("ca.crt", "namespace"):
        (folder / name).unlink()
    own = in_cluster.read(POD, folder)
    assert own is not None
    assert own.clusters["in-cluster"] == ClusterEntry(server="https://[fd00::1]:443")
    assert own.contexts["in-cluster"].namespace == ""


def test_nothing_else_is_a_pod(folder: Path, tmp_path: Path) -> None:
    assert in_cluster.read({}, folder) is None
    assert in_cluster.read({**POD, "KUBERNETES_SERVICE_PORT": "https"}, folder) is None
    assert in_cluster.read(POD, tmp_path / "none") is None


@pytest.fixture
def in_a_pod(folder: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    own = in_cluster.read(POD, folder)
    monkeypatch.setattr(in_cluster, "read", lambda: own)


@pytest.mark.usefixtures("in_a_pod")
def test_it_stands_in_for_a_kubeconfig_that_nobody_named() -> None:
    ref = kubeconfig.load(["/none"]).context().ref
    assert ref == ContextRef(kubeconfig=("/none",), name="in-cluster")
    assert kubeconfig.find(ref).namespace == "shop"


@pytest.mark.usefixtures("in_a_pod")
def test_it_stands_in_for_no_file_that_somebody_named_or_that_was_there_before() -> None:
    with pytest.raises(ConfigError, match="there is no kubeconfig at /none"):
        kubeconfig.load(["/none"], own=False)
    with pytest.raises(ConfigError, match="there is no kubeconfig at /none"):
        kubeconfig.find(ContextRef(kubeconfig=("/none",), name="prod"))
