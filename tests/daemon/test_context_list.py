"""What `kfwd context list` says, from files and from what is in use."""

from __future__ import annotations

from pathlib import Path

from kfwd.daemon.context_list import listed
from kfwd.kube import kubeconfig
from kfwd.model import ContextRef, ContextState, ContextView
from tests.daemon.records import wanted
from tests.daemon.rig import KUBECONFIG


def view(name: str, server: str) -> ContextView:
    return ContextView(
        name=name,
        server=server,
        state=ContextState.OK,
        latency_ms=1.0,
        transport="spdy",
        login_expires=None,
    )


def test_contexts_of_the_files_and_others_in_use(tmp_path: Path) -> None:
    file = tmp_path / "kubeconfig"
    file.write_text(KUBECONFIG.format(current="dev") + "- {name: broken, context: {cluster: x}}\n")
    own = ContextRef(kubeconfig=(str(file),), name="dev")
    foreign = ContextRef(kubeconfig=("/elsewhere",), name="dev")
    used = {own: view("dev", "https://own"), foreign: view("dev", "https://foreign")}
    found = listed(kubeconfig.load([file]), used, [wanted("web", context=own)])
    assert [
        (each.name, each.server, each.state, each.current, each.in_use, each.entries)
        for each in found.contexts
    ] == [
        ("broken", "", "unknown", False, False, 0),
        *sorted(
            [
                ("dev", "https://own", "ok", True, True, 1),
                ("dev", "https://foreign", "ok", False, True, 0),
            ],
            key=lambda row: "/elsewhere" if "foreign" in row[1] else str(file),
        ),
        ("prod", "http://127.0.0.1:1", "unknown", False, False, 0),
    ]
    mine = [each for each in found.contexts if each.kubeconfig == (str(file),)]
    assert [each.namespace for each in mine] == ["", "shop", "default"]
