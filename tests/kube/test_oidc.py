from __future__ import annotations

import base64
from collections.abc import Mapping
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest

from kfwd.errors import LoginNeeded, Unreachable
from kfwd.kube import kubeconfig
from kfwd.kube.grant import Grant
from kfwd.kube.oidc import Oidc, expiry
from tests.kube.configs import document, write
from tests.kube.identity_provider import Provider, jwt
from tests.kube.servers import Authority, Through, serving
from tests.ports import free_port

NOW = datetime(2030, 1, 1, tzinfo=UTC)
LATER = NOW + timedelta(hours=1)
OLD, NEW = jwt(NOW - timedelta(hours=1), "old"), jwt(LATER, "new")


def oidc(folder: Path, settings: Mapping[str, str], env: Mapping[str, str] | None = None) -> Oidc:
    user = {"auth-provider": {"name": "oidc", "config": dict(settings)}}
    context = kubeconfig.load([write(folder / "config", document(user))]).context()
    return Oidc(context, env or {}, now=lambda: NOW)


async def failure(it: Oidc) -> LoginNeeded:
    with pytest.raises(LoginNeeded) as caught:
        await it.fetch()
    assert caught.value.code == "oidc-refresh-failed"
    return caught.value


def test_the_expiry_is_read_from_the_token() -> None:
    assert expiry(NEW) == LATER
    for odd in ("", "a.b.c", "a.b", f"x.{base64.b64encode(b'{}').decode()}.y", "a.e30.b"):
        assert expiry(odd) is None


async def test_a_token_that_is_good_is_taken_without_asking_anybody(tmp_path: Path) -> None:
    grant = await oidc(tmp_path, {"id-token": NEW}).fetch()
    assert grant == Grant(token=NEW, expires=LATER)


async def test_an_expired_token_is_refreshed_and_kept(tmp_path: Path) -> None:
    async with Provider(NEW).running() as provider:
        it = oidc(tmp_path, provider.settings(**{"id-token": OLD}))
        assert await it.fetch() == Grant(token=NEW, expires=LATER)
        assert await it.fetch() == Grant(token=NEW, expires=LATER)
    assert provider.asked == [
        {"grant_type": "refresh_token", "refresh_token": "refresh-1", "client_id": "kubernetes"}
    ]


async def test_a_token_with_less_than_a_minute_left_is_refreshed(tmp_path: Path) -> None:
    short = jwt(NOW + timedelta(seconds=30))
    async with Provider(NEW).running() as provider:
        it = oidc(tmp_path, provider.settings(**{"id-token": short}))
        assert (await it.fetch()).token == NEW


async def test_while_a_token_is_good_a_failed_refresh_does_no_harm(tmp_path: Path) -> None:
    short = jwt(NOW + timedelta(seconds=30))
    settings = {"id-token": short, "idp-issuer-url": f"https://127.0.0.1:{free_port()}"}
    assert (await oidc(tmp_path, {**settings, "refresh-token": "r"}).fetch()).token == short


@pytest.mark.parametrize(
    ("methods", "basic"),
    [(None, True), (["client_secret_basic", "x"], True), (["client_secret_post"], False)],
)
async def test_a_client_secret_goes_the_way_the_provider_takes_it(
    tmp_path: Path, methods: list[str] | None, basic: bool
) -> None:
    provider = Provider(NEW)
    provider.methods = methods
    async with provider.running():
        await oidc(tmp_path, provider.settings(**{"client-secret": "s:1"})).fetch()
    if basic:
        assert provider.logins == ["Basic " + base64.b64encode(b"kubernetes:s%3A1").decode()]
        assert "client_secret" not in provider.asked[0]
    else:
        assert provider.logins == [""]
        assert provider.asked[0]["client_secret"] == "s:1"


async def test_new_tokens_go_back_to_the_kubeconfig(tmp_path: Path) -> None:
    async with Provider(NEW).running() as provider:
        await oidc(tmp_path, provider.settings(**{"id-token": OLD})).fetch()
    found = kubeconfig.load([tmp_path / "config"]).context().user.auth_provider
    assert found
    assert (found.config["id-token"], found.config["refresh-token"]) == (NEW, "refresh-2")


