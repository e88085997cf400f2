from __future__ import annotations

import base64
import json
import os
import subprocess
import sys
from pathlib import Path

import pytest
import trustme

from kfwd.errors import ConfigError
from kfwd.kube.kubeconfig import Impersonation, fingerprint, load
from kfwd.paths import kubeconfigs
from tests.kube.configs import document, exec_user, write

KUBECTL = Path(sys.executable).parent / "kubectl"


def test_the_first_file_that_names_something_wins(tmp_path: Path) -> None:
    first = document({"token": "one"}, name="dev", namespace="shop")
    second = document({"token": "two"}, {"proxy-url": "http://p:1"}, name="dev")
    other = document({"token": "three"}, name="prod")
    del first["current-context"]
    paths = [write(tmp_path / str(i), d) for i, d in enumerate([first, second, other])]
    config = load(paths)
    assert config.names() == ["dev", "prod"]
    assert config.current_context == "dev"  # the second file's: the first has none
    assert config.context().user.token == "one"
    assert config.context().namespace == "shop"
    assert config.context().cluster.proxy_url is None
    assert config.context("prod").user.token == "three"


def test_merging_agrees_with_kubectl(tmp_path: Path) -> None:
    first = document({"token": "one"}, name="dev")
    second = document({"token": "two"}, {"server": "https://b"}, name="prod")
    second["contexts"].append({"name": "mix", "context": {"cluster": "prod", "user": "dev"}})
    second["users"].append({"name": "dev", "user": {"token": "never"}})
    paths = [
        write(tmp_path / "a" / "config", first),
        tmp_path / "missing",
        write(tmp_path / "b" / "config", second),
    ]
    env = {**os.environ, "KUBECONFIG": ":".join(map(str, paths))}
    told = json.loads(
        subprocess.run(
            [KUBECTL, "config", "view", "--raw", "-o", "json"],
            env=env,
            check=True,
            capture_output=True,
        ).stdout
    )
    config = load(kubeconfigs(env))
    assert config.current_context == told["current-context"]
    assert config.names() == sorted(c["name"] for c in told["contexts"])
    users = {u["name"]: u["user"] for u in told["users"]}
    clusters = {c["name"]: c["cluster"] for c in told["clusters"]}
    for entry in told["contexts"]:
        context = config.context(entry["name"])
        user = users[entry["context"]["user"]]
        assert context.user.token == user.get("token")
        assert context.cluster.server == clusters[entry["context"]["cluster"]]["server"]


def test_of_two_entries_with_one_name_in_a_file_the_first_counts(tmp_path: Path) -> None:
    config = document({"token": "one"})
    config["users"].append({"name": "dev", "user": {"token": "two"}})
    assert load([write(tmp_path / "c", config)]).context().user.token == "one"


def test_paths_are_relative_to_the_file_they_stand_in(tmp_path: Path) -> None:
    user = {
        "client-certificate": "pki/me.crt",
        "client-key": "/abs/me.key",
        "tokenFile": "../token",
        **exec_user("bin/login"),
    }
    config = document(user, {"certificate-authority": "ca.crt"})
    folder = tmp_path / "conf"
    ca = trustme.CA().cert_pem.bytes()
    folder.mkdir()
    (folder / "ca.crt").write_bytes(ca)
    context = load([write(folder / "config", config)]).context()
    assert context.cluster.ca == ca
    assert context.user.client_cert_file == folder / "pki/me.crt"
    assert context.user.client_key_file == Path("/abs/me.key")
    assert context.user.token_file == folder / "../token"
    assert context.user.exec
    assert context.user.exec.command == str(folder / "bin/login")


def test_a_plugin_without_a_slash_is_looked_up_in_path(tmp_path: Path) -> None:
    context = load([write(tmp_path / "c", document(exec_user("aws")))]).context()
    assert context.user.exec
    assert context.user.exec.command == "aws"


def test_data_wins_over_files_that_are_not_even_there(tmp_path: Path) -> None:
    data = base64.b64encode(b"pem").decode()
    user = {"client-certificate-data": data, "client-key-data": f"{data[:2]}\n{data[2:]}"}
    cluster = {"certificate-authority-data": data, "certificate-authority": "missing"}
    context = load([write(tmp_path / "c", document(user, cluster))]).context()
    assert (context.user.client_cert, context.user.client_key) == (b"pem", b"pem")
    assert context.cluster.ca == b"pem"


def test_impersonation_and_the_namespace_are_read(tmp_path: Path) -> None:
    user = {"as": "ann", "as-uid": "7", "as-groups": ["a", "b"], "as-user-extra": {"k": ["v"]}}
    context = load([write(tmp_path / "c", document(user, namespace="shop"))]).context()
    assert context.user.impersonate == Impersonation(
        user="ann", uid="7", groups=("a", "b"), extra={"k": ("v",)}
    )
    assert context.namespace == "shop"
    assert load([tmp_path / "c"]).context("dev").ref.kubeconfig == (str(tmp_path / "c"),)


