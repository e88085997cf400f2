from __future__ import annotations

import base64
import json
import os
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import pytest

from kfwd.errors import LoginNeeded
from kfwd.kube.exec_plugin import fetch, parse, spoken
from kfwd.kube.grant import Grant
from tests.kube.configs import context, exec_credential, exec_user, python, script
from tests.kube.servers import Authority

ENV = {"PATH": os.environ["PATH"]}
V1, V1BETA1 = "client.authentication.k8s.io/v1", "client.authentication.k8s.io/v1beta1"


async def failure(folder: Path, user: dict[str, Any], timeout: float = 10) -> LoginNeeded:
    with pytest.raises(LoginNeeded) as caught:
        await fetch(context(folder, user), ENV, timeout=timeout)
    return caught.value


def plugin(folder: Path, body: str, **more: Any) -> dict[str, Any]:
    return exec_user(script(folder / "login", body), **more)


def printing(folder: Path, text: str, **more: Any) -> dict[str, Any]:
    (folder / "said").write_text(text)
    return plugin(folder, f"cat {folder}/said", **more)


async def test_a_token_and_its_expiry_are_taken(tmp_path: Path) -> None:
    said = exec_credential(token="t1", expirationTimestamp="2040-01-01T02:00:00+02:00")
    grant = await fetch(context(tmp_path, printing(tmp_path, said)), ENV)
    assert grant == Grant(token="t1", expires=datetime(2040, 1, 1, tzinfo=UTC))


async def test_a_certificate_and_its_key_are_taken(tmp_path: Path) -> None:
    cert, key = Authority().client()
    said = exec_credential(clientCertificateData=cert.decode(), clientKeyData=key.decode())
    grant = await fetch(context(tmp_path, printing(tmp_path, said)), ENV)
    assert (grant.client_cert, grant.client_key, grant.token) == (cert, key, None)


async def test_v1beta1_is_spoken_too(tmp_path: Path) -> None:
    said = exec_credential(token="t1").replace(V1, V1BETA1)
    user = printing(tmp_path, said, apiVersion=V1BETA1)
    del user["exec"]["interactiveMode"]
    assert (await fetch(context(tmp_path, user), ENV)).token == "t1"


async def test_arguments_and_variables_reach_it(tmp_path: Path) -> None:
    wanted = f"get token here {ENV['PATH']}"
    body = f"""[ "$1 $2 $MINE $PATH" = "{wanted}" ] && echo '{exec_credential(token="t1")}'"""
    user = plugin(tmp_path, body, args=["get", "token"], env=[{"name": "MINE", "value": "here"}])
    assert (await fetch(context(tmp_path, user), ENV)).token == "t1"


async def told(folder: Path, cluster: dict[str, Any], **more: Any) -> dict[str, Any]:
    """What a plugin finds in KUBERNETES_EXEC_INFO."""
    said = exec_credential(token="t")
    body = f"""printf %s "$KUBERNETES_EXEC_INFO" > {folder}/info; echo '{said}'"""
    await fetch(context(folder, plugin(folder, body, **more), cluster), ENV)
    info: dict[str, Any] = json.loads((folder / "info").read_text())
    return info


async def test_it_is_told_that_it_must_not_ask(tmp_path: Path) -> None:
    assert await told(tmp_path, {}, interactiveMode="IfAvailable") == {
        "kind": "ExecCredential",
        "apiVersion": V1,
        "spec": {"interactive": False},
    }


async def test_it_is_told_about_the_cluster_when_it_asks(tmp_path: Path) -> None:
    ca = Authority().pem
    (tmp_path / "ca.crt").write_bytes(ca)
    cluster = {
        "server": "https://api.test:6443/x",
        "certificate-authority": "ca.crt",
        "tls-server-name": "kubernetes",
        "proxy-url": "http://p:1",
        "disable-compression": True,
        "extensions": [
            {"name": "other", "extension": {"no": 1}},
            {"name": "client.authentication.k8s.io/exec", "extension": {"audience": "a"}},
        ],
    }
    info = await told(tmp_path, cluster, provideClusterInfo=True)
    assert info["spec"]["cluster"] == {
        "server": "https://api.test:6443/x",
        "certificate-authority-data": base64.b64encode(ca).decode(),
        "tls-server-name": "kubernetes",
        "proxy-url": "http://p:1",
        "disable-compression": True,
        "config": {"audience": "a"},
    }


async def test_a_missing_plugin_shows_its_install_hint(tmp_path: Path) -> None:
    user = exec_user("no-such-plugin", installHint="brew install\n\x1b[31mno-such-plugin")
    error = await failure(tmp_path, user)
    assert error.code == "exec-plugin-missing"
    assert error.text == (
        'the login plugin no-such-plugin of user "dev" is not installed, or not in the PATH used'
    )
    assert error.hint == "brew install ?[31mno-such-plugin"


async def test_a_missing_plugin_without_a_hint_points_at_the_daemons_path(tmp_path: Path) -> None:
    error = await failure(tmp_path, exec_user("no-such-plugin"))
    assert "run `kfwd login dev` in a shell that finds it" in (error.hint or "")


@pytest.mark.parametrize("mode", [0o600, 0o700])
async def test_a_file_that_cannot_be_started_is_not_called_missing(
    tmp_path: Path, mode: int
) -> None:
    path = script(tmp_path / "login", "", shell="/no/such/interpreter")
    path.chmod(mode)
    error = await failure(tmp_path, exec_user(path))
    assert error.code == "exec-plugin-failed"
    assert "cannot be started: " in error.text


