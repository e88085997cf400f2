from __future__ import annotations

import pytest

from kfwd import yamldoc
from kfwd.resolve.ingress_legacy import complaint

FANOUT = """
apiVersion: extensions/v1beta1
kind: Ingress
metadata:
  name: simple-fanout-example
  annotations:
    nginx.ingress.kubernetes.io/rewrite-target: /
spec:
  rules:
  - host: foo.bar.com
    http:
      paths:
      - path: /foo
        backend:
          serviceName: service1
          servicePort: 4200
      - path: /bar
        backend:
          serviceName: service2
          servicePort: http
"""

TODAY = """
apiVersion: networking.k8s.io/v1
kind: Ingress
metadata: {name: x}
spec:
  defaultBackend: {service: {name: rest, port: {number: 80}}}
  rules:
  - host: foo.bar.com
    http:
      paths:
      - {path: /foo, pathType: Prefix, backend: {service: {name: a, port: {number: 80}}}}
"""


def test_the_form_of_the_old_documents_is_told_what_to_write() -> None:
    error = complaint(yamldoc.load(FANOUT))
    assert error is not None
    assert error.code == "ingress-form-gone"
    assert error.text == (
        "ingress simple-fanout-example is written for extensions/v1beta1, "
        "which Kubernetes 1.22 removed"
    )
    assert error.hint == (
        "write apiVersion: networking.k8s.io/v1; "
        "backend: {service: {name: service1, port: {number: 4200}}} for the backend of path /foo; "
        "pathType: ImplementationSpecific of path /foo; "
        "backend: {service: {name: service2, port: {name: http}}} for the backend of path /bar; "
        "pathType: ImplementationSpecific of path /bar"
    )


@pytest.mark.parametrize(
    ("change", "hint"),
    [
        (("networking.k8s.io/v1", "networking.k8s.io/v1beta1"), "write apiVersion: networking"),
        (("networking.k8s.io/v1", "extensions/v1beta1"), "write apiVersion: networking"),
        (("pathType: Prefix, ", ""), "write pathType: ImplementationSpecific of path /foo"),
        (("pathType: Prefix", "pathType: prefix"), "write pathType:"),
        (
            ("{service: {name: a, port: {number: 80}}}", "{serviceName: a, servicePort: 80}"),
            "write backend: {service: {name: a, port: {number: 80}}} for the backend of path /foo",
        ),
        (
            ("{service: {name: a, port: {number: 80}}}", '{serviceName: a, servicePort: "80"}'),
            "write backend: {service: {name: a, port: {number: 80}}}",
        ),
        (
            (
                "defaultBackend: {service: {name: rest, port: {number: 80}}}",
                "backend: {serviceName: r}",
            ),
            "write spec.defaultBackend: {service: {name: r, port: {name: PORT}}} for spec.backend",
        ),
    ],
)
def test_each_piece_of_the_old_form_is_recognised(change: tuple[str, str], hint: str) -> None:
    assert change[0] in TODAY
    error = complaint(yamldoc.load(TODAY.replace(*change, 1)))
    assert error is not None
    assert (error.hint or "").startswith(hint)


def test_the_annotation_of_the_class_is_mentioned_but_is_no_fault_alone() -> None:
    annotated = "{name: x, annotations: {kubernetes.io/ingress.class: nginx}}"
    assert complaint(yamldoc.load(TODAY.replace("{name: x}", annotated))) is None
    old = TODAY.replace("{name: x}", annotated).replace(
        "networking.k8s.io/v1", "extensions/v1beta1"
    )
    error = complaint(yamldoc.load(old))
    assert error is not None
    assert error.hint == (
        "write apiVersion: networking.k8s.io/v1; "
        "spec.ingressClassName: nginx for the annotation kubernetes.io/ingress.class"
    )


@pytest.mark.parametrize(
    "document",
    [
        yamldoc.load(TODAY),
        None,
        [],
        "text",
        {"kind": "Deployment", "apiVersion": "extensions/v1beta1"},
        {"kind": "Ingress", "apiVersion": "networking.k8s.io/v1"},
        {"kind": "Ingress", "apiVersion": "networking.k8s.io/v1", "spec": {"rules": ["x", None]}},
    ],
)
def test_there_is_nothing_to_say_of_anything_else(document: object) -> None:
    assert complaint(document) is None
