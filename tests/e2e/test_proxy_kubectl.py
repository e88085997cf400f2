"""`kfwd proxy` beside `kubectl proxy`: the same requests, on the same cluster."""

from __future__ import annotations

import http.client
import json
import re
import socket
import subprocess
import time
from collections.abc import Iterator
from contextlib import ExitStack
from pathlib import Path

import pytest
from msgspec import Struct
from msgspec.structs import replace

from tests.e2e.conftest import KUBECTL, Sim
from tests.e2e.test_cli import Shell

pytestmark = pytest.mark.e2e

REPLICAS = 1  # so that both are answered by the same pod

MATTERS = (
    *("content-type", "location", "x-content-type-options", "x-pod", "allow", "accept-ranges"),
    *("content-range", "last-modified", "www-authenticate", "set-cookie", "warning"),
)
"""Headers that a client acts on; the others are about this one connection."""

STARTING = re.compile(r"Starting to serve on 127\.0\.0\.1:(\d+)\n")
FLAGS: dict[str, tuple[str, ...]] = {
    "plain": (),
    "all": (
        *("--api-prefix=/k8s", "--accept-paths=^/version$,^/api/", "--reject-methods=POST,PUT"),
        *("--www={www}", "--reject-paths=/secrets", "--accept-hosts=^localhost$,^kfwd[.]test$"),
    ),
    "open": ("--disable-filter=true",),
}


class Ask(Struct, frozen=True):
    """A request and the status that both must answer it with. `{ns}` and `{side}` are filled in.

    `differs`: why kfwd answers otherwise, and with what.
    """

    first: str
    status: int
    lines: tuple[str, ...] = ()
    body: bytes = b""
    host: str | None = "localhost"
    flags: str = "plain"
    version: str = "1.1"
    words_differ: bool = False
    differs: tuple[int, str] | None = None


NS = "/api/v1/namespaces/{ns}"
WEB = f"{NS}/services/web:http/proxy"
JSON = "Content-Type: application/json"
MERGE = "Content-Type: application/merge-patch+json"
LABELS = b'{"metadata":{"labels":{"a":"b"}}}'


def made(name: str) -> Ask:
    """A new service with a name of its own on each side."""
    body = (
        b'{"apiVersion":"v1","kind":"Service","metadata":{"name":"made-{side}%b"},'
        b'"spec":{"clusterIP":"None","ports":[{"port":80}]}}'
    )
    return Ask(f"POST {NS}/services", 201, (JSON,), body % name.encode())


KEPT, DOOMED = made("-kept"), made("-doomed")
STRICT = "only one reading of a message is taken"

