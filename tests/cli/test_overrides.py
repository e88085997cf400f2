"""kubectl's connection flags as a kubeconfig."""

from __future__ import annotations

import json
import os
import stat
from pathlib import Path
from typing import Any

import pytest

from kfwd.cli.overrides import Overrides, apply, kubeconfig
from kfwd.errors import ConfigError, KfwdError

FIRST = """\
current-context: dev
contexts:
- {name: dev, context: {cluster: one, user: me, namespace: shop}}
users:
- name: me
  user: {token: abc, tokenFile: t, exec: {command: bin/login}, client-key: keys/me.key}
"""
SECOND = """\
current-context: other
contexts:
- {name: dev, context: {cluster: two, user: you}}
clusters:
- name: one
  cluster: {server: "https://one", certificate-authority: ca.pem, tls-server-name: one.example}
- {name: two, cluster: {server: "https://two", certificate-authority-data: QQ==}}
"""


@pytest.fixture
def paths(tmp_path: Path) -> list[str]:
    for name, text in (("first", FIRST), ("second", SECOND)):
        (tmp_path / name).mkdir()
        (tmp_path / name / "config").write_text(text)
    return [f"{tmp_path}/first/config", f"{tmp_path}/second/config", f"{tmp_path}/none"]


def made(paths: list[str], folder: Path, context: str | None = None, **flags: Any) -> Any:
    with kubeconfig(paths, context, Overrides(**flags), folder) as (files, name):
        (path,) = map(Path, files)
        assert stat.S_IMODE(path.stat().st_mode) == 0o600
        config = json.loads(path.read_text())
        assert name == config["current-context"]
    assert not path.exists()
    return config


@pytest.mark.skipif(os.getuid() != 0, reason="only root can make a folder somebody else's")
def test_a_folder_that_somebody_else_may_change_gets_no_secret(
    paths: list[str], tmp_path: Path
) -> None:
    """Whoever can replace the file says which programs the daemon runs."""
    folder = tmp_path / "run"
    folder.mkdir(mode=0o777)
    os.chown(folder, 65534, 65534)
    flags = Overrides(token="hunter2")
    with pytest.raises(KfwdError, match="belongs to user"), kubeconfig(paths, "dev", flags, folder):
        pass
    assert list(folder.iterdir()) == []


def test_without_flags_the_files_are_used_as_they_are(paths: list[str], tmp_path: Path) -> None:
    with kubeconfig(paths, "dev", Overrides(), tmp_path / "missing") as found:
        assert found == (tuple(paths), "dev")


def test_the_first_file_wins_and_relative_paths_become_absolute(
    paths: list[str], tmp_path: Path
) -> None:
    config = made(paths, tmp_path, server="https://other")
    assert config["contexts"] == [
        {"name": "dev", "context": {"cluster": "one", "user": "me", "namespace": "shop"}}
    ]
    (user,) = config["users"]
    assert user["user"]["client-key"] == f"{tmp_path}/first/keys/me.key"
    assert user["user"]["exec"]["command"] == f"{tmp_path}/first/bin/login"
    (cluster,) = config["clusters"]
    assert cluster["cluster"] == {
        "server": "https://other",
        "certificate-authority": f"{tmp_path}/second/ca.pem",
    }


def test_a_token_takes_the_place_of_every_other_login(paths: list[str], tmp_path: Path) -> None:
    (user,) = made(paths, tmp_path, token="xyz")["users"]
    assert user["user"] == {"token": "xyz", "client-key": f"{tmp_path}/first/keys/me.key"}


def test_not_checking_the_server_drops_its_authority(paths: list[str], tmp_path: Path) -> None:
    flags = {"cluster": "two", "insecure_skip_tls_verify": True, "tls_server_name": "two.example"}
    (cluster,) = made(paths, tmp_path, **flags)["clusters"]
    assert cluster["cluster"] == {
        "server": "https://two",
        "insecure-skip-tls-verify": True,
        "tls-server-name": "two.example",
    }


def test_impersonation(paths: list[str], tmp_path: Path) -> None:
    flags: dict[str, Any] = {
        "as_user": "jane",
        "as_group": ("a", "b"),
        "as_uid": "7",
        "as_user_extra": ("k=1", "k=2"),
    }
    (user,) = made(paths, tmp_path, **flags)["users"]
    assert user["user"]["as"] == "jane"
    assert user["user"]["as-groups"] == ["a", "b"]
    assert user["user"]["as-uid"] == "7"
    assert user["user"]["as-user-extra"] == {"k": ["1", "2"]}


def test_a_server_alone_is_enough() -> None:
    config = apply({}, None, Overrides(server="https://x", token="t"))
    assert config["clusters"] == [{"name": "kfwd", "cluster": {"server": "https://x"}}]
    assert config["contexts"] == [{"name": "kfwd", "context": {"cluster": "kfwd", "user": "kfwd"}}]


@pytest.mark.parametrize(
    ("context", "flags", "text"),
    [
        ("prod", {"token": "x"}, 'context "prod" does not exist'),
        (None, {"user": "nobody"}, 'user "nobody" does not exist'),
        (None, {"cluster": "none"}, 'cluster "none" does not exist'),
    ],
)
def test_what_is_not_there_is_named(
    paths: list[str], tmp_path: Path, context: str | None, flags: dict[str, Any], text: str
) -> None:
    with pytest.raises(ConfigError, match=text):
        made(paths, tmp_path, context, **flags)


def test_a_file_that_is_no_kubeconfig_is_named(tmp_path: Path) -> None:
    (tmp_path / "bad").write_text("a: b: c")
    with pytest.raises(ConfigError, match=r"kubeconfig .*/bad:1:5: "):
        made([f"{tmp_path}/bad"], tmp_path, token="x")
    (tmp_path / "list").write_text("[]")
    with pytest.raises(ConfigError, match=r"kubeconfig .*/list is no mapping"):
        made([f"{tmp_path}/list"], tmp_path, token="x")


def test_the_file_goes_even_when_it_ends_badly(paths: list[str], tmp_path: Path) -> None:
    folder = tmp_path / "run"
    folder.mkdir()
    with pytest.raises(KeyboardInterrupt), kubeconfig(paths, None, Overrides(token="x"), folder):
        raise KeyboardInterrupt
    assert list(folder.iterdir()) == []
