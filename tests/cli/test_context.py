"""`kfwd context`."""

from __future__ import annotations

import json

from kfwd.api_contexts import ContextItem, ContextList
from kfwd.cli.context import as_table
from kfwd.errors import ExitCode
from kfwd.model import ContextState
from tests.cli.conftest import Run
from tests.standin import StandIn, snapshot

USED = ContextItem(
    name="dev",
    server="https://dev",
    state=ContextState.OK,
    current=True,
    in_use=True,
    entries=2,
    kubeconfig=("/k",),
)
IDLE = ContextItem(
    name="prod",
    server="",
    state=ContextState.UNKNOWN,
    current=False,
    in_use=False,
    entries=0,
    kubeconfig=("/k",),
)
FOUND = ContextList(contexts=(USED, IDLE))
PLAN = {"profiles": [], "items": [{"id": "a/web", "action": "change", "text": "context a -> b"}]}


def test_contexts_are_a_line_each(run: Run, daemon: StandIn) -> None:
    daemon.on("GET /v1/snapshot", snapshot())
    daemon.on("GET /v1/contexts", FOUND)
    heading, used, idle = run("context", "list").lines
    assert heading.split() == ["CONTEXT", "SERVER", "STATE", "ENTRIES"]
    assert used.split() == ["*", "dev", "https://dev", "ok", "2"]
    assert idle.split() == ["prod", "-", "not", "in", "use", "0"]
    assert daemon.requests[-1].target == "/v1/contexts?kubeconfig=%2Fhome%2Fme%2Fkubeconfig"
    assert json.loads(run("context", "list", "-o", "json").out)["contexts"][0]["state"] == "ok"
    assert "\x1b[32mok\x1b[0m" in as_table(FOUND, colour=True)


def test_a_switch_says_what_moved(run: Run, daemon: StandIn) -> None:
    daemon.on("POST /v1/contexts/switch", PLAN)
    assert "context a -> b" in run("context", "switch", "a", "b").out
    sent = {"source": "a", "to": "b", "kubeconfig": ["/home/me/kubeconfig"], "end": False}
    assert daemon.requests[-1].json == sent
    run("context", "switch", "a", "b", "--end-connections")
    assert daemon.requests[-1].json["end"]


def test_a_refused_switch_is_exit_4_with_the_list(run: Run, daemon: StandIn) -> None:
    text = "not all of it exists in b: a/web: there is no service web"
    daemon.fail("POST /v1/contexts/switch", 404, code="switch-refused", text=text, exit_code=4)
    result = run("context", "switch", "a", "b")
    assert (result.code, result.err) == (ExitCode.NOT_FOUND, f"kfwd: {text}\n")
