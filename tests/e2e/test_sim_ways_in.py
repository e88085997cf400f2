"""The ways into the simulated cluster, as kubectl and plain sockets see them."""

from __future__ import annotations

import contextlib
import http.client
import json
import subprocess
import threading
from collections.abc import Iterator
from typing import Any

import pytest

from kfwd.sim.content import WEB_HOST_PORT
from tests.e2e.conftest import KUBECTL, Sim

pytestmark = pytest.mark.e2e

GATEWAY = "gateway.networking.k8s.io"


@pytest.fixture(scope="module")
def demo(sim: Sim) -> Sim:
    """The cluster, if it is a simulated one with the demo in it."""
    sim.admin("GET", "/sim/faults")
    return sim


@pytest.fixture(scope="module")
def space(demo: Sim) -> str:
    """A namespace with `web`, whose Service is a NodePort by now."""
    name = demo.namespace(replicas=2)
    demo.kubectl("patch", "svc", "web", "-n", name, "-p", '{"spec": {"type": "NodePort"}}')
    return name


def objects(sim: Sim, *args: str) -> Any:
    return json.loads(sim.kubectl("get", *args, "-o", "json").stdout)


def rows(sim: Sim, *args: str) -> dict[str, list[str]]:
    """The table's rows by their first cell."""
    lines = sim.kubectl("get", *args, "--no-headers").stdout.splitlines()
    return {cells[0]: cells[1:] for cells in map(str.split, lines)}


def nodes(sim: Sim) -> dict[str, str]:
    found = objects(sim, "nodes")["items"]
    return {n["metadata"]["name"]: n["status"]["addresses"][0]["address"] for n in found}


def node_port(sim: Sim, *args: str) -> int:
    return int(objects(sim, "svc", *args)["spec"]["ports"][0]["nodePort"])


def fetch(address: str, port: int, path: str = "/") -> str:
    """The body of an answer. Raises OSError."""
    connection = http.client.HTTPConnection(address, port, timeout=5)
    try:
        connection.request("GET", path)
        return connection.getresponse().read().decode()
    finally:
        connection.close()


def test_services_and_ingresses_show_their_addresses(demo: Sim) -> None:
    services = rows(demo, "svc", "-n", "demo")
    kind, _, _, ports, _ = services["web"]
    assert kind == "LoadBalancer"
    assert ports.startswith("80:3")
    assert services["far"][:1] + services["far"][2:3] == ["LoadBalancer", "<pending>"]
    ingresses = rows(demo, "ingress", "-n", "demo")
    assert ingresses["web"][:2] == ["sim", "foo.bar.com"]
    assert ingresses["web"][2].startswith("127.")
    assert ingresses["far"][:3] == ["none", "far.example.com", "80"]
    assert "foo.bar.com" in demo.kubectl("describe", "ingress", "web", "-n", "demo").stdout


def test_a_node_port_answers_on_every_node(demo: Sim) -> None:
    port = node_port(demo, "web", "-n", "demo")
    found = [fetch(address, port) for address in nodes(demo).values()]
    assert [text.partition("-")[0] for text in found] == ["pod=web"] * 4


def test_with_the_local_policy_only_the_pods_own_node_answers(demo: Sim) -> None:
    [pod] = objects(demo, "pods", "-n", "demo", "-l", "app=far")["items"]
    port = node_port(demo, "far", "-n", "demo")
    for name, address in nodes(demo).items():
        if name == pod["spec"]["nodeName"]:
            assert fetch(address, port).startswith("pod=far-")
        else:
            with pytest.raises(ConnectionRefusedError):
                fetch(address, port)


def test_a_load_balancer_address_answers_on_the_service_port(demo: Sim) -> None:
    address = rows(demo, "svc", "-n", "demo")["web"][2]
    if address == "<pending>":
        pytest.skip("port 80 cannot be bound by this user")
    assert fetch(address, 80, "/x").startswith("pod=web-")


