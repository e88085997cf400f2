"""The steps of the demo, in order. Each does one thing, checks it and says what it saw."""

from __future__ import annotations

import threading
from collections.abc import Callable

from kfwd.api_model import EntryRequest
from kfwd.demo import traffic
from kfwd.demo.cluster import Cluster
from kfwd.demo.stage import Stage, until
from kfwd.demo.traffic import Download, Tally
from kfwd.errors import KfwdError
from kfwd.model import ADHOC, ForwardSpec, PortSpec, State

MIB = 1024 * 1024
FETCHES = 200
RATE = 50.0
READY_S = 15.0


class Demo:
    """What the steps share."""

    def __init__(self, stage: Stage, tally: Tally) -> None:
        self.stage = stage
        self.tally = tally
        self.deletions = 0
        self.restarts = 0
        self._cluster: Cluster | None = None
        self._hashes: dict[int, str] = {}

    @property
    def cluster(self) -> Cluster:
        self._cluster = self._cluster or Cluster(self.stage.kubeconfig)
        return self._cluster

    def ports(self) -> dict[str, int]:
        """Local ports by `ENTRY:REMOTE`."""
        return {
            f"{entry.name}:{port.remote}": int(port.listen[0].rpartition(":")[2])
            for entry in self.stage.client.snapshot().entries
            for port in entry.ports
            if port.listen
        }

    def wait_ready(self) -> int:
        """The number of entries, once all are ready."""

        def ready() -> bool:
            entries = self.stage.client.snapshot().entries
            return bool(entries) and all(entry.state is State.READY for entry in entries)

        if not until(ready, READY_S):
            late = [e for e in self.stage.client.snapshot().entries if e.state is not State.READY]
            why = [f"{e.id} is {e.state} ({e.problem.text if e.problem else '?'})" for e in late]
            raise KfwdError(f"not ready after {READY_S:g} s: {', '.join(why) or 'no entries'}")
        return len(self.stage.client.snapshot().entries)

    def check(self, download: Download, size: int) -> None:
        """A download's hash is that of every other download of this size."""
        if download.sha256 and self._hashes.setdefault(size, download.sha256) != download.sha256:
            raise KfwdError(f"a download of {size} bytes has another hash than the one before")
        if download.sha256:
            self.tally.verify(size)


def start_cluster(demo: Demo) -> str:
    demo.stage.start_cluster()
    return f"{len(demo.cluster.pods('web'))} replicas of web"


def bring_up(demo: Demo) -> str:
    demo.stage.start_daemon()
    demo.stage.client.up(["demo"], [str(demo.stage.kubeconfig)])
    count = demo.wait_ready()
    return f"{count} entries ready on {len(demo.ports())} local ports"


def fetch(demo: Demo) -> str:
    ports, before = demo.ports(), demo.tally.verified
    for _ in range(FETCHES):
        traffic.page(demo.tally, ports["web:http"])
    for _ in range(2):
        download = Download(demo.tally, ports["web:http"], 16 * MIB)
        download.run()
        demo.check(download, 16 * MIB)
    traffic.echo(demo.tally, ports["web:echo"], 4 * MIB)
    traffic.echo(demo.tally, ports["db:9000"], 4 * MIB)
    traffic.upload(demo.tally, ports["web:sha-counted"], 16 * MIB)
    traffic.page(demo.tally, ports["solo:8080"])
    verified = (demo.tally.verified - before) // MIB
    return f"{verified} MiB up and down, every hash is right"


def delete_pod(demo: Demo) -> str:
    """The pod that answers requests goes while another replica serves a download."""
    port = demo.ports()["web:http"]
    victim = traffic.page(demo.tally, port)
    other = next(pod for pod in sorted(demo.cluster.pods("web")) if pod != victim)
    download = Download(demo.tally, _forward_pod(demo, other), 16 * MIB)
    begun = threading.Event()
    reader = threading.Thread(target=download.run, args=(0.03, begun), name="demo-download")
    with traffic.load(demo.tally, port, RATE) as pods:
        reader.start()
        if not victim or not begun.wait(READY_S):
            raise KfwdError("no download began")
        demo.cluster.delete_pod(victim)
        demo.deletions += 1
        if not until(lambda: bool(pods - {victim}), READY_S):
            raise KfwdError("no other pod took over")
        reader.join()
    demo.check(download, 16 * MIB)
    demo.stage.client.delete_entry(f"{ADHOC}/{other}")
    return f"{victim} deleted, the download from {download.pod} ended whole"


def _forward_pod(demo: Demo, pod: str) -> int:
    """An ad-hoc forward to one pod; its local port, once it is ready."""
    spec = ForwardSpec(name=pod, target=f"pod/{pod}", ports=(PortSpec(local=0, remote="8080"),))
    request = EntryRequest(spec=spec, kubeconfig=(str(demo.stage.kubeconfig),))
    demo.stage.client.put_entry(pod, request)
    demo.wait_ready()
    return demo.ports()[f"{pod}:8080"]


def delete_database(demo: Demo) -> str:
    """Both members go one after the other; connections go to the one that is there, or wait."""
    port = demo.ports()["db:9000"]
    names = sorted(demo.cluster.pods("db"))
    for name in names:
        demo.cluster.delete_pod(name)
        demo.deletions += 1
        for _ in range(5):
            traffic.echo(demo.tally, port, MIB)
    return f"{' and '.join(names)} deleted, every echo came back"


def restart_deployment(demo: Demo) -> str:
    port = demo.ports()["web:http"]
    old = set(demo.cluster.pods("web"))
    with traffic.load(demo.tally, port, RATE) as pods:
        demo.cluster.restart("web")
        demo.restarts += 1
        if not until(lambda: not old & set(demo.cluster.pods("web", going=True)), READY_S):
            raise KfwdError("the old pods did not go")
    return f"{len(old)} pods replaced, {len(pods & old)} old and {len(pods - old)} new answered"


def kill_daemon(demo: Demo) -> str:
    """SIGKILL and a new start: the same ports, without being told again."""
    before = demo.ports()
    demo.stage.kill_daemon()
    demo.stage.start_daemon()
    demo.restarts += 1
    demo.wait_ready()
    if demo.ports() != before:
        raise KfwdError(f"other ports than before: {before} became {demo.ports()}")
    for _ in range(FETCHES // 4):
        traffic.page(demo.tally, before["web:http"])
    traffic.upload(demo.tally, before["web:sha-counted"], 4 * MIB)
    return f"the same {len(before)} local ports"


Step = Callable[[Demo], str]
STEPS: tuple[tuple[str, Step], ...] = (
    ("start a cluster", start_cluster),
    ("bring a profile up", bring_up),
    ("fetch through it", fetch),
    ("delete a pod", delete_pod),
    ("delete the database", delete_database),
    ("restart a deployment", restart_deployment),
    ("kill the daemon", kill_daemon),
)