def test_groups_without_a_user_to_act_as_are_refused(tmp_path: Path) -> None:
    with pytest.raises(ConfigError, match=r'user "dev" asks for as-uid, .* without "as"'):
        load([write(tmp_path / "c", document({"as-groups": ["a"]}))]).context()


def test_a_context_without_a_user_is_anonymous(tmp_path: Path) -> None:
    config = document()
    del config["contexts"][0]["context"]["user"]
    context = load([write(tmp_path / "c", config)]).context()
    assert context.user.token is None
    assert context.namespace == "default"


def test_no_kubeconfig_at_all_says_where_it_looked_and_what_to_do(tmp_path: Path) -> None:
    with pytest.raises(ConfigError) as caught:
        load([tmp_path / "a", tmp_path / "b"])
    assert caught.value.code == "no-kubeconfig"
    assert caught.value.text == f"there is no kubeconfig at {tmp_path / 'a'}, {tmp_path / 'b'}"
    assert "KUBECONFIG" in (caught.value.hint or "")


def test_an_unknown_context_lists_the_known_ones(tmp_path: Path) -> None:
    config = load([write(tmp_path / "c", document())])
    with pytest.raises(ConfigError, match='there is no context "prod" in') as caught:
        config.context("prod")
    assert (caught.value.code, caught.value.hint) == ("unknown-context", "contexts: dev")


def test_no_current_context_lists_the_known_ones(tmp_path: Path) -> None:
    config = document()
    config["current-context"] = ""
    with pytest.raises(ConfigError, match="sets no current one") as caught:
        load([write(tmp_path / "c", config)]).context()
    assert (caught.value.code, caught.value.hint) == ("no-current-context", "contexts: dev")


@pytest.mark.parametrize("kind", ["cluster", "user"])
def test_a_context_that_names_what_is_not_there_says_so(tmp_path: Path, kind: str) -> None:
    config = document()
    config["contexts"][0]["context"][kind] = "gone"
    with pytest.raises(
        ConfigError, match=f'context "dev" names the {kind} "gone", which is not in'
    ) as caught:
        load([write(tmp_path / "c", config)]).context()
    assert caught.value.hint == f"{kind}s: dev"


def test_a_certificate_authority_that_cannot_be_read_is_named(tmp_path: Path) -> None:
    config = document(cluster={"certificate-authority": "ca.crt"})
    with pytest.raises(ConfigError) as caught:
        load([write(tmp_path / "c", config)]).context()
    assert caught.value.code == "certificate-unreadable"
    assert caught.value.text == (
        'the certificate authority of cluster "dev" cannot be read: '
        f"{tmp_path / 'ca.crt'}: No such file or directory"
    )


def test_other_contexts_may_be_broken(tmp_path: Path) -> None:
    good, bad = document(), document(cluster={"certificate-authority": "gone"}, name="bad")
    config = load([write(tmp_path / "a", good), write(tmp_path / "b", bad)])
    assert config.context("dev").cluster.name == "dev"


def test_a_cluster_without_a_server_is_refused(tmp_path: Path) -> None:
    with pytest.raises(ConfigError, match='the cluster "dev" has no server address'):
        load([write(tmp_path / "c", document(cluster={"server": ""}))]).context()


@pytest.mark.parametrize("missing", ["command", "apiVersion"])
def test_a_plugin_section_without_its_parts_is_refused(tmp_path: Path, missing: str) -> None:
    user = exec_user("aws")
    user["exec"][missing] = ""
    with pytest.raises(ConfigError, match=f'exec section of user "dev" has no {missing}'):
        load([write(tmp_path / "c", document(user))]).context()


def test_secrets_show_in_no_representation(tmp_path: Path) -> None:
    secret = "hunter2"
    user = {
        "token": secret,
        "username": "ann",
        "password": secret,
        "client-key-data": base64.b64encode(secret.encode()).decode(),
        "auth-provider": {"name": "oidc", "config": {"refresh-token": secret}},
        **exec_user("aws", args=[secret], env=[{"name": "KEY", "value": secret}]),
    }
    cluster = {"proxy-url": f"http://u:{secret}@p"}
    context = load([write(tmp_path / "c", document(user, cluster))]).context()
    assert context.user.token == secret
    shown = f"{context!r} {context.user} {context.user.exec} {context.user.auth_provider}"
    assert secret not in shown
    assert "dev" in shown


def test_the_fingerprint_follows_a_file(tmp_path: Path) -> None:
    path = tmp_path / "c"
    seen = {fingerprint([path])}
    for text in ("a", "bb"):
        path.write_text(text)
        seen.add(fingerprint([path]))
    replaced = tmp_path / "new"
    replaced.write_text("cc")
    replaced.replace(path)
    seen.add(fingerprint([path]))
    assert len(seen) == 4
