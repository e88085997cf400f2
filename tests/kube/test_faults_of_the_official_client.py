"""What is wrong in the credential code of `kubernetes` 37.0.2, shown not to be wrong here.

Each test is named after one fault. Where the official client is right it is the judge: the same
kubeconfig must come to the same server, CA, certificate and token in both.
"""

from __future__ import annotations

import asyncio
import base64
import json
import os
import subprocess
import sys
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import pytest

from kfwd.errors import LoginNeeded, Unreachable
from kfwd.kube import kubeconfig
from kfwd.kube.connect import Server
from kfwd.kube.credentials import Credentials
from kfwd.kube.upgrade import Request, upgrade
from kfwd.tasks import TaskSet
from tests.kube.configs import context, document, exec_credential, exec_user, python, script, write
from tests.kube.identity_provider import Provider, jwt
from tests.kube.servers import Authority, Through, serving
from tests.kube.test_plugin_process import gone

ENV = {"PATH": os.environ["PATH"]}
NOW = datetime.now(UTC)
EXPIRED, FRESH = jwt(NOW - timedelta(hours=1), "old"), jwt(NOW + timedelta(hours=1), "new")


async def token_of(folder: Path, user: dict[str, Any], env: dict[str, str] | None = None) -> str:
    """The token that a user comes to."""
    credentials = Credentials(context(folder, user), env or ENV)
    try:
        return (await credentials.get()).headers["Authorization"].removeprefix("Bearer ")
    finally:
        await credentials.close()


def official(path: Path) -> Any:
    """The official client's configuration for a kubeconfig."""
    from kubernetes.client import Configuration
    from kubernetes.config import load_kube_config

    configuration = Configuration()
    load_kube_config(str(path), client_configuration=configuration, persist_config=False)
    return configuration


async def test_both_clients_read_the_same_from_one_kubeconfig(tmp_path: Path) -> None:
    authority = Authority()
    cert, key = authority.client()
    for name, pem in (("ca.crt", authority.pem), ("me.crt", cert)):
        (tmp_path / name).write_bytes(pem)
    user = {
        "token": "t1",
        "client-certificate": "me.crt",
        "client-key-data": base64.b64encode(key).decode(),
    }
    cluster = {"server": "https://api.test:6443/x", "certificate-authority": "ca.crt"}
    ours = context(tmp_path, user, cluster)
    credentials = Credentials(ours, ENV)
    credential, theirs = await credentials.get(), official(tmp_path / "config")
    assert Server(ours, credentials, ENV).base_url == theirs.host
    assert ours.cluster.ca == Path(theirs.ssl_ca_cert).read_bytes()  # noqa: ASYNC240  # a test
    assert credential.client_cert == Path(theirs.cert_file).read_bytes()  # noqa: ASYNC240
    assert credential.client_key == Path(theirs.key_file).read_bytes()  # noqa: ASYNC240
    assert credential.headers["Authorization"] == theirs.api_key["BearerToken"]


async def test_both_clients_run_a_plugin_to_the_same_token(tmp_path: Path) -> None:
    plugin = script(tmp_path / "bin" / "login", f"echo '{exec_credential(token='t1')}'")
    assert plugin.exists()
    ours = await token_of(tmp_path, exec_user("bin/login"))
    assert f"Bearer {ours}" == official(tmp_path / "config").api_key["BearerToken"] == "Bearer t1"


async def test_a_failing_plugin_is_an_error_and_never_an_anonymous_request(tmp_path: Path) -> None:
    with pytest.raises(LoginNeeded, match=r"exit status 3.*session expired"):
        await token_of(
            tmp_path, exec_user(script(tmp_path / "p", "echo session expired >&2; exit 3"))
        )


async def test_a_plugin_that_writes_400_kb_to_stderr_does_not_deadlock(tmp_path: Path) -> None:
    (tmp_path / "said").write_text(exec_credential(token="t1"))
    body = f"import os\nos.write(2, b'x' * 400_000)\nprint(open('{tmp_path}/said').read())"
    async with asyncio.timeout(10):
        assert await token_of(tmp_path, exec_user(python(tmp_path / "p", body))) == "t1"


async def test_a_plugin_that_hangs_is_given_up(tmp_path: Path) -> None:
    it = context(tmp_path, exec_user(script(tmp_path / "p", "sleep 60")))
    with pytest.raises(LoginNeeded, match=r"did not end within 0\.2 s"):
        await Credentials(it, ENV, plugin_timeout=0.2).get()


async def test_cancelling_leaves_no_plugin_running(tmp_path: Path) -> None:
    fifo = tmp_path / "pid"
    os.mkfifo(fifo)
    it = context(tmp_path, exec_user(script(tmp_path / "p", f"echo $$ > {fifo}; sleep 60")))
    credentials, tasks = Credentials(it, ENV), TaskSet("test")
    tasks.spawn(credentials.get(), "get")
    pid = int(await asyncio.to_thread(fifo.read_text))
    await tasks.close()
    await credentials.close()
    assert await gone(pid)


