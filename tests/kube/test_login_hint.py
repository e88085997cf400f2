"""What people are told to do about a login."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest

from kfwd.kube.login_hint import login_hint
from tests.kube.configs import context, exec_user


@pytest.mark.parametrize(
    ("user", "own"),
    [
        (exec_user("corp-login"), ""),
        (exec_user("gke-gcloud-auth-plugin"), ", or `gcloud auth login`"),
        (exec_user("/opt/bin/aws", args=["eks", "get-token"]), ", or `aws sso login`"),
        (
            exec_user("aws", args=["--profile", "my team", "eks"]),
            ", or `aws sso login --profile 'my team'`",
        ),
        (
            exec_user("aws", env=[{"name": "AWS_PROFILE", "value": "dev"}]),
            ", or `aws sso login --profile dev`",
        ),
        (exec_user("kubelogin", args=["get-token", "-l", "azurecli"]), ", or `az login`"),
        (exec_user("kubelogin", args=["get-token", "--oidc-issuer-url", "x"]), ""),
    ],
)
def test_a_plugin_is_run_by_kfwd_login_or_has_a_command_of_its_own(
    tmp_path: Path, user: dict[str, Any], own: str
) -> None:
    assert login_hint(context(tmp_path, user)) == f"run `kfwd login dev`{own}"


@pytest.mark.parametrize(
    ("user", "words"),
    [
        ({"token": "s3cret"}, 'put a new token for user "dev" into the kubeconfig'),
        ({"username": "ann", "password": "s3cret"}, 'put a new name or password for user "dev"'),
        ({"tokenFile": "/run/token"}, "put a new token into /run/token"),
        ({"client-certificate": "/c", "client-key": "/k"}, "get a new client certificate"),
        (
            {"auth-provider": {"name": "oidc", "config": {"refresh-token": "s3cret"}}},
            "log in again with the tool that made this kubeconfig",
        ),
        ({}, 'give user "dev" a login'),
    ],
)
def test_any_other_login_is_explained_in_words(
    tmp_path: Path, user: dict[str, Any], words: str
) -> None:
    told = login_hint(context(tmp_path, user))
    assert told.startswith(words)
    assert told.endswith("kfwd notices the change")
    assert "s3cret" not in told
