"""What people browse, from objects alone."""

from __future__ import annotations

import msgspec

from kfwd.api_model import ObjectPort
from kfwd.kube.objects import Service, Workload
from kfwd.kube.route_objects import Ingress
from kfwd.resolve import catalog
from kfwd.resolve.catalog import Readiness
from tests.resolve.builders import member, piece, pod


def service(**spec: object) -> Service:
    meta = {"name": "web", "namespace": "shop"}
    return msgspec.convert({"metadata": meta, "spec": spec}, Service)


def workload(status: dict[str, int], **spec: object) -> Workload:
    meta = {"name": "web", "namespace": "shop"}
    return msgspec.convert({"metadata": meta, "spec": spec, "status": status}, Workload)


def test_a_service_has_its_ports_and_what_is_behind_it() -> None:
    ports = [
        {"name": "http", "port": 80, "targetPort": "web"},
        {"name": "dns", "port": 53, "protocol": "UDP", "targetPort": 53},
    ]
    view = catalog.of_service(service(ports=ports), Readiness(2, 3))
    assert (view.key, view.target, view.note) == ("service/shop/web", "svc/web", "")
    assert view.ports == (
        ObjectPort(number=80, name="http", target="web"),
        ObjectPort(number=53, name="dns", protocol="UDP"),
    )
    assert (view.ready, view.total) == (2, 3)


def test_what_kind_of_service_it_is() -> None:
    assert catalog.of_service(service(clusterIP="None"), None).note == "headless"
    assert catalog.of_service(service(type="LoadBalancer"), None).note == "LoadBalancer"
    alias = catalog.of_service(service(type="ExternalName", externalName="x.org"), Readiness())
    assert (alias.note, alias.target, alias.ready) == ("an alias of x.org", None, None)


def test_ready_endpoints_are_counted_once() -> None:
    slices = [
        piece(member("web-0"), member("web-1", ready=False)),
        piece(member("web-0"), member("web-2", ready=None)),
    ]
    assert catalog.readiness(slices) == {"shop/web": Readiness(2, 3)}


def test_a_pod_says_what_ails_it() -> None:
    fine, sick = catalog.of_pod(pod("web-0")), catalog.of_pod(pod("web-1", ready=False, restarts=2))
    assert (fine.ready, fine.note, fine.target) == (1, "", "pod/web-0")
    assert fine.ports == (ObjectPort(number=8080, name="http"),)
    assert (sick.ready, sick.note) == (0, "is running but not ready after 2 restarts")
    going = catalog.of_pod(pod("web-2", deleted=1))
    assert (going.ready, going.note) == (0, "is being deleted")


def test_workloads_count_their_pods_each_in_its_own_way() -> None:
    template = {"spec": {"containers": [{"name": "a", "ports": [{"containerPort": 5432}]}]}}
    deployment = catalog.of_workload(
        "deployment", workload({"readyReplicas": 2}, replicas=3, template=template)
    )
    assert (deployment.target, deployment.ready, deployment.total) == ("deploy/web", 2, 3)
    assert deployment.ports == (ObjectPort(number=5432),)
    daemons = workload({"numberReady": 3, "desiredNumberScheduled": 4})
    assert catalog.of_workload("daemonset", daemons).total == 4
    job = catalog.of_workload("job", workload({"ready": 1}, parallelism=2))
    assert (job.ready, job.total) == (1, 2)
    scaled = catalog.of_workload("statefulset", workload({}, replicas=0))
    assert (scaled.ready, scaled.total) == (0, 0)


def test_an_ingress_says_where_its_rules_lead() -> None:
    def path(path: str, name: str) -> dict[str, object]:
        return {"path": path, "backend": {"service": {"name": name, "port": {"number": 80}}}}

    paths = {"paths": [path("/a", "one"), path("/b", "two")]}
    ingress = msgspec.convert(
        {
            "metadata": {"name": "in", "namespace": "shop"},
            "spec": {
                "defaultBackend": {"resource": {"kind": "Bucket", "name": "files"}},
                "rules": [{"host": "foo.bar.com", "http": paths}, {"http": paths}],
            },
        },
        Ingress,
    )
    view = catalog.of_ingress(ingress)
    assert (view.target, view.ready) == (None, None)
    assert view.note == ("foo.bar.com/a → one:80, foo.bar.com/b → two:80, */a → one:80 and 2 more")
    assert view.leads_to == ("svc/one:80", "svc/two:80")