def test_host_ports_and_the_hosts_network_answer_at_the_pods_node(demo: Sim) -> None:
    for pod in objects(demo, "pods", "-n", "demo", "-l", "app=web")["items"]:
        text = fetch(pod["status"]["hostIP"], WEB_HOST_PORT)
        assert text.startswith(f"pod={pod['metadata']['name']} ")
    [edge] = objects(demo, "pods", "-n", "demo", "-l", "app=edge")["items"]
    assert edge["status"]["podIP"] == edge["status"]["hostIP"]
    assert fetch(edge["status"]["hostIP"], 8080).startswith("pod=edge-")


def test_a_rolling_restart_refuses_nobody_at_a_node_port(demo: Sim, space: str) -> None:
    address, port = nodes(demo)["node-2"], node_port(demo, "web", "-n", space)
    old = {pod["metadata"]["name"] for pod in objects(demo, "pods", "-n", space)["items"]}
    failures: list[str] = []
    done = threading.Event()

    def answering() -> str:
        return fetch(address, port).split()[0].removeprefix("pod=")

    def ask() -> None:
        while not done.wait(0.01):
            try:
                answering()
            except OSError as error:
                failures.append(str(error))

    asking = threading.Thread(target=ask)
    asking.start()
    try:
        demo.kubectl("rollout", "restart", "-n", space, "deploy/web")
        demo.kubectl("rollout", "status", "-n", space, "deploy/web", "--timeout=30s")
        new = {answering() for _ in range(10)}
    finally:
        done.set()
        asking.join()
    assert failures == []
    assert not old & new


def test_a_service_that_is_no_node_port_any_more_refuses(demo: Sim, space: str) -> None:
    port = {"port": 80, "targetPort": "http"}
    spec = {"selector": {"app": "web"}, "type": "NodePort", "ports": [port]}
    service = {"apiVersion": "v1", "kind": "Service", "metadata": {"name": "own"}, "spec": spec}
    demo.kubectl("create", "-n", space, "-f", "-", input=json.dumps(service))
    number, address = node_port(demo, "own", "-n", space), nodes(demo)["node-1"]
    assert fetch(address, number).startswith("pod=web-")
    service["metadata"] = {"name": "other"}
    port["nodePort"] = number
    refused = demo.kubectl("create", "-n", space, "-f", "-", input=json.dumps(service), check=False)
    assert f"Invalid value: {number}: provided port is already allocated" in refused.stderr
    demo.kubectl("patch", "svc", "own", "-n", space, "-p", '{"spec": {"type": "ClusterIP"}}')
    assert "nodePort" not in objects(demo, "svc", "own", "-n", space)["spec"]["ports"][0]
    with pytest.raises(ConnectionRefusedError):
        fetch(address, number)


@pytest.fixture(scope="module")
def proxy(demo: Sim) -> Iterator[int]:
    """The port of a `kubectl proxy`."""
    command = [str(KUBECTL), "proxy", "--port=0"]
    with subprocess.Popen(command, env=demo.env, stdout=subprocess.PIPE, text=True) as process:
        assert process.stdout is not None
        yield int(process.stdout.readline().rpartition(":")[2])
        process.terminate()


class Reply:
    """A whole answer that `kubectl proxy` passed on."""

    def __init__(self, port: int, path: str, **headers: str) -> None:
        with contextlib.closing(http.client.HTTPConnection("127.0.0.1", port, timeout=5)) as found:
            found.request("GET", path, headers=headers)
            answer = found.getresponse()
            self.status, self.headers = answer.status, answer.headers
            self.body = answer.read().decode()


def test_a_service_answers_below_its_proxy_path(demo: Sim, space: str, proxy: int) -> None:
    base = f"/api/v1/namespaces/{space}/services/web:http/proxy"
    seen = json.loads(Reply(proxy, f"{base}/headers", Authorization="Bearer own").body)
    assert seen["X-Forwarded-For"] == "127.0.0.1, 127.0.0.1"
    assert seen["X-Forwarded-Uri"] == f"{base}/headers"
    assert "Authorization" not in seen
    moved = Reply(proxy, f"{base}/redirect")
    assert (moved.status, moved.headers["Location"]) == (302, f"{base}/html")
    assert f'href="{base}/headers"' in Reply(proxy, f"{base}/html").body
    assert Reply(proxy, base).headers["Location"] == f"{base}/"
    lost = Reply(proxy, f"/api/v1/namespaces/{space}/services/web/proxy/")
    assert lost.status == 503
    assert json.loads(lost.body)["message"] == 'no endpoints available for service "web"'