async def test_a_relative_command_is_looked_for_beside_the_kubeconfig(tmp_path: Path) -> None:
    script(tmp_path / "bin" / "login", f"echo '{exec_credential(token='t1')}'")
    assert await token_of(tmp_path, exec_user("./bin/login")) == "t1"


async def test_provide_cluster_info_is_honoured(tmp_path: Path) -> None:
    said = exec_credential(token="t1")
    body = f"echo $KUBERNETES_EXEC_INFO > {tmp_path}/info; echo '{said}'"
    await token_of(tmp_path, exec_user(script(tmp_path / "p", body), provideClusterInfo=True))
    info = json.loads((tmp_path / "info").read_text())
    assert info["spec"]["cluster"]["server"] == "https://127.0.0.1:6443"


async def test_impersonation_is_honoured(tmp_path: Path) -> None:
    user = {"token": "t", "as": "ann", "as-groups": ["dev", "ops"], "as-uid": "7"}
    credential = await Credentials(context(tmp_path, user), ENV).get()
    assert list(credential.headers.items()) == [
        ("Impersonate-User", "ann"),
        ("Impersonate-Uid", "7"),
        ("Impersonate-Group", "dev"),
        ("Impersonate-Group", "ops"),
        ("Authorization", "Bearer t"),
    ]


def oidc(settings: dict[str, str]) -> dict[str, Any]:
    return {"auth-provider": {"name": "oidc", "config": {"id-token": EXPIRED, **settings}}}


async def test_an_oidc_refresh_without_a_ca_verifies_the_provider(tmp_path: Path) -> None:
    async with Provider(FRESH).running() as provider:
        settings = provider.settings()
        del settings["idp-certificate-authority-data"]
        with pytest.raises(Unreachable, match="not known here"):
            await token_of(tmp_path, oidc(settings))
    assert (provider.discovered, provider.asked) == (0, [])


async def test_an_oidc_refresh_with_an_inline_ca_works(tmp_path: Path) -> None:
    async with Provider(FRESH).running() as provider:
        user = oidc(provider.settings(**{"client-secret": "s"}))
        assert await token_of(tmp_path, user) == FRESH


async def test_an_oidc_refresh_without_a_client_secret_or_a_new_refresh_token_works(
    tmp_path: Path,
) -> None:
    async with Provider(FRESH, rotates=False).running() as provider:
        assert await token_of(tmp_path, oidc(provider.settings())) == FRESH


async def test_refreshed_tokens_are_written_back(tmp_path: Path) -> None:
    async with Provider(FRESH).running() as provider:
        await token_of(tmp_path, oidc(provider.settings()))
    told = kubeconfig.load([tmp_path / "config"]).context().user.auth_provider
    assert told
    assert (told.config["id-token"], told.config["refresh-token"]) == (FRESH, "refresh-2")


async def test_proxy_url_and_tls_server_name_count_for_upgraded_connections(
    tmp_path: Path,
) -> None:
    authority = Authority()

    async def switching(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        await reader.readuntil(b"\r\n\r\n")
        writer.write(b"HTTP/1.1 101 Switching Protocols\r\nUpgrade: x\r\n\r\n")
        await reader.read()

    async with serving(switching, authority.server("kubernetes")) as port:
        through = Through(port)
        async with serving(through.http) as proxy:
            cluster = {
                "server": "https://api.cluster.test:6443",
                "certificate-authority-data": base64.b64encode(authority.pem).decode(),
                "tls-server-name": "kubernetes",
                "proxy-url": f"http://127.0.0.1:{proxy}",
            }
            it = context(tmp_path, {"token": "t"}, cluster)
            server = Server(it, Credentials(it, ENV), ENV)
            request = Request("POST", "/x", {}, lambda head: head.status == 101)
            upgraded = await upgrade(server, await server.credentials.get(), request)
            upgraded.pipe.abort()
            await upgraded.pipe.closed()
    assert through.asked == [("api.cluster.test", 6443)]


def test_kubeconfig_is_read_from_the_environment_given_not_at_import(tmp_path: Path) -> None:
    path = write(tmp_path / "late", document({"token": "t"}))
    code = (
        "import os; os.environ['KUBECONFIG'] = '/gone'\n"
        "from kfwd.kube import kubeconfig; from kfwd.paths import kubeconfigs\n"
        f"paths = kubeconfigs({{'KUBECONFIG': '{path}'}})\n"
        "print(kubeconfig.load(paths).context().user.token)"
    )
    told = subprocess.run([sys.executable, "-c", code], check=True, capture_output=True, text=True)
    assert told.stdout == "t\n"


def test_null_sections_are_empty_sections(tmp_path: Path) -> None:
    text = "apiVersion: v1\nkind: Config\nusers: null\ncontexts: null\nclusters:\n"
    assert kubeconfig.load([write(tmp_path / "c", text)]).names() == []
