from __future__ import annotations

import pytest

from kfwd.sim import removed


@pytest.mark.parametrize("version", ["extensions/v1beta1", "networking.k8s.io/v1beta1"])
@pytest.mark.parametrize("kind", ["Ingress", "ingresses"])
def test_an_old_ingress_is_told_what_to_change(version: str, kind: str) -> None:
    text = removed.sentence(version, kind)
    assert text is not None
    assert text.startswith(f"Ingress in {version} is not served since Kubernetes 1.22")
    assert "networking.k8s.io/v1," in text
    assert "pathType" in text
    assert "service: {name: ..., port: {number: ...}}" in text


def test_other_kinds_have_no_such_sentence() -> None:
    assert removed.sentence("networking.k8s.io/v1", "Ingress") is None
    assert removed.sentence("extensions/v1beta1", "Deployment") is None
