from __future__ import annotations

import asyncio
import base64
import logging
import math
import os
from collections.abc import AsyncIterator, Callable
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import pytest

from kfwd.errors import ConfigError, KfwdError, LoginNeeded
from kfwd.kube import kubeconfig
from kfwd.kube.credentials import Credential, Credentials
from kfwd.kube.grant import Grant
from kfwd.tasks import TaskSet
from tests.kube.configs import context, document, exec_credential, exec_user, script, write
from tests.kube.servers import Authority, ago
from tests.until import until

START = datetime(2030, 1, 1, tzinfo=UTC)


class Clock:
    """Wall clock and monotonic clock, moved by hand."""

    def __init__(self) -> None:
        self.now = START
        self.elapsed = 0.0

    def advance(self, seconds: float) -> None:
        self.now += timedelta(seconds=seconds)
        self.elapsed += seconds


@pytest.fixture
def clock() -> Clock:
    return Clock()


Make = Callable[..., Credentials]


@pytest.fixture
async def make(tmp_path: Path, clock: Clock) -> AsyncIterator[Make]:
    """Makes credentials of a user, from a kubeconfig in `tmp_path`."""
    made = []

    def one(user: dict[str, Any], **options: Any) -> Credentials:
        credentials = Credentials(
            context(tmp_path, user),
            {"PATH": os.environ["PATH"]},
            monotonic=lambda: clock.elapsed,
            now=lambda: clock.now,
            **options,
        )
        made.append(credentials)
        return credentials

    yield one
    for credentials in made:
        await credentials.close()


class Plugin:
    """A login plugin that counts its runs and says `token-N` in the N-th."""

    def __init__(self, folder: Path, *, life: float | None = None, same: bool = False) -> None:
        self._runs = folder / "runs"
        self._runs.write_text("")
        self._broken = folder / "broken"
        number = "1" if same else "$(wc -l < $1)"
        status: dict[str, str] = {"token": "token-NUMBER"}
        if life is not None:
            end = START + timedelta(seconds=life)
            status["expirationTimestamp"] = f"{end:%Y-%m-%dT%H:%M:%SZ}"
        said = exec_credential(**status).replace("NUMBER", f"'\"{number}\"'".replace(" ", " "))
        body = f"""
        set -- {self._runs} {self._broken}
        echo run >> $1
        if [ -e $2 ]; then echo 'session expired' >&2; exit 3; fi
        echo '{said}'
        """
        self.user = exec_user(script(folder / "login", body))

    @property
    def runs(self) -> int:
        return len(self._runs.read_text().splitlines())

    def broken(self, yes: bool = True) -> None:
        if yes:
            self._broken.touch()
        else:
            self._broken.unlink()


def token(credential: Credential) -> str:
    return credential.headers["Authorization"].removeprefix("Bearer ").strip()


async def failing(credentials: Credentials) -> KfwdError:
    with pytest.raises(KfwdError) as caught:
        await credentials.get()
    return caught.value


async def settled(credentials: Credentials) -> None:
    """Wait for a refresh in the background."""
    if credentials._refreshing is not None:
        await asyncio.wait([credentials._refreshing])


async def test_a_token_is_the_same_credential_each_time(make: Make) -> None:
    credentials = make({"token": "t1"})
    assert credentials.current is None
    first = await credentials.get()
    assert dict(first.headers) == {"Authorization": "Bearer t1"}
    assert await credentials.get() is first
    assert credentials.current is first


async def test_an_anonymous_user_sends_nothing(make: Make) -> None:
    credential = await make({}).get()
    assert len(credential.headers) == 0
    assert credential.client_cert is None


async def test_impersonation_goes_along_with_every_group(make: Make) -> None:
    credential = await make({"token": "t1", "as": "ann", "as-groups": ["a", "b"]}).get()
    assert credential.headers.getall("Impersonate-Group") == ["a", "b"]
    assert credential.headers["Impersonate-User"] == "ann"
    assert credential.headers["Authorization"] == "Bearer t1"


@pytest.mark.parametrize(
    "user", [{"token": "a\nX-Evil: b"}, {"token": "t", "as": "a\r\nX-Evil: b"}]
)
async def test_a_line_break_never_gets_into_a_header(make: Make, user: dict[str, str]) -> None:
    error = await failing(make(user))
    assert isinstance(error, ConfigError)
    assert "line break or control character" in error.text
    assert "Evil" not in error.text


