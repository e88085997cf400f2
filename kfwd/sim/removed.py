"""Kinds that Kubernetes no longer serves, and what to write instead. Pure."""

from __future__ import annotations

_INGRESS = (
    "{kind} in {version} is not served since Kubernetes 1.22: write apiVersion "
    "networking.k8s.io/v1, give each path a pathType, and replace serviceName and servicePort "
    "by service: {{name: ..., port: {{number: ...}}}}"
)
_OLD_INGRESS = frozenset({"extensions/v1beta1", "networking.k8s.io/v1beta1"})
_KINDS = {"ingresses": "Ingress", "ingressclasses": "IngressClass"}


def sentence(api_version: str, kind: str) -> str | None:
    """What to change in a manifest of a removed kind; None for any other kind.

    `kind` is the kind or its plural.
    """
    kind = _KINDS.get(kind, kind)
    if api_version in _OLD_INGRESS and kind in _KINDS.values():
        return _INGRESS.format(kind=kind, version=api_version)
    return None
