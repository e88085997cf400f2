from __future__ import annotations

import asyncio
import ssl

import pytest
import trustme
from aiohttp import web
from msgspec.structs import replace

from kfwd.errors import ApiError, Forbidden, KfwdError, LoginNeeded, Unreachable
from kfwd.kube.connect import Server
from kfwd.kube.credentials import Credential, Credentials
from kfwd.kube.exchange import Exchange, Report, Request
from kfwd.kube.kubeconfig import Context
from kfwd.tasks import TaskSet
from tests.kube.scripted import (
    Reply,
    ScriptedServer,
    answer,
    events,
    failure,
    serving,
    silence,
)
from tests.until import until

OK = answer(200, {"fine": True})
UNAUTHORIZED = failure(401, "Unauthorized", "Unauthorized")
BUSY = answer(429, b"Too many requests, please try again later.\n", "text/plain", Retry_After="1")


class Rotating(Credentials):
    """Credentials with the next of some tokens after each one that was rejected."""

    def __init__(self, context: Context, tokens: list[str]) -> None:
        super().__init__(context, {})
        self.tokens = tokens
        self.refused: list[int] = []

    async def get(self) -> Credential:
        turn = min(len(self.refused), len(self.tokens) - 1)
        credential = await super().get()
        headers = credential.headers.copy()
        headers["Authorization"] = f"Bearer {self.tokens[turn]}"
        return Credential(headers=type(credential.headers)(headers), tag=turn)

    def rejected(self, credential: Credential) -> None:
        self.refused.append(credential.tag)


class Client:
    """An exchange with a scripted server, and what it reported."""

    def __init__(self, server: ScriptedServer, tokens: list[str], prefix: str = "") -> None:
        context = server.context(prefix=prefix)
        self.credentials = Rotating(context, tokens)
        self.reports: list[KfwdError | None] = []
        self.latencies: list[float | None] = []
        report: Report = self._report
        self.where = Server(context, self.credentials, {})
        self.exchange = Exchange(self.where, self.credentials, report=report)

    def _report(self, error: KfwdError | None, latency_s: float | None) -> None:
        self.reports.append(error)
        self.latencies.append(latency_s)

    async def __aenter__(self) -> Client:
        return self

    async def __aexit__(self, *_: object) -> None:
        await self.exchange.close()
        await self.credentials.close()

    async def ask(self, timeout: float = 5.0) -> bytes:
        return (await self.exchange.complete(Request(path="/version"), timeout=timeout)).body


def client(server: ScriptedServer, *tokens: str, prefix: str = "") -> Client:
    return Client(server, list(tokens or ["secret"]), prefix)


async def test_a_request_carries_the_credential_the_prefix_and_its_parameters() -> None:
    async with serving(version=OK) as server, client(server, prefix="/k8s/c/") as mine:
        request = Request(path="/version", params={"labelSelector": "app=web,tier in (a,b)"})
        assert (await mine.exchange.complete(request, timeout=5)).body == b'{"fine":true}'
        [seen] = server.requests
        assert seen.path == "/k8s/c/version"
        assert dict(seen.query) == {"labelSelector": "app=web,tier in (a,b)"}
        assert seen.headers["Authorization"] == "Bearer secret"
        assert seen.headers["Accept"] == "application/json"
        assert mine.reports == [None]
        assert (mine.latencies[0] or 9.0) < 5.0


async def test_a_401_is_answered_with_a_fresh_credential_once() -> None:
    async with serving(version=[UNAUTHORIZED, OK]) as server, client(server, "old", "new") as mine:
        assert await mine.ask() == b'{"fine":true}'
        assert [r.headers["Authorization"] for r in server.requests] == ["Bearer old", "Bearer new"]
        assert mine.credentials.refused == [0]
        assert mine.reports == [None]


async def test_a_second_401_is_a_login_needed() -> None:
    async with serving(version=UNAUTHORIZED) as server, client(server, "a", "b", "c") as mine:
        with pytest.raises(LoginNeeded, match="does not accept the login"):
            await mine.ask()
        assert len(server.requests) == 2
        assert mine.credentials.refused == [0, 1]
        assert [type(report) for report in mine.reports] == [LoginNeeded]


async def test_a_401_is_not_repeated_with_the_same_credential() -> None:
    async with serving(version=UNAUTHORIZED) as server, client(server) as mine:
        with pytest.raises(LoginNeeded):
            await mine.ask()
        assert len(server.requests) == 1
        assert mine.credentials.refused == [0]