def test_get_raw_reads_a_pod_through_the_api_server(demo: Sim, space: str) -> None:
    name = objects(demo, "pods", "-n", space, "-l", "app=web")["items"][0]["metadata"]["name"]
    path = f"/api/v1/namespaces/{space}/pods/{name}:8080/proxy/x?y=z"
    text = demo.kubectl("get", "--raw", path).stdout
    assert text.startswith(f"pod={name} path=/x?y=z ")


def gateway_api(space: str) -> str:
    gateway = {
        "apiVersion": f"{GATEWAY}/v1",
        "kind": "Gateway",
        "metadata": {"name": "gw"},
        "spec": {
            "gatewayClassName": "sim",
            "listeners": [{"name": "http", "port": 80, "protocol": "HTTP"}],
        },
    }
    route = {
        "apiVersion": f"{GATEWAY}/v1",
        "kind": "HTTPRoute",
        "metadata": {"name": "web"},
        "spec": {
            "hostnames": ["web.example.com"],
            "parentRefs": [{"name": "gw"}],
            "rules": [{"backendRefs": [{"name": "web", "port": 80}]}],
        },
    }
    grant = {
        "apiVersion": f"{GATEWAY}/v1beta1",
        "kind": "ReferenceGrant",
        "metadata": {"name": "routes"},
        "spec": {
            "from": [{"group": GATEWAY, "kind": "HTTPRoute", "namespace": space}],
            "to": [{"group": "", "kind": "Service"}],
        },
    }
    return json.dumps({"apiVersion": "v1", "kind": "List", "items": [gateway, route, grant]})


def test_the_gateway_api_is_applied_listed_and_given_its_status(demo: Sim, space: str) -> None:
    done = demo.kubectl("apply", "-n", space, "-f", "-", input=gateway_api(space))
    assert done.stdout.count(" created") == 3
    demo.kubectl("wait", "-n", space, "gateway/gw", "--for=condition=Programmed", "--timeout=10s")
    assert rows(demo, "gateways", "-n", space)["gw"][0::2] == ["sim", "True"]
    assert rows(demo, "httproutes", "-n", space)["web"][0] == '["web.example.com"]'
    status = objects(demo, "httproute", "web", "-n", space)["status"]
    conditions = status["parents"][0]["conditions"]
    assert {(c["type"], c["status"]) for c in conditions} == {
        ("Accepted", "True"),
        ("ResolvedRefs", "True"),
    }
    demo.kubectl("delete", "-n", space, "gateways,httproutes,referencegrants", "--all")


def test_an_ingress_of_a_version_that_is_gone_has_no_kind(demo: Sim, space: str) -> None:
    old = '{"apiVersion": "extensions/v1beta1", "kind": "Ingress", "metadata": {"name": "a"}}'
    done = demo.kubectl("apply", "-n", space, "-f", "-", input=old, check=False)
    assert 'no matches for kind "Ingress" in version "extensions/v1beta1"' in done.stderr


def test_followed_logs_show_requests_as_they_come(demo: Sim) -> None:
    address, port = nodes(demo)["node-1"], node_port(demo, "far", "-n", "demo")
    [pod] = objects(demo, "pods", "-n", "demo", "-l", "app=far")["items"]
    address = pod["status"]["hostIP"]
    first = demo.kubectl("logs", "-n", "demo", "deploy/far", "--limit-bytes=6").stdout
    assert first == "probe "
    command = [str(KUBECTL), "logs", "-f", "--tail=1", "-n", "demo", "deploy/far"]
    with subprocess.Popen(command, env=demo.env, stdout=subprocess.PIPE, text=True) as process:
        assert process.stdout is not None
        assert process.stdout.readline()
        fetch(address, port, "/followed")
        assert process.stdout.readline() == "GET /followed from 127.0.0.1\n"
        demo.kubectl("delete", "pod", "-n", "demo", "-l", "app=far", "--now", "--wait=false")
        assert process.wait(timeout=10) == 0
    demo.kubectl("rollout", "status", "-n", "demo", "deploy/far", "--timeout=20s")
