"""The simulated cluster's proof: the real kubectl works against it.

Only what a simulated cluster has is asked for where it matters; everything else holds on a real
one too.
"""

from __future__ import annotations

import json
import subprocess
import time
from collections.abc import Iterator

import pytest

from tests.e2e.conftest import KUBECTL, Sim

pytestmark = pytest.mark.e2e


@pytest.fixture(scope="module")
def space(sim: Sim) -> str:
    """A namespace that the tests of this file share; each leaves `web` as it found it."""
    return sim.namespace(replicas=2)


@pytest.fixture
def demo(sim: Sim) -> Sim:
    """The cluster, if it is a simulated one with the demo in it."""
    sim.admin("GET", "/sim/faults")
    return sim


def pods(sim: Sim, namespace: str) -> list[dict[str, object]]:
    """The pods as `-o json` has them."""
    found: list[dict[str, object]] = json.loads(
        sim.kubectl("get", "pods", "-n", namespace, "-o", "json").stdout
    )["items"]
    return found


def names(sim: Sim, namespace: str, *args: str) -> list[str]:
    out = sim.kubectl("get", "pods", "-n", namespace, "-o", "name", *args).stdout
    return [line.removeprefix("pod/") for line in out.split()]


def test_the_demo_holds_what_the_readme_says(demo: Sim) -> None:
    rows = demo.kubectl("get", "pods", "-n", "demo").stdout.splitlines()
    assert rows[0].split() == ["NAME", "READY", "STATUS", "RESTARTS", "AGE"]
    found = [row.split() for row in rows[1:]]
    apps = [row[0].split("-")[0] for row in found]
    assert apps == ["db", "db", "edge", "far", "solo", "web", "web", "web"]
    assert all(row[1:3] == ["1/1", "Running"] for row in found)
    assert [row[0] for row in found[:2]] == ["db-0", "db-1"]
    services = demo.kubectl("get", "services", "-n", "demo", "-o", "name").stdout.split()
    assert services == [f"service/{name}" for name in ("db", "edge", "empty", "far", "web")]
    empty = demo.kubectl(
        "get",
        "endpointslices",
        "-n",
        "demo",
        "-l",
        "kubernetes.io/service-name=empty",
        "-o",
        "json",
    )
    assert [s["endpoints"] for s in json.loads(empty.stdout)["items"]] == [[]]


def test_every_object_of_the_demo_is_labelled_with_its_name(demo: Sim) -> None:
    out = demo.kubectl("get", "deploy,sts,svc,pods", "-n", "demo", "-o", "json").stdout
    for item in json.loads(out)["items"]:
        app = item["metadata"]["labels"]["app"]
        assert item["metadata"]["name"].startswith(app)


def test_get_prints_tables_for_all_kinds(sim: Sim, space: str) -> None:
    out = sim.kubectl("get", "all,endpointslices,endpoints,sa", "-n", space).stdout
    for heading in ("pod/web-", "service/web", "deployment.apps/web", "replicaset.apps/web-"):
        assert heading in out
    wide = sim.kubectl("get", "pods", "-n", space, "-o", "wide").stdout
    assert {"IP", "NODE"} <= set(wide.splitlines()[0].split())


def test_get_json_has_addresses_in_127_8_and_one_for_each_pod(demo: Sim, space: str) -> None:
    found = [pod["status"] for pod in pods(demo, space)]
    addresses = [status["podIP"] for status in found]  # type: ignore[index]  # a pod's status
    assert len(set(addresses)) == 2
    assert all(address.startswith("127.") for address in addresses)
    nodes = json.loads(demo.kubectl("get", "nodes", "-o", "json").stdout)["items"]
    addresses = [node["status"]["addresses"][0]["address"] for node in nodes]
    assert [address.rpartition(".")[2] for address in addresses] == ["11", "12", "13", "14"]
    assert all(address.startswith("127.") for address in addresses)


def lines(process: subprocess.Popen[str]) -> Iterator[str]:
    assert process.stdout is not None
    yield from process.stdout


