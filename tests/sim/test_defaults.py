from __future__ import annotations

from kfwd.sim import defaults
from tests.sim.builders import deployment, pod, service


def test_a_pod_gets_the_fields_clients_rely_on() -> None:
    found = pod("a")
    defaults.fill("pods", found)
    assert found["status"]["phase"] == "Pending"
    assert found["spec"]["restartPolicy"] == "Always"
    assert found["spec"]["terminationGracePeriodSeconds"] == 30
    assert found["spec"]["containers"][0]["ports"][0]["protocol"] == "TCP"


def test_on_the_host_network_a_container_port_is_a_host_port() -> None:
    found = pod("a", hostNetwork=True)
    defaults.fill("pods", found)
    assert found["spec"]["containers"][0]["ports"][0]["hostPort"] == 8080


def test_a_deployment_rolls_a_quarter_at_a_time() -> None:
    found = deployment("web", 3)
    defaults.fill("deployments", found)
    assert found["spec"]["strategy"] == {
        "type": "RollingUpdate",
        "rollingUpdate": {"maxSurge": "25%", "maxUnavailable": "25%"},
    }
    probe = found["spec"]["template"]["spec"]["containers"][0]["readinessProbe"]
    assert (probe["periodSeconds"], probe["timeoutSeconds"]) == (1, 1)


def test_a_service_port_leads_to_the_same_port_unless_it_says_otherwise() -> None:
    found = service("web", {"http": 80})
    found["spec"]["ports"].append({"port": 81})
    defaults.fill("services", found)
    assert [p["targetPort"] for p in found["spec"]["ports"]] == ["http", 81]
    assert found["spec"]["type"] == "ClusterIP"


def test_what_is_set_stays_and_a_change_keeps_the_status() -> None:
    found = deployment("web", 5)
    found["status"] = {"replicas": 5}
    defaults.refill("deployments", found)
    assert found["spec"]["replicas"] == 5
    assert found["status"] == {"replicas": 5}
    space = {"metadata": {"name": "x"}, "status": {"phase": "Terminating"}}
    defaults.refill("namespaces", space)
    assert space["status"] == {"phase": "Terminating"}


def test_plain_storage_is_left_as_it_is() -> None:
    found = {"metadata": {"name": "x"}, "data": {"a": "b"}}
    defaults.fill("configmaps", found)
    assert found == {"metadata": {"name": "x"}, "data": {"a": "b"}}
