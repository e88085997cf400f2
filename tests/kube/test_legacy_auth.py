from __future__ import annotations

import subprocess
import sys
from pathlib import Path

import pytest

from kfwd.errors import LoginNeeded
from kfwd.kube.grant import Grant
from kfwd.kube.legacy_auth import fetch
from tests.kube.configs import context


def provider(name: str, **config: str) -> dict[str, object]:
    return {"auth-provider": {"name": name, "config": config}}


def test_a_gcp_token_that_is_good_is_taken(tmp_path: Path) -> None:
    user = provider("gcp", **{"access-token": "t1", "expiry": "2040-01-01T00:00:00Z"})
    assert fetch(context(tmp_path, user)) == Grant(token="t1")


@pytest.mark.parametrize(
    ("name", "hint"),
    [("azure", "kubelogin"), ("openstack", "a login plugin"), ("gcp", "gke-gcloud-auth-plugin")],
)
def test_a_provider_that_gives_nothing_names_what_replaces_it(
    tmp_path: Path, name: str, hint: str
) -> None:
    secrets = {"access-token": "hunter2", "expiry": "2001-01-01T00:00:00Z"}
    with pytest.raises(LoginNeeded, match=f'auth provider "{name}" gave no credential') as caught:
        fetch(context(tmp_path, provider(name, **secrets)))
    assert caught.value.code == "auth-provider-failed"
    assert hint in (caught.value.hint or "")
    assert "hunter2" not in f"{caught.value.text} {caught.value.hint}"


def test_the_official_client_is_loaded_for_nothing_else() -> None:
    code = (
        "import sys, kfwd.kube.connect, kfwd.kube.legacy_auth; print('kubernetes' in sys.modules)"
    )
    told = subprocess.run([sys.executable, "-c", code], check=True, capture_output=True, text=True)
    assert told.stdout == "False\n"