def test_a_watch_shows_a_deleted_pod_going_and_its_successor_getting_ready(
    sim: Sim, space: str
) -> None:
    victim = names(sim, space, "-l", "app=web")[0]
    watch = subprocess.Popen(
        [str(KUBECTL), "get", "pods", "-n", space, "-w", "--no-headers"],
        env=sim.env,
        stdout=subprocess.PIPE,
        text=True,
    )
    try:
        seen = lines(watch)
        assert any(victim in next(seen) for _ in range(2))
        sim.kubectl("delete", "pod", "-n", space, victim, "--wait=false")
        terminating = next(line for line in seen if victim in line and "Terminating" in line)
        successor = next(line.split()[0] for line in seen if "Pending" in line)
        ready = next(line for line in seen if successor in line and " 1/1 " in line)
    finally:
        watch.kill()
        watch.communicate()
    assert terminating
    assert ready
    assert successor != victim


def test_delete_waits_until_the_pod_is_gone(sim: Sim, space: str) -> None:
    victim = names(sim, space, "-l", "app=web")[0]
    done = sim.kubectl("delete", "pod", "-n", space, victim, "--grace-period=1")
    assert f'pod "{victim}" deleted' in done.stdout
    missing = sim.kubectl("get", "pod", "-n", space, victim, check=False)
    assert missing.returncode == 1
    assert f'Error from server (NotFound): pods "{victim}" not found' in missing.stderr
    sim.kubectl("rollout", "status", "-n", space, "deploy/web", "--timeout=20s")


def test_scale_changes_the_number_of_ready_pods(sim: Sim, space: str) -> None:
    assert "scaled" in sim.kubectl("scale", "-n", space, "deploy/web", "--replicas=4").stdout
    sim.kubectl("rollout", "status", "-n", space, "deploy/web", "--timeout=20s")
    row = sim.kubectl("get", "deploy", "web", "-n", space, "--no-headers").stdout.split()
    assert row[:4] == ["web", "4/4", "4", "4"]
    sim.kubectl("scale", "-n", space, "deploy/web", "--replicas=2")
    sim.kubectl("wait", "-n", space, "deploy/web", "--for=jsonpath={.status.replicas}=2")


def test_rollout_restart_replaces_every_pod_and_never_has_too_few(sim: Sim, space: str) -> None:
    before = set(names(sim, space, "-l", "app=web"))
    sim.kubectl("rollout", "restart", "-n", space, "deploy/web")
    out = sim.kubectl("rollout", "status", "-n", space, "deploy/web", "--timeout=30s").stdout
    assert out.endswith('deployment "web" successfully rolled out\n')
    after = {
        pod["metadata"]["name"]  # type: ignore[index]  # a pod's metadata
        for pod in pods(sim, space)
        if "deletionTimestamp" not in pod["metadata"]  # type: ignore[operator]  # the same
    }
    assert len(after) == 2
    assert not after & before
    history = sim.kubectl("rollout", "history", "-n", space, "deploy/web").stdout
    assert history.split()[-2] >= "2"


def test_apply_creates_changes_and_leaves_alone(sim: Sim, space: str) -> None:
    service = {
        "apiVersion": "v1",
        "kind": "Service",
        "metadata": {"name": "applied"},
        "spec": {"selector": {"app": "web"}, "ports": [{"port": 80, "targetPort": "http"}]},
    }

    def apply(*args: str) -> str:
        text = json.dumps(service)
        return sim.kubectl("apply", "-n", space, "-f", "-", *args, input=text).stdout.strip()

    assert apply() == "service/applied created"
    assert apply() == "service/applied unchanged"
    service["spec"]["ports"][0]["port"] = 81  # type: ignore[index]  # a mapping, see above
    assert apply() == "service/applied configured"
    assert apply("--server-side", "--force-conflicts") == "service/applied serverside-applied"
    out = sim.kubectl("get", "svc", "applied", "-n", space, "-o", "json").stdout
    spec = json.loads(out)["spec"]
    assert [port["port"] for port in spec["ports"]] == [81]
    assert spec["clusterIP"]


