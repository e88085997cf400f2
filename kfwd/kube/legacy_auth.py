"""Auth providers of old kubeconfigs, through the official client: the one module that imports it.

kubectl dropped them in 1.26 for login plugins; the official client still knows `gcp`.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import cast

from kfwd.errors import LoginNeeded
from kfwd.kube.grant import Grant
from kfwd.kube.kubeconfig import Context

REPLACEMENTS = {
    "gcp": "gke-gcloud-auth-plugin; run: gcloud container clusters get-credentials",
    "azure": "kubelogin; run: kubelogin convert-kubeconfig",
}


def fetch(context: Context) -> Grant:
    """The token of the context's auth provider. Blocks, possibly on the network.

    Raises `LoginNeeded` `auth-provider-failed`, naming what replaces the provider.
    """
    provider = context.user.auth_provider
    assert provider is not None
    try:
        token = _token(context)
    except Exception as error:  # whatever the client and the cloud's own library raise
        raise _failed(provider.name, type(error).__name__) from None
    if token is None:
        raise _failed(provider.name, "it gave no token")
    return Grant(token=token)


def _token(context: Context) -> str | None:
    from kubernetes.client import Configuration
    from kubernetes.config import load_kube_config_from_dict

    provider = context.user.auth_provider
    assert provider is not None
    user = {"auth-provider": {"name": provider.name, "config": dict(provider.config)}}
    document = {
        "current-context": "it",
        "clusters": [{"name": "it", "cluster": {"server": context.cluster.server}}],
        "contexts": [{"name": "it", "context": {"cluster": "it", "user": "it"}}],
        "users": [{"name": "it", "user": user}],
    }
    configuration = Configuration()
    load = cast("Callable[..., None]", load_kube_config_from_dict)  # it has no types
    load(document, client_configuration=configuration, persist_config=False)
    header: str | None = configuration.api_key.get("BearerToken")
    return header.removeprefix("Bearer ") if header else None


def _failed(name: str, reason: str) -> LoginNeeded:
    return LoginNeeded(
        f'the auth provider "{name}" gave no credential: {reason}',
        code="auth-provider-failed",
        hint=f"it is replaced by {REPLACEMENTS.get(name, 'a login plugin (exec)')}",
    )
