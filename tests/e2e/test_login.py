"""Logins that end and come back, with a plugin as companies have them."""

from __future__ import annotations

import json
import socket
import subprocess
import sys
import threading
from collections.abc import Iterator
from pathlib import Path

import pytest

from kfwd.errors import ExitCode
from kfwd.model import ContextState, State
from tests.calm import calm_s
from tests.e2e.conftest import Sim
from tests.e2e.test_daemon import Session
from tests.kube.configs import exec_credential, exec_user, script

pytestmark = pytest.mark.e2e

RESUMED_S = 2.0
"""From a login to bytes; what the machine adds is in the wait."""

WORDS = "the session has expired, please run corp-login"


class Company(Session):
    """A daemon whose context has a plugin: it knows the token in `cache`, or in CORP_TOKEN."""

    def __init__(self, root: Path, sim: Sim, namespace: str) -> None:
        super().__init__(root, sim, namespace)
        self.cache = root / "cache"
        said = exec_credential(token="TOKEN").replace("TOKEN", "'\"$token\"'")
        plugin = script(
            root / "corp-login",
            f"""token="${{CORP_TOKEN:-$(cat {self.cache} 2>&-)}}"
            [ -n "$token" ] || {{ echo '{WORDS}' >&2; exit 1; }}
            echo '{said}'""",
        )
        config = json.loads(sim.kubectl("config", "view", "--raw", "-o", "json").stdout)
        for user in config["users"]:
            user["user"] = exec_user(plugin, interactiveMode="IfAvailable")
        self.own = root / "own"
        self.own.write_text(json.dumps(config))
        self.kubeconfig = self.env["KUBECONFIG"] = str(self.own)

    def token(self) -> str:
        user = {"name": "me", "groups": ["system:masters"]}
        return str(self.sim.admin("POST", "/sim/users", user)["token"])

    def revoke(self, token: str) -> None:
        """The login ends: at the server, and in the plugin's cache."""
        self.cache.unlink(missing_ok=True)
        self.sim.admin("POST", "/sim/revoke", {"token": token})
        self.ask_soon()

    def ask_soon(self) -> None:
        """Make the daemon's watches begin anew."""
        self.sim.faults(watch_gone=True)
        self.sim.faults(watch_gone=False)

    def until_waiting(self) -> None:
        """The context needs a login, and its entries wait for that as their one problem."""
        self.until(lambda: self.snapshot().contexts[0].state is ContextState.LOGIN_NEEDED)
        self.until(lambda: WORDS in self.snapshot().problems[0].text, timeout=30)
        view = self.until_state("shop/web", State.WAITING, "exec-plugin-failed")
        assert view.problem is not None
        assert view.problem.cause == "sim"
        (problem,) = self.snapshot().problems
        assert (problem.about, problem.code) == ("sim", "exec-plugin-failed")
        assert problem.hint == "run `kfwd login sim`"

    def kfwd(self, *args: str, **env: str) -> subprocess.CompletedProcess[str]:
        return subprocess.run(
            [sys.executable, "-m", "kfwd", *args],
            env={**self.env, **env},
            capture_output=True,
            text=True,
            timeout=30,
            check=False,
        )


@pytest.fixture
def company(sim: Sim, namespace: str, tmp_path: Path) -> Iterator[Company]:
    company = Company(tmp_path, sim, namespace)
    company.write(web="svc/web:http")
    yield company
    company.close()


def test_a_login_in_a_terminal_brings_back_what_waited(company: Company) -> None:
    first = company.token()
    company.cache.write_text(first)
    company.start()
    company.up()
    company.until_state("shop/web", State.READY)
    with socket.create_connection(("127.0.0.1", company.ports["web"]), timeout=10) as kept:
        company.until(lambda: company.view("shop/web").connections.open == 1)
        company.revoke(first)
        company.until_waiting()
        answers: list[str] = []
        asking = [
            threading.Thread(target=lambda: answers.append(company.get("web", timeout=40)))
            for _ in range(3)
        ]
        for each in asking:
            each.start()
        company.until(lambda: company.view("shop/web").connections.waiting >= 1)
        done = company.kfwd("login", CORP_TOKEN=company.token())
        logged_in = calm_s()
        assert (done.returncode, done.stdout) == (0, "logged in to sim\n"), done.stderr
        for each in asking:
            each.join(20)
        assert len(answers) == 3
        company.until_state("shop/web", State.READY)
        assert calm_s() - logged_in < RESUMED_S
        kept.sendall(b"GET / HTTP/1.0\r\n\r\n")
        assert kept.recv(8, socket.MSG_WAITALL) == b"HTTP/1.0"
    assert company.snapshot().problems == ()


def test_a_login_that_the_plugin_finds_is_used_once_an_entry_is_resumed(company: Company) -> None:
    company.start()
    company.up()
    company.until_waiting()
    company.cache.write_text(company.token())
    assert company.kfwd("resume", "web").returncode == 0
    resumed = calm_s()
    company.until_state("shop/web", State.READY)
    assert calm_s() - resumed < RESUMED_S


def test_another_user_in_the_kubeconfig_is_used_within_2_s(company: Company) -> None:
    company.start()
    company.up()
    company.until_waiting()
    config = json.loads(company.own.read_text())
    for user in config["users"]:
        user["user"] = {"token": company.token()}
    company.own.write_text(json.dumps(config))
    changed = calm_s()
    company.until_state("shop/web", State.READY)
    assert calm_s() - changed < RESUMED_S


def test_a_token_file_that_changes_is_used_within_2_s(company: Company) -> None:
    token = company.token()
    company.cache.write_text(token)
    config = json.loads(company.own.read_text())
    for user in config["users"]:
        user["user"] = {"tokenFile": str(company.cache)}
    company.own.write_text(json.dumps(config))
    company.start()
    company.up()
    company.until_state("shop/web", State.READY)
    fresh = company.token()
    company.sim.admin("POST", "/sim/revoke", {"token": token})
    company.ask_soon()
    waits = company.until_state("shop/web", State.WAITING, "login-needed")
    assert waits.problem is not None
    assert f"put a new token into {company.cache}" in (waits.problem.hint or "")
    company.cache.write_text(fresh)
    changed = calm_s()
    company.until_state("shop/web", State.READY)
    assert calm_s() - changed < RESUMED_S


def test_a_login_that_is_refused_or_fails_has_its_exit_status(company: Company) -> None:
    assert company.kfwd("login").returncode == ExitCode.NO_DAEMON
    company.start()
    company.up()
    company.until_waiting()
    failed = company.kfwd("login", "sim")
    assert failed.returncode == ExitCode.NOT_ALLOWED
    assert failed.stderr.splitlines()[0] == WORDS
    refused = company.kfwd("login", "sim", CORP_TOKEN="wrong")
    assert refused.returncode == ExitCode.NOT_ALLOWED
    assert 'does not accept the login of context "sim"' in refused.stderr
    assert company.kfwd("login", "none").returncode == ExitCode.NOT_FOUND
