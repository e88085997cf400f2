"""Every command that the documentation shows is run, in order, against a simulated cluster.

In a ```console block each line that begins with `$ ` is a command; `# exit N` at its end is the
status it must have, 0 without one. A ```yaml block whose first line names a file below
`~/.config/kfwd` is that file. Local ports (five digits) are replaced by free ones, so that pages do
not meet on a port.
"""

from __future__ import annotations

import os
import re
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import msgspec
import pytest

from tests.e2e.conftest import Sim, simulated_only
from tests.ports import free_port

pytestmark = pytest.mark.e2e

ROOT = Path(__file__).parents[2]
SCRIPTS = Path(sys.executable).parent
BLOCK = re.compile(r"^```(console|yaml)\n(.*?)^```$", re.MULTILINE | re.DOTALL)
EXIT = re.compile(r"\s+# exit (\d+)$")
PORT = re.compile(r"\b1\d{4}\b")
CONFIG = "# ~/.config/kfwd/"


class Command(msgspec.Struct, frozen=True):
    text: str
    status: int


class File(msgspec.Struct, frozen=True):
    path: str
    text: str


def steps(page: str) -> Iterator[Command | File]:
    """What a page shows, in its order."""
    for kind, text in BLOCK.findall(page):
        if kind == "yaml" and text.startswith(CONFIG):
            yield File(text.partition("\n")[0].removeprefix(CONFIG), text)
        for line in text.splitlines() if kind == "console" else []:
            if line.startswith("$ "):
                yield command(line.removeprefix("$ "))


def command(line: str) -> Command:
    found = EXIT.search(line)
    return Command(line[: found.start()], int(found[1])) if found else Command(line, 0)


def with_free_ports(page: str) -> str:
    """The page with other local ports, the same one everywhere for the same one."""
    free = {port: str(free_port()) for port in sorted(set(PORT.findall(page)))}
    return PORT.sub(lambda port: free[port[0]], page)


PAGES = [
    path
    for path in (ROOT / "README.md", *sorted((ROOT / "docs").glob("*.md")))
    if any(isinstance(step, Command) for step in steps(path.read_text()))
]


def environment(sim: Sim, home: Path) -> dict[str, str]:
    folders = {f"KFWD_{n}_DIR": str(home / n.lower()) for n in ("CONFIG", "STATE", "LOG")}
    path = f"{SCRIPTS}:{os.environ['PATH']}"
    own = {"HOME": str(home), "PATH": path, "KFWD_RUNTIME_DIR": str(home / "run")}
    own["KFWD_ROUTES_WITHIN"] = "127.0.0.0/8,::1/128"
    return {**sim.env, **folders, **own}


@simulated_only
@pytest.mark.parametrize("page", PAGES, ids=lambda path: path.stem)
def test_what_a_page_shows_works(sim: Sim, page: Path, tmp_path: Path) -> None:
    env = environment(sim, tmp_path)
    try:
        for step in steps(with_free_ports(page.read_text())):
            if isinstance(step, File):
                path = tmp_path / "config" / step.path
                path.parent.mkdir(parents=True, exist_ok=True)
                path.write_text(step.text)
            else:
                run(step, env, tmp_path)
    finally:
        subprocess.run(["kfwd", "daemon", "stop"], env=env, capture_output=True, check=False)


def run(step: Command, env: dict[str, str], folder: Path) -> None:
    done = subprocess.run(
        ["bash", "-c", step.text],
        env=env,
        cwd=folder,
        stdin=subprocess.DEVNULL,
        capture_output=True,
        text=True,
        timeout=30,
        check=False,
    )
    assert done.returncode == step.status, f"{step.text}\n{done.stdout}{done.stderr}"


def test_a_page_is_read_as_it_says() -> None:
    page = (
        "```console\n$ kfwd wait x # exit 6\noutput\n$ echo '# exit'\n```\n"
        "```yaml\n# ~/.config/kfwd/profiles/a.yaml\nversion: 1\n```\n```sh\n$ no\n```\n"
    )
    assert list(steps(page)) == [
        Command("kfwd wait x", 6),
        Command("echo '# exit'", 0),
        File("profiles/a.yaml", "# ~/.config/kfwd/profiles/a.yaml\nversion: 1\n"),
    ]
