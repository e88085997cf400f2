"""What the Ingress objects of a cluster make of a request. Pure.

Host and path are decided by `ingress_table`; a host's own rules hide those of a wider host, as a
server block of nginx does. What no path is for goes to a default backend: the host's own, or that
of the objects without hosts.

`rewrite-target` replaces the whole path, as in ingress-nginx since 0.22, not the part that matched.
With `rewrite-target: /` and the path `/foo`, the requests `/foo`, `/foo/x` and `/foobar` all arrive
as `/`: the path is the regular expression `^/foo`, and the target repeats nothing of what followed.
To keep it, the path must capture it: `/foo(/|$)(.*)` with `rewrite-target: /$2`.
"""

from __future__ import annotations

import re
from urllib.parse import quote

from msgspec.structs import replace

from kfwd.errors import ProtocolError
from kfwd.resolve import backends
from kfwd.resolve.decision import (
    Broken,
    Decision,
    Forward,
    NoRule,
    Redirect,
    Request,
    Services,
    absolute,
    escaped,
)
from kfwd.resolve.facts import Unresolved
from kfwd.resolve.ingress_table import Location, Site, Table
from kfwd.resolve.regex import TooLong
from kfwd.wire import httppath

_CAPTURE = re.compile(r"\$(\d)")
_VARIABLE = re.compile(r"\$[A-Za-z{]")
_ABSOLUTE = re.compile(r"(?:https?|\$scheme)://")


def decide(table: Table, request: Request, services: Services) -> Decision:
    """Where a request goes by the Ingress objects in `table`."""
    site = table.site(request.host)
    if site is None:
        return NoRule(f"no Ingress has a rule for the host {request.host}")
    if site.app_root is not None and request.path.decoded == "/":
        return _to_app_root(site.app_root, request)
    try:
        location = next((lo for lo in site.locations if lo.covers(request.path)), site.default)
    except TooLong as error:
        return Broken(code="path-too-long", reason=str(error), status=414)
    if location is None:
        return _nothing(site, request)
    decision = _served(location, request, services)
    faults = tuple(lo.fault for lo in site.locations if lo.fault)
    return replace(decision, notes=decision.notes + faults)


def _to_app_root(location: Location, request: Request) -> Redirect:
    target = absolute("http", request.authority or request.host, location.options.app_root)
    notes = location.options.notes
    return Redirect(status=302, location=target, rule=location.rule, notes=notes)


def _nothing(site: Site, request: Request) -> NoRule | Broken:
    faults = [lo for lo in site.locations if lo.fault]
    if faults:
        return Broken(code="bad-pattern", reason=faults[0].fault or "", rule=faults[0].rule)
    return NoRule(f"no path of the Ingress rules for {request.host} fits {request.path.decoded}")


def _served(
    location: Location, request: Request, services: Services
) -> Forward | Redirect | Broken:
    """The location's backend, with the path as the location rewrites it."""
    rule, notes = location.rule, _notes(location, request)
    try:
        name, port = _backend(location)
        backends.check(services, location.namespace, name, port)
    except Unresolved as error:
        return backends.broken(error, rule, notes)
    forward = Forward(
        namespace=location.namespace,
        service=name,
        port=port,
        path=request.path.sent,
        query=request.query,
        rule=rule,
        notes=notes,
    )
    if location.pattern is None or not location.options.rewrites(location.path):
        return forward
    return _rewritten(location, request, forward)


def _backend(location: Location) -> tuple[str, str]:
    service = location.backend.service
    if service is None:
        resource = location.backend.resource
        what = f"{resource.kind} {resource.name}" if resource else "nothing"
        raise Unresolved("not-supported", f"its backend is {what}, not a service")
    return service.name, str(service.port)


def _notes(location: Location, request: Request) -> tuple[str, ...]:
    if location.pattern is None or location.path_type == "ImplementationSpecific":
        return location.options.notes
    if location.covers_plainly(request.path):
        return location.options.notes
    return (
        *location.options.notes,
        f"the {location.path_type} path {location.path} is matched as the regular expression "
        f"^{location.pattern.source}, as ingress-nginx does for a host with rewrites",
    )


def _rewritten(
    location: Location, request: Request, forward: Forward
) -> Forward | Redirect | Broken:
    """`rewrite "(?i)PATH" TARGET break;` of nginx: groups are of the decoded path."""
    target, rule = location.options.rewrite_target, location.rule
    if _VARIABLE.search(target.removeprefix("$scheme")):
        what = f"the rewrite-target {target} of {rule} uses a variable of nginx"
        return Broken(code="not-supported", reason=what, rule=rule)
    assert location.pattern is not None
    found = location.pattern.match(request.path.decoded)
    assert found is not None
    text, question, arguments = target.partition("?")
    query = _query(escaped(_expand(arguments, found, escape=True)), question, request.query)
    if _ABSOLUTE.match(text):
        where = _expand(text, found, escape=True).replace("$scheme", "http", 1)
        url = f"{where}?{query}" if query else where
        return Redirect(status=302, location=escaped(url), rule=rule, notes=forward.notes)
    return _with_path(forward, f"/{_expand(text, found).removeprefix('/')}", query)


def _with_path(forward: Forward, path: str, query: str) -> Forward | Broken:
    try:
        return replace(forward, path=httppath.from_decoded(path).sent, query=query)
    except ProtocolError as error:
        what = f"the rewrite-target of {forward.rule} makes a path of it that is refused"
        reason = f"{what}: {error.text}"
        return Broken(code="bad-path", reason=reason, status=400, rule=forward.rule)


def _expand(template: str, found: re.Match[str], *, escape: bool = False) -> str:
    """`$1` to `$9`; a group that is not there or took no part is empty."""

    def value(reference: re.Match[str]) -> str:
        index = int(reference[1])
        text = (found[index] or "") if index <= found.re.groups else ""
        return quote(text, safe="/") if escape else text

    return _CAPTURE.sub(value, template)


def _query(added: str, question: str, own: str) -> str:
    """nginx puts the request's arguments behind the target's, unless the target ends with `?`."""
    if question and (not added or added.endswith("?")):
        return added.removesuffix("?")
    return "&".join(part for part in (added, own) if part)