TABLE: dict[str, Ask] = {
    "version": Ask("GET /version", 200),
    "the core group": Ask("GET /api", 200),
    "its version": Ask("GET /api/v1", 200),
    "the other groups": Ask("GET /apis", 200),
    "readyz": Ask("GET /readyz", 200),
    "livez": Ask("GET /livez", 200),
    "a list": Ask(f"GET {NS}/services", 200),
    "a list by label": Ask(f"GET {NS}/services?labelSelector=app%3Dweb", 200),
    "a table": Ask(
        f"GET {NS}/services/web", 200, ("Accept: application/json;as=Table;v=v1;g=meta.k8s.io",)
    ),
    "an object": Ask(f"GET {NS}/services/web", 200),
    "an object of another group": Ask("GET /apis/apps/v1/namespaces/{ns}/deployments/web", 200),
    "no such object": Ask(f"GET {NS}/services/none", 404),
    "no such path": Ask("GET /nope", 404),
    "the head of a page": Ask("HEAD /version", 200),
    "what the server can do": Ask("OPTIONS *", 200),
    "no JSON": Ask(f"POST {NS}/services", 400, (JSON,), b"{"),
    "an object made": made(""),
    "an object made twice": replace(KEPT, status=409),
    "an object changed": Ask(f"PATCH {NS}/services/made-{{side}}-kept", 200, (MERGE,), LABELS),
    "an object deleted": Ask(f"DELETE {NS}/services/made-{{side}}-doomed", 200),
    "an object deleted that is not there": Ask(f"DELETE {NS}/services/made-{{side}}-none", 404),
    "two slashes": Ask("GET //version", 307),
    "dots up": Ask("GET /api/../version", 307),
    "dots up beyond the root": Ask("GET /../../version", 307),
    "a dot": Ask("GET /api/./v1", 307),
    "a dot at the end": Ask("GET /api/.", 307),
    "two slashes and a query": Ask("GET /api//v1?a=b&c=%2F", 307),
    "two slashes, the head": Ask("HEAD //version", 307),
    "two slashes, posted": Ask("POST //version", 307),
    "encoded dots": Ask("GET /api/%2e%2e/version", 404, differs=(400, "no path climbs")),
    "encoded dots and slashes": Ask(
        f"GET {NS}/..%2f..%2fversion", 404, differs=(400, "no path climbs")
    ),
    "exec": Ask(f"POST {NS}/pods/web-0/exec?command=id", 403),
    "exec in disguise": Ask(f"POST {NS}/pods/web-0/%65xec", 403),
    "exec behind an encoded slash": Ask(f"GET {NS}/pods/web-0%2Fexec", 403),
    "attach": Ask(f"POST {NS}/pods/web-0/attach", 403),
    "another host": Ask("GET /version", 403, host="evil.com"),
    "a host that begins like ours": Ask("GET /version", 403, host="localhost.evil.com"),
    "the host with a port": Ask("GET /version", 200, host="localhost:1"),
    "the address with a port": Ask("GET /version", 200, host="127.0.0.1:99"),
    "the host in capitals": Ask("GET /version", 403, host="LOCALHOST"),
    "the other family": Ask("GET /version", 200, host="[::1]"),
    "the other family with a port": Ask(
        "GET /version", 403, host="[::1]:8001", differs=(200, "it is the same host")
    ),
    "an empty host": Ask("GET /version", 403, host=""),
    "a host with a user": Ask("GET /version", 400, host="localhost@evil.com", words_differ=True),
    "a URL": Ask("GET http://localhost/version", 200),
    "another host's URL": Ask("GET http://evil.com/version", 403),
    "a URL beside another Host": Ask("GET http://localhost/version", 200, host="evil.com"),
    "another host's URL beside our Host": Ask("GET http://evil.com/version", 403),
    "a tunnel": Ask("CONNECT localhost:80", 404),
    "an old client": Ask("GET /version", 200, version="1.0"),
    "an old client without Host": Ask("GET /version", 403, host=None, version="1.0"),
    "an app": Ask(f"GET {WEB}/", 200),
    "an app without a slash": Ask(f"GET {WEB}", 301),
    "an app's page": Ask(f"GET {WEB}/html", 200),
    "an app's redirect": Ask(f"GET {WEB}/redirect", 302),
    "an app's query": Ask(f"GET {WEB}/a?b=c&d=%2F%20e", 200),
    "an app's path with a blank": Ask(f"GET {WEB}/a%20b", 200),
    "100,000 bytes": Ask(f"GET {WEB}/bytes/100000", 200),
    "a body": Ask(f"POST {WEB}/sha", 200, (), b"x" * 100_000),
    "a body in chunks": Ask(
        f"POST {WEB}/sha", 200, ("Transfer-Encoding: chunked",), b"5\r\nhello\r\n0\r\n\r\n"
    ),
    "a body that waits": Ask(f"POST {WEB}/sha", 200, ("Expect: 100-continue",), b"hello"),
    "no such port": Ask(f"GET {NS}/services/web:9999/proxy/", 503),
    "no such service": Ask(f"GET {NS}/services/none:80/proxy/", 404),
    # The API server looks at the client certificate first, which both of them show.
    "somebody else's token": Ask("GET /api/v1/nodes", 200, ("Authorization: Bearer wrong",)),
    "somebody else": Ask("GET /api/v1/nodes", 403, ("Impersonate-User: nobody",)),
    "a broken escape": Ask("GET /api/%zz", 400, words_differ=True),
    "a NUL": Ask("GET /api/\0", 400, words_differ=True),
    "no path": Ask("GET version", 400, words_differ=True),
    "a blank before a colon": Ask("GET /version", 400, ("X : a",), words_differ=True),
    "a blank in a name": Ask("GET /version", 400, ("X Y: a",), words_differ=True),
    "two hosts": Ask("GET /version", 400, ("Host: localhost",), words_differ=True),
    "two lengths": Ask(
        "POST /api", 400, ("Content-Length: 1", "Content-Length: 2"), words_differ=True
    ),
    "a length that is none": Ask("POST /api", 400, ("Content-Length: +1",), words_differ=True),
    "a coding that nobody knows": Ask(
        "POST /api", 501, ("Transfer-Encoding: gzip",), words_differ=True
    ),
    "a folded line": Ask("GET /version", 200, ("X: a\r\n b",), differs=(400, STRICT)),
    "a bare line feed": Ask("GET /version", 200, ("X: a\nY: b",), differs=(400, STRICT)),
    "a length and chunks": Ask(
        f"POST {WEB}/sha",
        200,
        ("Content-Length: 3", "Transfer-Encoding: chunked"),
        b"5\r\nhello\r\n0\r\n\r\n",
        differs=(400, STRICT),
    ),
    "under a prefix": Ask("GET /k8s/version", 200, flags="all"),
    "beside the prefix": Ask("GET /version", 404, flags="all"),
    "the prefix without its slash": Ask("GET /k8s", 307, flags="all"),
    "a path that is not accepted": Ask("GET /k8s/apis", 403, flags="all"),
    "a path that is rejected": Ask("GET /k8s/api/v1/secrets", 403, flags="all"),
    "a method that is rejected": Ask("POST /k8s/api/v1/namespaces", 403, flags="all"),
    "a host that is accepted": Ask("GET /k8s/version", 200, host="kfwd.test", flags="all"),
    "a host that is not any more": Ask("GET /k8s/version", 403, host="127.0.0.1", flags="all"),
    "a file": Ask("GET /static/hello.txt", 200, flags="all"),
    "a part of a file": Ask("GET /static/hello.txt", 206, ("Range: bytes=1-3",), flags="all"),
    "no such part": Ask("GET /static/hello.txt", 416, ("Range: bytes=99-",), flags="all"),
    "a folder's files": Ask("GET /static/", 200, flags="all"),
    "a folder without its slash": Ask("GET /static/more", 301, flags="all"),
    "the files without their slash": Ask("GET /static", 307, flags="all"),
    "no such file": Ask("GET /static/none", 404, flags="all"),
    "a file for another host": Ask(
        "GET /static/hello.txt", 200, host="evil.com", flags="all", differs=(403, "rebinding")
    ),
    "out of the files": Ask("GET /static/../k8s/version", 307, flags="all"),
    "another host, unfiltered": Ask("GET /version", 200, host="evil.com", flags="open"),
}