@pytest.mark.parametrize("status", [429, 503])
async def test_a_busy_server_is_asked_again_when_it_says(status: int) -> None:
    busy = answer(status, b"later", "text/plain", Retry_After="1")
    async with serving(version=[busy, OK]) as server, client(server) as mine:
        await mine.ask()
        first, second = server.times
        assert second - first >= 1.0
        assert mine.reports == [None]


async def test_a_retry_beyond_the_time_limit_is_left_to_the_caller() -> None:
    async with serving(version=BUSY) as server, client(server) as mine:
        with pytest.raises(ApiError, match="Too many requests") as caught:
            await mine.ask(timeout=0.5)
        assert caught.value.retry_after_s == 1.0
        assert len(server.requests) == 1


async def test_retries_are_bounded() -> None:
    now = answer(503, b"later", "text/plain", Retry_After="0")
    async with serving(version=now) as server, client(server) as mine:
        with pytest.raises(ApiError, match="HTTP 503: later"):
            await mine.ask()
        assert len(server.requests) == 11


async def test_a_500_without_seconds_is_not_repeated() -> None:
    async with serving(version=failure(500, "boom")) as server, client(server) as mine:
        with pytest.raises(ApiError, match="boom"):
            await mine.ask()
        assert len(server.requests) == 1


async def test_a_redirect_never_takes_the_credential_elsewhere() -> None:
    away = answer(302, b"", "text/plain", Location="/elsewhere")
    async with serving(version=away) as server, client(server) as mine:
        with pytest.raises(ApiError, match="a redirect to /elsewhere"):
            await mine.ask()
        assert len(server.requests) == 1


async def test_silence_ends_at_the_time_limit() -> None:
    async with serving(version=silence) as server, client(server) as mine:
        with pytest.raises(Unreachable, match=r"did not answer within 0.1 s") as caught:
            await mine.ask(timeout=0.1)
        assert caught.value.code == "timeout"
        assert [type(report) for report in mine.reports] == [Unreachable]


async def test_nobody_there_is_unreachable() -> None:
    async with serving() as server:
        gone = server.context()
    credentials = Credentials(gone, {})
    exchange = Exchange(Server(gone, credentials, {}), credentials)
    with pytest.raises(Unreachable):
        await exchange.complete(Request(path="/version"), timeout=5)
    await exchange.close()
    await credentials.close()


def cut_body() -> Reply:
    async def reply(request: web.Request) -> web.StreamResponse:
        response = web.StreamResponse(headers={"Content-Length": "100"})
        await response.prepare(request)
        await response.write(b"half")
        assert request.transport is not None
        request.transport.abort()
        return response

    return reply


async def test_a_body_that_breaks_off_is_a_lost_connection() -> None:
    async with serving(version=cut_body()) as server, client(server) as mine:
        with pytest.raises(Unreachable) as caught:
            await mine.ask()
        assert caught.value.code == "connection-lost"