async def test_a_token_file_is_read_again_within_a_second(
    make: Make, tmp_path: Path, clock: Clock
) -> None:
    file = write(tmp_path / "token", "t1\n")
    credentials = make({"tokenFile": str(file)})
    first = await credentials.get()
    clock.advance(1)
    assert await credentials.get() is first  # unchanged: the same credential
    file.write_text("t2\n")
    assert token(await credentials.get()) == "t1"
    clock.advance(1)
    assert token(await credentials.get()) == "t2"
    assert (await credentials.get()).tag != first.tag


async def test_a_token_file_that_is_gone_for_a_moment_does_no_harm(
    make: Make, tmp_path: Path, clock: Clock
) -> None:
    file = write(tmp_path / "token", "t1\n")
    credentials = make({"tokenFile": str(file)})
    first = await credentials.get()
    file.unlink()
    clock.advance(5)
    assert await credentials.get() is first
    clock.advance(20)
    credentials.rejected(first)
    assert (await failing(credentials)).code == "token-unreadable"
    file.write_text("t2\n")
    clock.advance(1)
    assert token(await credentials.get()) == "t2"


async def test_client_certificate_files_are_read_again(
    make: Make, tmp_path: Path, clock: Clock
) -> None:
    authority = Authority()
    for name, pem in zip(("cert", "key"), authority.client(), strict=True):
        (tmp_path / name).write_bytes(pem)
    credentials = make({"client-certificate": "cert", "client-key": "key"})
    first = await credentials.get()
    assert first.client_cert == (tmp_path / "cert").read_bytes()
    assert first.expires is not None
    (tmp_path / "cert").write_bytes(authority.client()[0])
    clock.advance(1)
    assert (await credentials.get()).client_cert == (tmp_path / "cert").read_bytes()


async def test_a_plugin_runs_once_until_its_credential_expires(
    make: Make, tmp_path: Path, clock: Clock
) -> None:
    plugin = Plugin(tmp_path, life=100)
    credentials = make(plugin.user)
    first = await credentials.get()
    assert token(first) == "token-1"
    assert first.expires == START + timedelta(seconds=100)
    clock.advance(89)
    assert await credentials.get() is first
    assert plugin.runs == 1
    clock.advance(11)
    assert token(await credentials.get()) == "token-2"


async def test_a_credential_near_its_end_is_renewed_while_it_still_serves(
    make: Make, tmp_path: Path, clock: Clock
) -> None:
    plugin = Plugin(tmp_path, life=100)
    credentials = make(plugin.user)
    first = await credentials.get()
    clock.advance(95)
    assert await credentials.get() is first  # nobody waits
    clock.advance(5)
    assert token(await credentials.get()) == "token-2"  # the renewal that was under way
    assert plugin.runs == 2


async def test_a_credential_without_an_end_is_kept(
    make: Make, tmp_path: Path, clock: Clock
) -> None:
    plugin = Plugin(tmp_path)
    credentials = make(plugin.user)
    await credentials.get()
    clock.advance(1e6)
    await credentials.get()
    assert plugin.runs == 1


async def test_many_who_wait_share_one_run(make: Make, tmp_path: Path) -> None:
    plugin = Plugin(tmp_path)
    credentials = make(plugin.user)
    got = await asyncio.gather(*(credentials.get() for _ in range(20)))
    assert len({credential.tag for credential in got}) == 1
    assert plugin.runs == 1


async def test_one_who_stops_waiting_does_not_stop_the_others(make: Make, tmp_path: Path) -> None:
    fifo = tmp_path / "gate"
    os.mkfifo(fifo)
    body = f"read line < {fifo}; echo '{exec_credential(token='t1')}'"
    credentials = make(exec_user(script(tmp_path / "login", body)))
    tasks = TaskSet("test")
    impatient = tasks.spawn(credentials.get(), "impatient")
    patient = tasks.spawn(credentials.get(), "patient")
    await asyncio.sleep(0)
    impatient.cancel()
    with pytest.raises(asyncio.CancelledError):
        await impatient
    await asyncio.to_thread(fifo.write_text, "go\n")
    assert token(await patient) == "t1"