async def test_a_failing_plugin_is_quoted(tmp_path: Path) -> None:
    body = "echo secret; echo 'SSO session expired' >&2; echo 'run: aws sso login' >&2; exit 3"
    error = await failure(tmp_path, plugin(tmp_path, body))
    assert error.code == "exec-plugin-failed"
    assert error.text == (
        f'the login plugin {tmp_path}/login of user "dev" failed (exit status 3): '
        "SSO session expired run: aws sso login"
    )
    assert error.hint == "run `kfwd login dev`"
    assert "secret" not in error.text


async def test_a_killed_plugin_names_the_signal(tmp_path: Path) -> None:
    error = await failure(tmp_path, plugin(tmp_path, "kill -9 $$"))
    assert "failed (signal 9)" in error.text


async def test_a_slow_plugin_is_ended_and_quoted(tmp_path: Path) -> None:
    body = "echo 'open https://login.test' >&2; sleep 60"
    error = await failure(tmp_path, plugin(tmp_path, body), timeout=0.5)
    assert error.code == "exec-plugin-timeout"
    assert "did not end within 0.5 s: open https://login.test" in error.text


async def test_a_plugin_that_always_asks_is_not_even_started(tmp_path: Path) -> None:
    user = plugin(tmp_path, f"touch {tmp_path}/started", interactiveMode="Always")
    error = await failure(tmp_path, user)
    assert error.code == "exec-plugin-interactive"
    assert "needs a terminal" in error.text
    assert error.hint == "run `kfwd login dev`"
    assert not (tmp_path / "started").exists()


async def test_talk_without_end_is_refused(tmp_path: Path) -> None:
    error = await failure(tmp_path, plugin(tmp_path, "exec cat /dev/zero"))
    assert error.code == "exec-plugin-invalid"
    assert error.text.endswith("printed more than 1 MiB")


async def test_an_old_version_is_refused(tmp_path: Path) -> None:
    user = printing(tmp_path, "", apiVersion="client.authentication.k8s.io/v1alpha1")
    error = await failure(tmp_path, user)
    assert error.code == "exec-plugin-invalid"
    assert "v1alpha1, which is not supported" in error.text


@pytest.mark.parametrize(
    ("given", "text"),
    [
        ({"args": ["a\0b"]}, "NUL"),
        ({"env": [{"name": "A", "value": "\0"}]}, "NUL"),
        ({"env": [{"name": "A=B", "value": "c"}]}, '"=" in its name'),
    ],
)
async def test_what_no_program_can_be_given_is_refused(
    tmp_path: Path, given: dict[str, Any], text: str
) -> None:
    error = await failure(tmp_path, printing(tmp_path, "", **given))
    assert error.code == "exec-plugin-invalid"
    assert text in error.text


@pytest.mark.parametrize(
    ("said", "text"),
    [
        ("", "no usable ExecCredential"),
        ("hunter2 is my token", "no usable ExecCredential"),
        ('{"status": {"token": ["hunter2"]}}', "no usable ExecCredential"),
        (exec_credential(token="hunter2").replace(V1, V1BETA1), "something other than an Exec"),
        (exec_credential(token="hunter2").replace("ExecC", "C"), "something other than an Exec"),
        (exec_credential(token="hunter2").replace("status", "state"), "without a status"),
        (exec_credential(), "neither a token nor a certificate"),
        (exec_credential(clientKeyData="hunter2"), "key without its certificate"),
        (exec_credential(token="hunter2", expirationTimestamp="soon"), "no usable ExecCredential"),
        (
            exec_credential(token="hunter2", expirationTimestamp="2040-01-01T00:00:00"),
            "without a time zone",
        ),
    ],
)
async def test_output_that_is_no_credential_is_refused_without_quoting_it(
    tmp_path: Path, said: str, text: str
) -> None:
    error = await failure(tmp_path, printing(tmp_path, said))
    assert error.code == "exec-plugin-invalid"
    assert text in error.text
    assert "hunter2" not in error.text


async def test_what_a_plugin_says_beside_bad_output_is_quoted(tmp_path: Path) -> None:
    error = await failure(tmp_path, plugin(tmp_path, "echo 'not logged in' >&2"))
    assert error.text.endswith(": not logged in")


async def test_much_talk_on_stderr_does_not_stall_it(tmp_path: Path) -> None:
    (tmp_path / "said").write_text(exec_credential(token="t1"))
    body = f"import os\nos.write(2, b'x' * 400_000)\nprint(open('{tmp_path}/said').read())"
    user = exec_user(python(tmp_path / "login", body))
    assert (await fetch(context(tmp_path, user), ENV)).token == "t1"


def test_words_become_one_printable_line_and_the_last_ones_count() -> None:
    assert spoken(b"\n a\tb \xff \x1b[0m\n") == "a b \ufffd ?[0m"
    long = spoken(b"x" * 5000 + b" the end")
    assert len(long) == 1003
    assert long.startswith("...x")
    assert long.endswith("x the end")


def test_unknown_fields_in_a_credential_do_no_harm() -> None:
    said = json.loads(exec_credential(token="t"))
    said["spec"] = {"interactive": False}
    said["status"]["future"] = 1
    assert parse(json.dumps(said).encode(), V1).token == "t"