async def test_a_body_without_end_is_refused(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("kfwd.kube.exchange.MAX_BODY", 1000)
    async with serving(version=answer(200, b"x" * 1001)) as server, client(server) as mine:
        with pytest.raises(ApiError) as caught:
            await mine.ask()
        assert caught.value.code == "answer-too-large"


async def read_all(mine: Client, silence_s: float = 5.0) -> bytes:
    request = Request(path="/api/v1/pods", params={"watch": "1"})
    async with mine.exchange.stream(request, silence_s=silence_s) as read:
        data = b""
        while chunk := await read():
            data += chunk
    return data


async def test_a_stream_is_read_as_it_arrives() -> None:
    async with serving(watch=events(b"one\n", b"two\n")) as server, client(server) as mine:
        assert await read_all(mine) == b"one\ntwo\n"
        assert (mine.reports, mine.latencies) == ([None], [None])


async def test_a_stream_answers_a_401_once_too() -> None:
    script = [UNAUTHORIZED, events(b"one\n")]
    async with serving(watch=script) as server, client(server, "old", "new") as mine:
        assert await read_all(mine) == b"one\n"


async def test_a_stream_that_is_refused_says_why() -> None:
    script = failure(403, "pods is forbidden", "Forbidden")
    async with serving(watch=script) as server, client(server) as mine:
        with pytest.raises(Forbidden, match="pods is forbidden"):
            await read_all(mine)
        assert [type(report) for report in mine.reports] == [Forbidden]


async def test_a_stream_of_something_else_is_not_the_api() -> None:
    page = answer(200, b"<html>", "text/html")
    async with serving(watch=page) as server, client(server) as mine:
        with pytest.raises(ApiError) as caught:
            await read_all(mine)
        assert caught.value.code == "not-kubernetes"


async def test_a_cut_stream_is_an_error_but_no_verdict_on_the_server() -> None:
    async with serving(watch=events(b"one\n", cut=True)) as server, client(server) as mine:
        with pytest.raises(Unreachable) as caught:
            await read_all(mine)
        assert caught.value.code == "connection-lost"
        assert mine.reports == [None]


async def test_a_stream_that_says_nothing_for_too_long_is_given_up() -> None:
    async with serving(watch=events(b"one\n", stay=True)) as server, client(server) as mine:
        with pytest.raises(Unreachable) as caught:
            await read_all(mine, silence_s=0.1)
        assert caught.value.code == "timeout"


async def test_leaving_a_stream_closes_its_connection() -> None:
    gone = asyncio.Event()

    async def reply(request: web.Request) -> web.StreamResponse:
        try:
            return await events(b"one\n", stay=True)(request)
        finally:
            gone.set()

    async with serving(watch=reply) as server, client(server) as mine:
        request = Request(path="/api/v1/pods", params={"watch": "1"})
        async with mine.exchange.stream(request, silence_s=5) as read:
            assert await read() == b"one\n"
        async with asyncio.timeout(5):
            await gone.wait()


async def test_large_answers_may_be_compressed_unless_the_kubeconfig_says_no() -> None:
    async def reply(request: web.Request) -> web.StreamResponse:
        response = web.Response(body=b"x" * 100_000)
        response.enable_compression()
        return response

    async with serving(version=reply) as server:
        for disabled, accepted in ((False, "gzip"), (True, "identity")):
            context = server.context()
            cluster = replace(context.cluster, disable_compression=disabled)
            context = replace(context, cluster=cluster)
            credentials = Credentials(context, {})
            exchange = Exchange(Server(context, credentials, {}), credentials)
            found = await exchange.complete(Request(path="/version"), timeout=5)
            assert found.body == b"x" * 100_000
            assert server.requests[-1].headers["Accept-Encoding"] == accepted
            await exchange.close()
            await credentials.close()


async def over_tls(ca: bytes) -> bytes:
    """Ask an HTTPS server whose authority is not necessarily `ca`."""
    authority = trustme.CA()
    tls = ssl.create_default_context(ssl.Purpose.CLIENT_AUTH)
    authority.issue_cert("127.0.0.1").configure_cert(tls)
    server = ScriptedServer(version=OK)
    await server.http.start_server(ssl=tls, shutdown_timeout=0)
    context = server.context()
    where = f"https://127.0.0.1:{server.http.port}"
    own = ca or authority.cert_pem.bytes()
    context = replace(context, cluster=replace(context.cluster, server=where, ca=own))
    credentials = Credentials(context, {})
    exchange = Exchange(Server(context, credentials, {}), credentials)
    try:
        return (await exchange.complete(Request(path="/version"), timeout=5)).body
    finally:
        await exchange.close()
        await credentials.close()
        await server.http.close()


async def test_requests_go_over_tls_to_a_server_that_is_known() -> None:
    assert await over_tls(b"") == b'{"fine":true}'


async def test_a_server_that_is_not_known_gets_no_request() -> None:
    with pytest.raises(Unreachable) as caught:
        await over_tls(trustme.CA().cert_pem.bytes())
    assert caught.value.code == "tls-failed"


async def test_a_request_whose_way_changes_is_made_again_at_once() -> None:
    async with serving(version=[silence, OK]) as server, client(server) as mine:
        asking = TaskSet("test").spawn(mine.ask(), "ask")
        await server.seen("version", 1)
        mine.where.way_changed()
        assert b"fine" in await asking
        assert mine.reports == [None]


async def test_a_stream_whose_way_changes_before_its_answer_is_opened_again() -> None:
    async with serving(watch=[silence, events(stay=False)]) as server, client(server) as mine:
        reading = TaskSet("test").spawn(read_all(mine), "read")
        await server.seen("watch", 1)
        mine.where.way_changed()
        assert await reading == b""
        assert server.asked.count("watch") == 2


async def test_what_may_have_been_done_is_not_asked_again() -> None:
    async with serving(review=silence) as server, client(server) as mine:
        request = Request(method="POST", path="/apis/review", body=b"{}")
        asking = TaskSet("test").spawn(mine.exchange.complete(request, timeout=0.3), "ask")
        await until(lambda: server.requests)
        mine.where.way_changed()
        with pytest.raises(Unreachable, match="did not answer"):
            await asking
        assert len(server.requests) == 1
