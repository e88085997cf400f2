"""The documentation says what the source says: codes, keys, calls, files, tests and commands."""

from __future__ import annotations

import ast
import re
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any

import click
import pytest

from kfwd import backoff
from kfwd.cli.main import COMMANDS, Commands
from kfwd.daemon import history_file, metrics
from kfwd.daemon.api import routes
from kfwd.daemon.handover import finish
from kfwd.errors import ExitCode
from kfwd.front import forwarder, replay
from kfwd.kube import credentials, exec_plugin, small_file
from kfwd.model import ContextState, ForwardSpec, State
from kfwd.profiles import gateway_keys, keys, parse, proxy_keys
from kfwd.tunnel import dial, liveness, pod, pool, session, stream
from tests import codes
from tests.standin import entry, snapshot
from tests.tui.pictures import SHOTS

ROOT = Path(__file__).parent.parent
PAGES = [ROOT / "README.md", *sorted((ROOT / "docs").glob("*.md"))]
REFERENCE = (ROOT / "docs" / "reference.md").read_text()
HELD = ForwardSpec(name="", target="", ports=())
GROUPS = ("daemon", "profile", "service", "sim")
MANY = {"forwards": keys.FORWARDS, "proxies": proxy_keys.PROXIES, "gateway": "gateway"}
# Made of a word and what it is about; no syntax tree shows them.
COMPOSED = {"unknown-cluster", "unknown-user"}


def section(title: str) -> str:
    """The text under a heading of the reference, up to the next of the same rank."""
    found = re.search(rf"^## {title}\n(.*?)(?=^## |\Z)", REFERENCE, re.MULTILINE | re.DOTALL)
    assert found is not None, title
    return found[1]


def first_cells(text: str) -> list[str]:
    """What is in backticks in the first column of the tables."""
    cells = re.findall(r"^\| ([^|]*) \|", text, re.MULTILINE)
    return [word for cell in cells for word in re.findall(r"`([^`]+)`", cell)]


def test_every_code_is_explained_and_every_explained_code_exists() -> None:
    explained = first_cells(section("Problems") + section("Errors"))
    assert sorted(explained) == sorted(set(explained))
    assert sorted(codes.in_source() | COMPOSED) == sorted(explained)


@pytest.mark.parametrize(
    ("title", "known"),
    [
        ("profile", [*keys.PROFILE, *MANY]),
        ("forward", keys.FORWARD),
        ("proxy", proxy_keys.PROXY),
        ("gateway", gateway_keys.GATEWAY),
    ],
)
def test_every_key_of_a_profile_is_explained(title: str, known: Mapping[str, Any]) -> None:
    found = re.search(rf"\| key of (a|the) {title} \|(.*?)\n\n", REFERENCE, re.DOTALL)
    assert found is not None
    assert sorted(first_cells(found[2])) == sorted(known)


def test_every_call_of_the_control_api_is_listed() -> None:
    served = [f"{route.method} {route.path}" for route in routes.ALL]
    assert sorted(first_cells(section("Control API"))) == sorted(served)


def test_every_metric_is_listed() -> None:
    shown = metrics.exposition(snapshot(entry("dev/web")))
    names = re.findall(r"^# TYPE (\w+)", shown, re.MULTILINE)
    assert sorted(first_cells(section("Metrics"))) == sorted(names)


def test_every_state_and_exit_code_is_listed() -> None:
    assert sorted(first_cells(section("States"))) == sorted(State)
    assert all(f"`{state}`" in section("States") for state in ContextState)
    numbers = re.findall(r"^\| (\d+) \|", section("Exit codes"), re.MULTILINE)
    assert {int(number) for number in numbers} == {*ExitCode, 130}


def test_every_variable_is_listed() -> None:
    source = "".join(path.read_text() for path in codes.modules())
    names = set(re.findall(r"\bKFWD_[A-Z_]+[A-Z]\b", source))
    assert set(re.findall(r"\bKFWD_[A-Z_]+[A-Z]\b", REFERENCE)) == names


@pytest.mark.parametrize("page", PAGES, ids=lambda page: page.name)
def test_links_lead_somewhere(page: Path) -> None:
    for path, anchor in re.findall(r"\]\((?!https?:)([^)#]*)(?:#([^)]*))?\)", page.read_text()):
        target = (page.parent / path) if path else page
        assert target.exists(), path
        if anchor:
            headings = re.findall(r"^#+ (.*)$", target.read_text(), re.MULTILINE)
            assert anchor in [heading.lower().replace(" ", "-") for heading in headings]


def test_every_picture_of_a_screen_is_of_one_that_there_is_and_is_shown() -> None:
    shown = {
        name for page in PAGES for name in re.findall(r"screens/([\w-]+)\.svg\)", page.read_text())
    }
    pictures = {path.stem: path.read_text() for path in (ROOT / "docs" / "screens").iterdir()}
    assert shown == pictures.keys() == {*SHOTS}
    assert all((ROOT / "kfwd" / "tui" / "screens" / f"{name}.py").exists() for name in shown)
    assert "screens/overview.svg" in (ROOT / "README.md").read_text()
    loads = re.compile(r"url\((?!#)|@import|href=|<(script|image|foreignObject)\b")
    assert [name for name, text in pictures.items() if loads.search(text)] == []


