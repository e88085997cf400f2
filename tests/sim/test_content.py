from __future__ import annotations

from kfwd.sim import content


def test_the_demo_is_what_the_tests_and_the_readme_count_on() -> None:
    found = [(obj["kind"], obj["metadata"]["name"]) for obj in content.demo()]
    assert sorted(found) == [
        ("Deployment", "edge"),
        ("Deployment", "far"),
        ("Deployment", "web"),
        ("Ingress", "far"),
        ("Ingress", "web"),
        ("Pod", "solo"),
        ("Service", "db"),
        ("Service", "edge"),
        ("Service", "empty"),
        ("Service", "far"),
        ("Service", "web"),
        ("StatefulSet", "db"),
    ]
    assert all(
        obj["metadata"]["labels"] == {"app": obj["metadata"]["name"]} for obj in content.demo()
    )


def test_the_web_service_leads_to_named_ports() -> None:
    web = content.service("web", content.SERVED)
    ports = {p["name"]: (p["port"], p["targetPort"]) for p in web["spec"]["ports"]}
    assert ports["http"] == (80, "http")
    assert ports["sha-counted"] == (9006, "sha-counted")
    assert set(ports) <= set(content.PORTS)


def test_the_probe_sleeps_before_it_stops_and_takes_any_image() -> None:
    container = content.probe_spec("registry/probe:1")["containers"][0]
    assert container["image"] == "registry/probe:1"
    assert container["imagePullPolicy"] == "IfNotPresent"
    assert container["lifecycle"]["preStop"]["sleep"]["seconds"] == 2


def test_port_names_are_valid_in_kubernetes() -> None:
    assert all(len(name) <= 15 for name in content.PORTS)


def test_nodes_are_ready_and_lie_in_127_8() -> None:
    found = content.node("node-1", "127.0.0.11", "now")["status"]
    assert found["conditions"][0]["status"] == "True"
    assert found["addresses"][0] == {"type": "InternalIP", "address": "127.0.0.11"}


def test_web_can_be_reached_in_every_way() -> None:
    service, deployment, ingress = content.web()
    assert service["spec"]["type"] == "LoadBalancer"
    assert deployment["spec"]["replicas"] == 3
    [container] = deployment["spec"]["template"]["spec"]["containers"]
    held = {p["name"]: p["hostPort"] for p in container["ports"] if "hostPort" in p}
    assert held == {"http": content.WEB_HOST_PORT}
    [rule] = ingress["spec"]["rules"]
    assert (rule["host"], rule["http"]["paths"][0]["path"]) == ("foo.bar.com", "/foo")


def test_what_a_test_makes_for_itself_has_no_host_ports() -> None:
    """Four nodes would hold four replicas of it at most."""
    [container] = content.deployment("web", 9)["spec"]["template"]["spec"]["containers"]
    assert not any("hostPort" in port for port in container["ports"])