async def test_a_failure_reaches_all_who_wait_and_is_not_logged_as_a_crash(
    make: Make, tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    plugin = Plugin(tmp_path)
    plugin.broken()
    credentials = make(plugin.user)
    with caplog.at_level(logging.DEBUG):
        got = await asyncio.gather(*(failing(credentials) for _ in range(5)))
    assert {error.code for error in got} == {"exec-plugin-failed"}
    assert all("session expired" in error.text for error in got)
    assert plugin.runs == 1
    assert caplog.text == ""


async def test_a_failing_plugin_does_not_run_in_a_storm(
    make: Make, tmp_path: Path, clock: Clock
) -> None:
    plugin = Plugin(tmp_path)
    plugin.broken()
    credentials = make(plugin.user)
    for _ in range(600):  # ten minutes, a try a second
        await failing(credentials)
        clock.advance(1)
    assert plugin.runs < 40
    plugin.broken(False)
    clock.advance(60)
    assert token(await credentials.get()).startswith("token-")


async def test_a_failed_plugin_is_asked_again_after_10_s_and_then_ever_later(
    make: Make, tmp_path: Path, clock: Clock
) -> None:
    plugin = Plugin(tmp_path)
    plugin.broken()
    credentials = make(plugin.user)
    for pause in (10, 20, 40, 80, 160, 300, 300):
        before = plugin.runs
        await failing(credentials)
        assert plugin.runs == before + 1
        assert credentials.retry_in_s == pause
        clock.advance(pause - 0.1)
        await failing(credentials)
        assert plugin.runs == before + 1
        clock.advance(0.1)


async def test_after_a_good_while_the_first_failure_is_tried_again_after_10_s(
    make: Make, tmp_path: Path, clock: Clock
) -> None:
    plugin = Plugin(tmp_path)
    credentials = make(plugin.user)
    plugin.broken()
    await failing(credentials)
    plugin.broken(False)
    clock.advance(10)
    good = await credentials.get()
    assert credentials.retry_in_s == math.inf
    plugin.broken()
    clock.advance(3600)
    credentials.rejected(good)
    await failing(credentials)
    assert credentials.retry_in_s == 10


async def test_each_login_that_is_rejected_at_once_is_replaced_ever_later(
    make: Make, tmp_path: Path, clock: Clock
) -> None:
    plugin = Plugin(tmp_path)
    credentials = make(plugin.user)
    for pause in (10, 20, 40, 80, 160, 300, 300):
        rejected = await credentials.get()
        credentials.rejected(rejected)
        assert credentials.retry_in_s == pause
        assert await credentials.get() is rejected
        clock.advance(pause)
    assert plugin.runs == 7


async def test_what_is_handed_over_takes_the_place_of_a_plugin_that_fails(
    make: Make, tmp_path: Path, clock: Clock
) -> None:
    plugin = Plugin(tmp_path)
    plugin.broken()
    credentials = make(plugin.user)
    await failing(credentials)
    await credentials.take(Grant(token="given", expires=START + timedelta(seconds=100)))
    assert token(await credentials.get()) == "given"
    assert credentials.retry_in_s == math.inf
    plugin.broken(False)
    clock.advance(100)
    assert token(await credentials.get()) == "token-2"


async def test_those_who_wait_for_a_plugin_get_what_is_handed_over(
    make: Make, tmp_path: Path
) -> None:
    os.mkfifo(tmp_path / "never")
    credentials = make(exec_user(script(tmp_path / "login", f"read line < {tmp_path}/never")))
    tasks = TaskSet("test")
    waiting = tasks.spawn(credentials.get(), "waiting")
    await until(lambda: credentials._refreshing)
    await credentials.take(Grant(token="given"))
    assert token(await waiting) == "given"


async def test_what_is_handed_over_goes_along_with_the_rest_of_the_user(make: Make) -> None:
    credentials = make({"as": "ann"})
    await credentials.take(Grant(token="given"))
    headers = (await credentials.get()).headers
    assert (headers["Impersonate-User"], headers["Authorization"]) == ("ann", "Bearer given")


async def test_files_that_changed_do_not_run_a_plugin_whose_login_is_good(
    make: Make, tmp_path: Path
) -> None:
    plugin = Plugin(tmp_path)
    credentials = make(plugin.user)
    first = await credentials.get()
    credentials.reread()
    assert await credentials.get() is first
    assert plugin.runs == 1


async def test_files_that_changed_are_read_at_once_when_that_is_told(
    make: Make, tmp_path: Path
) -> None:
    file = write(tmp_path / "token", "t1\n")
    credentials = make({"tokenFile": str(file)})
    rejected = await credentials.get()
    credentials.rejected(rejected)
    file.write_text("t2\n")
    assert await credentials.get() is rejected
    credentials.reread()
    assert token(await credentials.get()) == "t2"


async def test_a_plugins_certificate_is_renewed_before_it_ends_whatever_the_plugin_says(
    make: Make, tmp_path: Path, clock: Clock
) -> None:
    authority = Authority()
    runs = tmp_path / "runs"
    for number, life in ((1, 1000), (2, 5000)):
        end = START + timedelta(seconds=life)
        cert, key = authority.client(not_before=START - timedelta(days=1), not_after=end)
        said = exec_credential(
            clientCertificateData=cert.decode(),
            clientKeyData=key.decode(),
            expirationTimestamp="2040-01-01T00:00:00Z",
        )
        write(tmp_path / f"said-{number}", said)
    body = f"echo run >> {runs}; cat {tmp_path}/said-$(wc -l < {runs} | tr -d ' ')"
    credentials = make(exec_user(script(tmp_path / "login", body)))
    first = await credentials.get()
    assert first.expires == START + timedelta(seconds=1000)
    clock.advance(939)
    assert await credentials.get() is first
    await settled(credentials)
    assert await credentials.get() is first
    clock.advance(2)
    assert await credentials.get() is first
    await settled(credentials)
    second = await credentials.get()
    assert second.expires == START + timedelta(seconds=5000)
    assert second.client_cert != first.client_cert


async def test_a_retry_can_be_asked_for(make: Make, tmp_path: Path) -> None:
    plugin = Plugin(tmp_path)
    plugin.broken()
    credentials = make(plugin.user)
    await failing(credentials)
    plugin.broken(False)
    await failing(credentials)
    credentials.retry()
    assert token(await credentials.get()) == "token-2"


async def test_a_failed_renewal_leaves_what_is_still_valid(
    make: Make, tmp_path: Path, clock: Clock
) -> None:
    plugin = Plugin(tmp_path, life=100)
    credentials = make(plugin.user)
    first = await credentials.get()
    plugin.broken()
    clock.advance(95)
    for _ in range(3):
        assert await credentials.get() is first
        await settled(credentials)
    assert plugin.runs == 2
    clock.advance(5)
    assert (await failing(credentials)).code == "exec-plugin-failed"


async def test_a_401_leads_to_one_new_credential(make: Make, tmp_path: Path, clock: Clock) -> None:
    plugin = Plugin(tmp_path)
    credentials = make(plugin.user)
    first = await credentials.get()
    clock.advance(3600)
    for _ in range(3):
        credentials.rejected(first)
    second = await credentials.get()
    assert token(second) == "token-2"
    credentials.rejected(first)  # somebody's late answer
    assert await credentials.get() is second
    assert plugin.runs == 2


async def test_a_401_that_was_a_mistake_is_forgotten(
    make: Make, tmp_path: Path, clock: Clock
) -> None:
    plugin = Plugin(tmp_path, same=True)
    credentials = make(plugin.user)
    first = await credentials.get()
    clock.advance(3600)
    credentials.rejected(first)
    for _ in range(100):
        assert await credentials.get() is first  # the plugin says the same again
        clock.advance(60)
    assert plugin.runs == 2


@pytest.mark.parametrize("same", [True, False])
async def test_a_server_that_rejects_everything_starts_no_storm(
    make: Make, tmp_path: Path, clock: Clock, same: bool
) -> None:
    plugin = Plugin(tmp_path, same=same)
    credentials = make(plugin.user)
    for _ in range(120):
        credentials.rejected(await credentials.get())
        clock.advance(1)
    assert plugin.runs <= 4


@pytest.mark.parametrize("life", [-5, 0])
async def test_a_plugin_that_grants_what_has_expired_does_not_run_in_a_storm(
    make: Make, tmp_path: Path, clock: Clock, life: float
) -> None:
    plugin = Plugin(tmp_path, life=life)
    credentials = make(plugin.user)
    for _ in range(120):
        await credentials.get()
        await settled(credentials)
        clock.advance(1)
    assert 2 <= plugin.runs <= 13


async def test_a_plugin_with_a_cache_of_its_own_is_not_asked_in_a_storm_near_the_end(
    make: Make, tmp_path: Path, clock: Clock
) -> None:
    plugin = Plugin(tmp_path, life=1000, same=True)
    credentials = make(plugin.user)
    first = await credentials.get()
    for _ in range(1000):
        assert await credentials.get() is first
        await settled(credentials)
        clock.advance(1)
    assert 2 <= plugin.runs <= 8


async def test_a_credential_that_lives_for_seconds_is_used_for_just_these(
    make: Make, tmp_path: Path, clock: Clock
) -> None:
    plugin = Plugin(tmp_path, life=5)
    credentials = make(plugin.user)
    first = await credentials.get()
    clock.advance(4.9)
    assert await credentials.get() is first
    clock.advance(0.1)
    assert token(await credentials.get()) == "token-2"


async def test_after_a_401_another_impersonation_in_the_kubeconfig_is_taken(
    make: Make, tmp_path: Path, clock: Clock
) -> None:
    credentials = make({"token": "t1", "as": "ann"})
    first = await credentials.get()
    clock.advance(3600)
    write(tmp_path / "config", document({"token": "t1", "as": "berta"}))
    credentials.rejected(first)
    assert (await credentials.get()).headers["Impersonate-User"] == "berta"


async def test_after_a_401_a_new_token_in_the_kubeconfig_is_taken(
    make: Make, tmp_path: Path, clock: Clock
) -> None:
    credentials = make({"token": "t1"})
    first = await credentials.get()
    clock.advance(3600)
    write(tmp_path / "config", document({"token": "t2-new"}))
    credentials.rejected(first)
    assert token(await credentials.get()) == "t2-new"


async def test_a_kubeconfig_that_is_broken_meanwhile_changes_nothing(
    make: Make, tmp_path: Path, clock: Clock
) -> None:
    credentials = make({"token": "t1"})
    first = await credentials.get()
    clock.advance(3600)
    write(tmp_path / "config", "users: [")
    credentials.rejected(first)
    assert await credentials.get() is first


async def test_a_tokens_own_plugin_is_not_asked(make: Make, tmp_path: Path) -> None:
    plugin = Plugin(tmp_path)
    assert token(await make({**plugin.user, "token": "own"}).get()) == "own"
    assert plugin.runs == 0


async def test_a_plugins_token_goes_with_the_kubeconfigs_certificate(
    make: Make, tmp_path: Path
) -> None:
    cert, key = (base64.b64encode(pem).decode() for pem in Authority().client())
    user = {**Plugin(tmp_path).user, "client-certificate-data": cert, "client-key-data": key}
    credential = await make(user).get()
    assert token(credential) == "token-1"
    assert credential.client_cert is not None
    assert credential.client_key is not None


@pytest.mark.parametrize(
    ("dates", "code", "text"),
    [
        (
            {"not_before": ago(days=5), "not_after": datetime(2029, 12, 31, 12, 30, tzinfo=UTC)},
            "client-certificate-expired",
            'the client certificate of user "dev" expired on 2029-12-31 12:30 UTC',
        ),
        (
            {"not_before": datetime(2030, 1, 2, tzinfo=UTC)},
            "client-certificate-not-yet-valid",
            'the client certificate of user "dev" is valid only from 2030-01-02 00:00 UTC',
        ),
    ],
)
async def test_a_client_certificate_outside_its_dates_is_told_before_it_is_used(
    make: Make, dates: dict[str, datetime], code: str, text: str
) -> None:
    cert, key = (base64.b64encode(pem).decode() for pem in Authority().client(**dates))
    error = await failing(make({"client-certificate-data": cert, "client-key-data": key}))
    assert isinstance(error, LoginNeeded)
    assert (error.code, error.text) == (code, text)


async def test_a_client_certificate_that_is_none_is_told_apart(make: Make) -> None:
    junk = base64.b64encode(b"junk").decode()
    error = await failing(make({"client-certificate-data": junk, "client-key-data": junk}))
    assert (type(error), error.code) == (ConfigError, "client-certificate-invalid")
    assert error.text.endswith("cannot be used: no certificate in it")


async def test_closing_ends_a_plugin_that_runs(make: Make, tmp_path: Path) -> None:
    fifo = tmp_path / "started"
    os.mkfifo(fifo)
    credentials = make(exec_user(script(tmp_path / "login", f"echo up > {fifo}; sleep 60")))
    tasks = TaskSet("test")
    waiting = tasks.spawn(credentials.get(), "get")
    await asyncio.to_thread(fifo.read_text)
    await credentials.close()
    with pytest.raises(LoginNeeded, match="interrupted"):
        await waiting


async def test_no_representation_shows_a_secret(make: Make) -> None:
    cert, key = Authority().client()
    user = {
        "token": "hunter2",
        "client-certificate-data": base64.b64encode(cert).decode(),
        "client-key-data": base64.b64encode(key).decode(),
    }
    credentials = make(user)
    credential = await credentials.get()
    for shown in (repr(credential), str(credential), repr(credentials), repr(vars(credentials))):
        assert "hunter2" not in shown
        assert "PRIVATE" not in shown


async def test_the_environment_is_the_one_given(tmp_path: Path) -> None:
    script(tmp_path / "bin" / "only-here", f"echo '{exec_credential(token='t1')}'")
    config = kubeconfig.load([write(tmp_path / "c", document(exec_user("only-here")))]).context()
    path = f"{tmp_path}/bin:{os.environ['PATH']}"
    for env, works in (({"PATH": path}, True), ({"PATH": os.environ["PATH"]}, False)):
        credentials = Credentials(config, env)
        if works:
            assert token(await credentials.get()) == "t1"
        else:
            assert (await failing(credentials)).code == "exec-plugin-missing"
        await credentials.close()