def test_edits_by_patch_label_and_set_arrive(sim: Sim, space: str) -> None:
    sim.kubectl("create", "configmap", "edited", "-n", space, "--from-literal=a=b")
    sim.kubectl("label", "configmap", "edited", "-n", space, "tier=x")
    for kind, body in (
        ("merge", '{"data": {"a": null, "c": "d"}}'),
        ("json", '[{"op": "add", "path": "/data/e", "value": "f"}]'),
    ):
        sim.kubectl("patch", "configmap", "edited", "-n", space, "--type", kind, "-p", body)
    out = sim.kubectl("get", "configmap", "-n", space, "-l", "tier=x", "-o", "json").stdout
    assert [item["data"] for item in json.loads(out)["items"]] == [{"c": "d", "e": "f"}]


def test_auth_can_i_answers_for_oneself_and_for_others(sim: Sim, space: str) -> None:
    def can(*args: str) -> str:
        done = sim.kubectl("auth", "can-i", *args, "-n", space, check=False)
        return done.stdout.strip()

    assert can("create", "pods/portforward") == "yes"
    sim.kubectl("create", "role", "reader", "-n", space, "--verb=get", "--resource=pods")
    sim.kubectl("create", "rolebinding", "reader", "-n", space, "--role=reader", "--user=bob")
    assert can("get", "pods", "--as", "bob") == "yes"
    assert can("list", "pods", "--as", "bob") == "no"
    assert can("create", "pods/portforward", "--as", "bob") == "no"


def test_what_rbac_forbids_is_said_in_the_api_servers_words(demo: Sim) -> None:
    done = demo.kubectl("--context", "sim-narrow", "get", "pods", check=False)
    assert done.stderr.strip() == (
        'Error from server (Forbidden): pods is forbidden: User "sim-narrow" cannot list resource '
        '"pods" in API group "" in the namespace "demo"'
    )
    assert "solo" in demo.kubectl("--context", "sim-narrow", "get", "pod", "solo").stdout
    token = demo.kubectl("--context", "sim-token", "auth", "whoami", "-o", "json").stdout
    assert json.loads(token)["status"]["userInfo"]["username"] == "kubernetes-admin"


def test_errors_name_the_thing(sim: Sim, space: str) -> None:
    def error(*args: str, input: str | None = None) -> str:
        done = sim.kubectl(*args, "-n", space, check=False, input=input)
        assert done.returncode == 1
        return done.stderr.strip()

    assert error("get", "gadgets") == ('error: the server doesn\'t have a resource type "gadgets"')
    assert error("create", "configmap", "kube-root-ca.crt") == (
        'error: failed to create configmap: configmaps "kube-root-ca.crt" already exists'
    )
    broken = '{"apiVersion": "v1", "kind": "Pod", "metadata": {"name": "x"}, "spec": {}}'
    assert "spec.containers: Required value" in error("apply", "-f", "-", input=broken)
    assert "No resources found" in sim.kubectl("get", "jobs", "-n", space).stderr


def test_a_stateful_set_keeps_names_and_order(demo: Sim) -> None:
    sim, namespace = demo, "demo"
    before = {pod["metadata"]["uid"] for pod in pods(sim, namespace)}  # type: ignore[index]  # ids
    patch = '{"spec": {"template": {"spec": {"terminationGracePeriodSeconds": 0}}}}'
    sim.kubectl("patch", "sts", "db", "-n", namespace, "-p", patch)
    sim.kubectl("rollout", "status", "-n", namespace, "sts/db", "--timeout=30s")
    after = pods(sim, namespace)
    assert [n for n in names(sim, namespace) if n.startswith("db")] == ["db-0", "db-1"]
    fresh = [p for p in after if p["metadata"]["uid"] not in before]  # type: ignore[index]  # ids
    assert len(fresh) == 2


def test_a_namespace_goes_with_everything_in_it(sim: Sim) -> None:
    namespace = sim.namespace(replicas=1)
    begun = time.monotonic()
    sim.kubectl("delete", "namespace", namespace, "--timeout=30s")
    assert time.monotonic() - begun < 30
    assert names(sim, namespace) == []
    sim.forget(namespace)
