"""Whether the service that a rule names is there and has the port."""

from __future__ import annotations

from collections.abc import Mapping

from kfwd.kube.objects import Service
from kfwd.resolve import ports, words
from kfwd.resolve.decision import Broken, Services
from kfwd.resolve.facts import Unresolved

_STATUS = {"external-name": 403}
"""An alias of a host outside is no fault of the cluster: a gateway is no way out of it."""


def check(services: Services, namespace: str, name: str, port: str) -> None:
    """Raises `Unresolved` where no connection can come of it. What cannot be read is not checked.

    Codes: `not-found`, `external-name`, and those of `ports.of_service`.
    """
    if services is None:
        return
    service = services.get(f"{namespace}/{name}")
    if service is None:
        raise _missing(services, namespace, name)
    if service.spec.type == "ExternalName":
        outside = service.spec.external_name
        raise Unresolved(
            "external-name", f"svc/{name} is an alias of {outside}, which is not in the cluster"
        )
    _check_port(service, port)


def broken(error: Unresolved, rule: str, notes: tuple[str, ...] = ()) -> Broken:
    """The answer to a request whose rule leads to what `check` refused."""
    return Broken(
        code=error.code,
        reason=f"{rule} leads nowhere: {error.text}",
        hint=error.hint,
        status=_STATUS.get(error.code, 503),
        rule=rule,
        notes=notes,
    )


def _missing(services: Mapping[str, Service], namespace: str, name: str) -> Unresolved:
    known = [key.partition("/")[2] for key in services if key.startswith(f"{namespace}/")]
    text = f"there is no svc/{name} in namespace {namespace}"
    return Unresolved("not-found", text, hint=words.did_you_mean(name, known, "svc"))


def _check_port(service: Service, port: str) -> None:
    if not port:
        raise Unresolved("no-such-port", f"it names no port of svc/{service.name}")
    ports.of_service(service, port)