class Reply(Struct, frozen=True):
    status: int
    headers: dict[str, str]
    body: bytes


class Sides:
    """Both proxies with each set of flags, by name; their local ports."""

    def __init__(self, namespace: str) -> None:
        self.namespace = namespace
        self.ports: dict[tuple[str, str], int] = {}

    def ask(self, side: str, ask: Ask) -> Reply:
        """Send a request and read the whole answer."""

        def fill(text: str) -> str:
            return text.replace("{ns}", self.namespace).replace("{side}", side)

        body = fill(ask.body.decode("latin-1")).encode("latin-1")
        lines = [f"{fill(ask.first)} HTTP/{ask.version}"]
        lines += [f"Host: {ask.host}"] if ask.host is not None else []
        lines += [*ask.lines, "Connection: close"]
        if body and not any(line.startswith(("Transfer", "Content-L")) for line in ask.lines):
            lines.append(f"Content-Length: {len(body)}")
        data = "\r\n".join([*lines, "", ""]).encode("latin-1") + body
        address = ("127.0.0.1", self.ports[side, ask.flags])
        with socket.create_connection(address, timeout=20) as sock:
            sock.sendall(data)
            response = http.client.HTTPResponse(sock, method=ask.first.partition(" ")[0])
            response.begin()
            text = response.read()
            headers = {name.lower(): value for name, value in response.getheaders()}
            response.close()
        return Reply(response.status, headers, normal(text))