async def test_a_provider_that_sends_no_new_refresh_token_is_asked_with_the_old_one(
    tmp_path: Path,
) -> None:
    soon = jwt(NOW + timedelta(seconds=1))
    async with Provider(soon, rotates=False).running() as provider:
        it = oidc(tmp_path, provider.settings())
        await it.fetch()
        await it.fetch()
    assert [asked["refresh_token"] for asked in provider.asked] == ["refresh-1", "refresh-1"]


async def test_a_refusal_is_told_in_the_providers_words_without_secrets(tmp_path: Path) -> None:
    async with Provider(NEW).running() as provider:
        settings = provider.settings(**{"refresh-token": "hunter2", "client-secret": "hunter2"})
        error = await failure(oidc(tmp_path, settings))
    assert error.text == (
        'the OIDC login of user "dev" cannot be refreshed: '
        "the provider answered invalid_grant Session not active"
    )
    assert "hunter2" not in f"{error.text} {error.hint}"


async def test_without_a_refresh_token_a_login_is_needed(tmp_path: Path) -> None:
    error = await failure(oidc(tmp_path, {"id-token": OLD}))
    assert "has expired and there is no refresh token" in error.text


async def test_an_answer_without_an_id_token_is_refused(tmp_path: Path) -> None:
    async with Provider("").running() as provider:
        error = await failure(oidc(tmp_path, provider.settings()))
    assert "sent no ID token" in error.text


@pytest.mark.parametrize("what", ["issuer", "endpoint"])
async def test_tokens_never_go_over_plain_http(tmp_path: Path, what: str) -> None:
    provider = Provider(NEW)
    provider.endpoint = "http://127.0.0.1:1/token"
    async with provider.running():
        settings = provider.settings()
        if what == "issuer":
            settings["idp-issuer-url"] = "http://127.0.0.1:1"
        error = await failure(oidc(tmp_path, settings))
    assert "is not an https URL" in error.text
    assert provider.asked == []


@pytest.mark.parametrize("configured", [True, False])
async def test_a_stranger_in_the_providers_place_is_told_nothing(
    tmp_path: Path, configured: bool
) -> None:
    provider = Provider(NEW)
    async with provider.running(certificate=Authority()):
        settings = provider.settings()
        if not configured:
            del settings["idp-certificate-authority-data"]
        with pytest.raises(Unreachable) as caught:
            await oidc(tmp_path, settings).fetch()
    assert caught.value.code == "tls-failed"
    assert (provider.discovered, provider.asked) == (0, [])


async def test_the_providers_authority_may_be_a_file(tmp_path: Path) -> None:
    async with Provider(NEW).running() as provider:
        (tmp_path / "idp.crt").write_bytes(provider.authority.pem)
        settings = provider.settings(**{"idp-certificate-authority": str(tmp_path / "idp.crt")})
        del settings["idp-certificate-authority-data"]
        assert (await oidc(tmp_path, settings).fetch()).token == NEW


async def test_a_provider_that_is_down_is_unreachable(tmp_path: Path) -> None:
    settings = {"idp-issuer-url": f"https://127.0.0.1:{free_port()}", "refresh-token": "r"}
    with pytest.raises(Unreachable, match="connection refused"):
        await oidc(tmp_path, settings).fetch()


async def test_the_environments_proxy_leads_to_the_provider(tmp_path: Path) -> None:
    provider = Provider(NEW)
    async with provider.running(certificate=None):
        port = int(provider.url.split(":")[2].split("/")[0])
        through = Through(port)
        async with serving(through.http) as proxy:
            settings = provider.settings(**{"idp-issuer-url": "https://login.test/realm"})
            it = oidc(tmp_path, settings, {"HTTPS_PROXY": f"http://127.0.0.1:{proxy}"})
            with pytest.raises(Unreachable, match=r'is not for "login\.test"'):
                await it.fetch()
    assert through.asked == [("login.test", 443)]