def named_tests() -> Iterator[tuple[str, str]]:
    for page in PAGES:
        yield from re.findall(r"(tests/[\w/]+\.py)(?:::(\w+))?", page.read_text())


def test_tests_that_are_named_exist() -> None:
    found = sorted(set(named_tests()))
    assert len(found) > 50
    for path, name in found:
        assert f"def {name}(" in (ROOT / path).read_text() if name else (ROOT / path).exists()


CLAIMED = [ROOT / "docs" / "security.md", ROOT / "docs" / "reliability.md"]
TEST = re.compile(r"`tests/[\w/]+\.py::\w+`")


def claims(page: Path) -> list[str]:
    """Every bullet, and every promise in bold with all that follows up to the next one."""
    text = page.read_text()
    bullets = re.findall(r"^\* .*?(?=^\* |\n\n|\Z)", text, re.MULTILINE | re.DOTALL)
    return bullets + re.findall(r"^\*\*.*?(?=^\*\*|^#|\Z)", text, re.MULTILINE | re.DOTALL)


@pytest.mark.parametrize("page", CLAIMED, ids=lambda page: page.name)
def test_every_claim_names_a_test(page: Path) -> None:
    found = claims(page)
    assert len(found) > 30
    assert [claim for claim in found if not TEST.search(claim)] == []


def figures() -> dict[str, list[str]]:
    """What pages say about bounds and times, made from the source."""
    dead_s = liveness.BUSY_S + liveness.LATE_S + liveness.DEAD_S
    return {
        "reliability.md": [
            f"`hold`, {HELD.hold_s:g} s, at most {forwarder.WAITING_MAX}",
            f"waits for it up to {finish.FINISH_S:g} s",
            f"up to {pod.SESSIONS_MAX} a pod and {pool.SESSIONS_MAX} a cluster",
            f"stalls costs at most {stream.PENDING_MAX >> 20} MiB",
            f"asked every {liveness.BUSY_S:g} s and given up after {dead_s:g} s",
            f"after {credentials.RETRY_FIRST_S:g} s, then ever later, up to "
            f"{credentials.RETRY_CAP_S / 60:g} min",
            f"at most {history_file.PAGES * 4096 >> 20} MiB",
            f"Dials ({dial.IN_FLIGHT} at once for a context), retries ({backoff.FIRST_S:g} s to "
            f"{backoff.CAP_S:g} s apart",
            f"({replay.CONNECTION_MAX >> 10} KiB a connection, "
            f"{replay.DAEMON_MAX >> 20} MiB in all)",
            f"older than {session.AGE_S / 3600:g} h get no new connections; idle ones close after "
            f"{pod.IDLE_S / 60:g} min",
        ],
        "security.md": [
            f"After {exec_plugin.TIME_LIMIT_S:g} s, or a MiB of output",
            f"regular ones of up to {small_file.MAX_SIZE >> 20} MiB",
        ],
    }


@pytest.mark.parametrize("page", CLAIMED, ids=lambda page: page.name)
def test_figures_are_those_of_the_source(page: Path) -> None:
    text = " ".join(page.read_text().split())
    assert [figure for figure in figures()[page.name] if figure not in text] == []


def examples() -> list[Path]:
    """Those that are profiles; others are Kubernetes objects."""
    found = sorted((ROOT / "config" / "examples").glob("*.yaml"))
    return [path for path in found if "apiVersion:" not in path.read_text()]


@pytest.mark.parametrize("path", examples(), ids=lambda path: path.stem)
def test_an_example_is_a_profile_without_faults(path: Path) -> None:
    parsed = parse.parse(path.read_text(), path.stem)
    assert parsed.faults == ()
    assert parsed.spec is not None
    assert parsed.spec.entries


def test_the_examples_have_every_key_of_a_forward() -> None:
    text = (ROOT / "config" / "examples" / "options.yaml").read_text()
    assert all(f"{key}:" in text for key in keys.FORWARD if key != "namespace")


def is_command(words: str) -> bool:
    """Whether `kfwd WORDS` begins with a command, and one of its own where it is a group."""
    context = click.Context(Commands())
    first, *rest = words.split()
    if first not in COMMANDS:
        return False
    command = Commands().get_command(context, first)
    return not isinstance(command, click.Group) or not rest or rest[0] in command.commands


def hints() -> Iterator[str]:
    """The constant parts of every hint in the source."""
    for path in codes.modules():
        for node in ast.walk(ast.parse(path.read_text())):
            if isinstance(node, ast.keyword) and node.arg == "hint":
                for part in ast.walk(node.value):
                    if isinstance(part, ast.Constant) and isinstance(part.value, str):
                        yield part.value


def test_hints_name_only_commands_that_exist() -> None:
    named = [words for hint in hints() for words in re.findall(r"\bkfwd ([a-z][a-z -]*)", hint)]
    named = [words for words in named if words != "anew"]
    assert len(named) > 10
    assert [words for words in named if not is_command(words)] == []


def test_pages_name_only_commands_that_exist() -> None:
    for page in PAGES:
        named = re.findall(r"`(?:kubectl )?kfwd ([a-z][a-z -]*)", page.read_text())
        assert [words for words in named if not is_command(words)] == [], page.name