def normal(body: bytes) -> bytes:
    """A body without what differs from one moment, and one side, to the next."""
    text = re.sub("made-(kubectl|kfwd)", "made", body.decode("latin-1"))
    text = re.sub(
        r'"(uid|resourceVersion|creationTimestamp|time|manager)": ?"[^"]*"', r'"\1":""', text
    )
    text = re.sub(r'"(\d+[dhms])+"', '"age"', text)
    text = re.sub(r'"(clusterIPs?)":("[^"]*"|\[[^]]*\])', r'"\1":""', text)
    return text.encode("latin-1")


def port_of(process: subprocess.Popen[str]) -> int:
    assert process.stdout is not None
    line = process.stdout.readline()
    match = STARTING.fullmatch(line)
    assert match, f"{line!r}: {process.stderr and process.poll() and process.stderr.read()}"
    return int(match[1])


@pytest.fixture(scope="module")
def shell(sim: Sim, namespace: str, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Shell]:
    shell = Shell(sim, namespace, tmp_path_factory.mktemp("proxy"))
    yield shell
    shell("daemon", "stop")


@pytest.fixture(scope="module")
def sides(shell: Shell, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Sides]:
    www = tmp_path_factory.mktemp("www")
    (www / "more").mkdir()
    (www / "hello.txt").write_text("hello\n")
    sides = Sides(shell.namespace)
    with ExitStack() as stack:
        for name, flags in FLAGS.items():
            words = ["proxy", "--port=0", *(flag.format(www=www) for flag in flags)]
            for side, program in (("kubectl", str(KUBECTL)), ("kfwd", "kfwd")):
                process = stack.enter_context(shell.running(*words, program=program))
                sides.ports[side, name] = port_of(process)
        for side in ("kubectl", "kfwd"):
            assert [sides.ask(side, ask).status for ask in (KEPT, DOOMED)] == [201, 201]
        yield sides


def test_the_table_is_long_enough() -> None:
    assert len(TABLE) >= 60


@pytest.mark.parametrize("name", TABLE)
def test_both_answer_alike(sides: Sides, name: str, sim: Sim) -> None:
    ask = TABLE[name]
    if "Bearer" in "".join(ask.lines) and "client-cert" not in sim.kubeconfig.read_text():
        pytest.skip("the cluster's user has no client certificate")
    kubectl, kfwd = sides.ask("kubectl", ask), sides.ask("kfwd", ask)
    assert kubectl.status == ask.status, kubectl
    if ask.differs is not None:
        assert kfwd.status == ask.differs[0] != kubectl.status, ask.differs[1]
        return
    assert kfwd.status == ask.status, kfwd
    if not ask.words_differ:
        assert picked(kfwd) == picked(kubectl)
        assert kfwd.body == kubectl.body


def picked(reply: Reply) -> dict[str, str]:
    return {name: value for name, value in reply.headers.items() if name in MATTERS}


def test_an_app_is_told_the_same(sides: Sides) -> None:
    """But for `Accept-Encoding`: kubectl asks for gzip on its own account, and unpacks it; else a
    real API server does."""
    lines = ("Cookie: a=b", "X-Own: c", "User-Agent: test", "X-Forwarded-For: 10.0.0.1")
    ask = Ask(f"GET {WEB}/headers", 200, lines)
    kubectl, kfwd = sides.ask("kubectl", ask), sides.ask("kfwd", ask)
    seen = [json.loads(side.body) for side in (kubectl, kfwd)]
    for headers in seen:
        headers.pop("Accept-Encoding", None)
    assert seen[0] == seen[1]
    assert "10.0.0.1" in seen[0]["X-Forwarded-For"]


