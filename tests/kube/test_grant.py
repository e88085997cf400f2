from __future__ import annotations

from pathlib import Path

import pytest

from kfwd.errors import ConfigError, LoginNeeded
from kfwd.kube.grant import Grant, read
from kfwd.kube.kubeconfig import User


def test_a_token_goes_before_a_name_and_password() -> None:
    assert Grant(token="t", login=("a", "b")).authorization() == "Bearer t"
    assert Grant(login=("ann", "p:w")).authorization() == "Basic YW5uOnA6dw=="
    assert Grant().authorization() is None


def test_data_is_taken_as_it_is() -> None:
    user = User(name="ann", token="t", client_cert=b"c", client_key=b"k", username="ann")
    grant = Grant(token="t", login=("ann", ""), client_cert=b"c", client_key=b"k")
    assert read(user) == grant


def test_files_are_read_and_a_readable_token_file_wins(tmp_path: Path) -> None:
    (tmp_path / "token").write_text(" from-file\n")
    (tmp_path / "cert").write_bytes(b"c")
    user = User(
        name="ann",
        token="from-config",
        token_file=tmp_path / "token",
        client_cert_file=tmp_path / "cert",
    )
    grant = read(user)
    assert (grant.token, grant.client_cert, grant.from_files) == ("from-file", b"c", True)


@pytest.mark.parametrize("content", [None, "", " \n"])
def test_a_token_stands_in_for_a_file_that_gives_none(tmp_path: Path, content: str | None) -> None:
    if content is not None:
        (tmp_path / "token").write_text(content)
    user = User(name="ann", token="from-config", token_file=tmp_path / "token")
    assert read(user).token == "from-config"


@pytest.mark.parametrize(("content", "reason"), [(None, "No such file"), ("\n", "it is empty")])
def test_a_token_file_that_gives_none_is_named(
    tmp_path: Path, content: str | None, reason: str
) -> None:
    if content is not None:
        (tmp_path / "token").write_text(content)
    with pytest.raises(LoginNeeded, match=f'user "ann" cannot be used: .*token: {reason}') as got:
        read(User(name="ann", token_file=tmp_path / "token"))
    assert got.value.code == "token-unreadable"


@pytest.mark.parametrize("which", ["certificate", "key"])
def test_a_certificate_file_that_cannot_be_read_is_named(tmp_path: Path, which: str) -> None:
    files = {"certificate": "client_cert_file", "key": "client_key_file"}
    user = User(name="ann", **{files[which]: tmp_path / "gone"})
    with pytest.raises(ConfigError, match=f'client {which} of user "ann" cannot be read') as got:
        read(user)
    assert got.value.code == "certificate-unreadable"