def through(shell: Shell, sides: Sides, *args: str) -> list[str]:
    """A kubectl command line through kfwd's proxy."""
    server = f"http://127.0.0.1:{sides.ports['kfwd', 'plain']}"
    return ["-s", server, "-n", shell.namespace, *args]


def test_kubectl_works_through_it(shell: Shell, sides: Sides, sim: Sim) -> None:
    env = {"KUBECONFIG": "/dev/null"}
    names = sim.kubectl(*through(shell, sides, "get", "deploy", "-o", "name"), env=env).stdout
    assert names == "deployment.apps/web\n"
    said = sim.kubectl(*through(shell, sides, "scale", "deploy/web", "--replicas=1"), env=env)
    assert said.stdout == "deployment.apps/web scaled\n"


def test_a_watch_through_it_shows_what_changes(shell: Shell, sides: Sides, sim: Sim) -> None:
    command = through(shell, sides, "get", "svc", "web", "-w", "-o", "jsonpath={.metadata.labels}")
    with shell.running(*command, program=str(KUBECTL)) as watch:
        assert watch.stdout is not None
        first = watch.stdout.read(1)
        sim.kubectl("label", "-n", shell.namespace, "svc/web", f"moment={time.time_ns()}")
        seen = first
        while '"moment"' not in seen:
            letter = watch.stdout.read(1)
            assert letter, "the watch ended"
            seen += letter
        sim.kubectl("label", "-n", shell.namespace, "svc/web", "moment-")


@pytest.mark.parametrize("websocket", ["true", "false"])
def test_port_forward_through_it_carries_bytes(shell: Shell, sides: Sides, websocket: str) -> None:
    shell.env["KUBECTL_PORT_FORWARD_WEBSOCKETS"] = websocket
    command = through(shell, sides, "port-forward", "deploy/web", ":9000", "-v=4")
    with shell.running(*command, program=str(KUBECTL)) as forward:
        assert forward.stdout is not None
        line = forward.stdout.readline()
        port = int(re.findall(r":(\d+) ->", line)[0])
        with socket.create_connection(("127.0.0.1", port), timeout=20) as sock:
            sock.sendall(b"there and back")
            assert sock.recv(100) == b"there and back"


def test_a_unix_socket_serves_its_owner(shell: Shell, tmp_path: Path) -> None:
    path = tmp_path / "api.sock"
    with shell.running("proxy", "-u", str(path)) as process:
        assert process.stdout is not None
        assert process.stdout.readline() == f"Starting to serve on {path}\n"
        assert path.stat().st_mode & 0o777 == 0o600
        with socket.socket(socket.AF_UNIX) as sock:
            sock.settimeout(20)
            sock.connect(str(path))
            sock.sendall(b"GET /version HTTP/1.0\r\nHost: localhost\r\n\r\n")
            assert sock.recv(15) == b"HTTP/1.1 200 OK"


def test_a_flag_that_cannot_be_is_refused_as_by_kubectl(shell: Shell) -> None:
    for words, code in (
        (["--port", "1", "-u", "/x"], 1),
        (["--accept-paths", "("], 255),
        (["--keepalive", "soon"], 1),
    ):
        assert shell("proxy", *words, code=code).stderr.startswith("kfwd: ")


def test_it_waits_for_a_server_that_is_away(shell: Shell, sides: Sides, sim: Sim) -> None:
    sim.faults(api_down=True)
    try:
        with socket.create_connection(("127.0.0.1", sides.ports["kfwd", "plain"])) as sock:
            sock.settimeout(20)
            sock.sendall(b"GET /version HTTP/1.0\r\nHost: localhost\r\n\r\n")
            until_waiting(shell)
            sim.faults(api_down=False)
            assert sock.recv(15) == b"HTTP/1.1 200 OK"
    finally:
        sim.faults(api_down=False)


def until_waiting(shell: Shell) -> None:
    deadline = time.monotonic() + 15
    while shell.entries()["-/proxy"]["state"] != "waiting":
        assert time.monotonic() < deadline
        time.sleep(0.05)
