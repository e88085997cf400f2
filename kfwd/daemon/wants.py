"""From what is saved to what should run, and what a change of it means, in words. Pure."""

from __future__ import annotations

from collections.abc import Collection, Iterator, Mapping

import msgspec

from kfwd.api_model import Plan, PlanItem
from kfwd.daemon.reconcile import diff
from kfwd.daemon.state import Saved, UpProfile
from kfwd.model import EntrySpec, ForwardSpec, GatewaySpec, ProxySpec, Wanted


def wanted(saved: Saved, attached: Mapping[str, Wanted]) -> dict[str, Wanted]:
    """Everything that should run, by id: profiles, ad-hoc entries, and those of a process."""
    entries = [
        *(entry for name in sorted(saved.profiles) for entry in _of_profile(saved.profiles[name])),
        *saved.adhoc.values(),
        *attached.values(),
    ]
    return {entry.id: _paused(entry, entry.id in saved.paused) for entry in entries}


def _of_profile(up: UpProfile) -> Iterator[Wanted]:
    """The entries of a profile that is up."""
    for spec in up.spec.entries:
        yield Wanted(
            profile=up.spec.name, spec=spec, context=up.current, namespace=up.spec.namespace
        )


def _paused(entry: Wanted, paused: bool) -> Wanted:
    return msgspec.structs.replace(entry, paused=paused) if paused else entry


def plan(
    profiles: Collection[str], before: Mapping[str, Wanted], after: Mapping[str, Wanted]
) -> Plan:
    """What going from `before` to `after` does to each entry: stops, then starts and changes."""
    steps = diff(before, after)
    changed = set(steps.changed)
    stops = [
        PlanItem(id=id, action="stop", text=describe(before[id]))
        for id in steps.stop
        if id not in changed
    ]
    starts = [
        PlanItem(id=entry.id, action="change", text=difference(before[entry.id], entry))
        if entry.id in changed
        else PlanItem(id=entry.id, action="start", text=describe(entry))
        for entry in steps.start
    ]
    leaves = [PlanItem(id=id, action="leave", text=describe(after[id])) for id in steps.keep]
    return Plan(profiles=tuple(profiles), items=(*stops, *starts, *leaves))


def plan_of(
    profiles: Collection[str], before: Mapping[str, Wanted], after: Mapping[str, Wanted]
) -> Plan:
    """As `plan`, of the entries of these profiles alone."""
    old = {id: each for id, each in before.items() if each.profile in profiles}
    new = {id: each for id, each in after.items() if each.profile in profiles}
    return plan(profiles, old, new)


def describe(entry: Wanted) -> str:
    """What an entry is: `svc/web 8080:http in dev`."""
    return f"{_what(entry.spec)} in {entry.context.name}"


def _what(spec: EntrySpec) -> str:
    if isinstance(spec, ForwardSpec):
        return f"{spec.target} {_ports(spec)}"
    port = spec.port or "of its own"
    if isinstance(spec, GatewaySpec):
        return f"the gateway on port {port}"
    return f"{spec.target or 'the API'} on port {port}"


def _ports(spec: EntrySpec) -> str:
    return " ".join(str(port) for port in spec.ports)


def difference(old: Wanted, new: Wanted) -> str:
    """What changes: `target svc/web -> svc/web2, ports 8080:http -> 8081:http`."""
    pairs: list[tuple[str, object, object]] = [("context", old.context.name, new.context.name)]
    pairs.append(
        ("namespace", old.spec.namespace or old.namespace, new.spec.namespace or new.namespace)
    )
    pairs += _fields(old.spec, new.spec)
    pairs.append(("paused", old.paused, new.paused))
    found = [f"{what} {_shown(a)} -> {_shown(b)}" for what, a, b in pairs if a != b]
    return ", ".join(found) or "kubeconfig"


def _fields(old: EntrySpec, new: EntrySpec) -> list[tuple[str, object, object]]:
    """What the two have in common by name; a forward may become a proxy."""
    pairs: list[tuple[str, object, object]] = [("kind", _kind(old), _kind(new))]
    pairs.append(("ports", _ports(old), _ports(new)))
    names = [name for name in old.__struct_fields__ if name in new.__struct_fields__]
    skipped = {"name", "namespace", "ports", "port", "flags"}
    pairs += [(n, getattr(old, n), getattr(new, n)) for n in names if n not in skipped]
    if isinstance(old, ProxySpec) and isinstance(new, ProxySpec):
        pairs += [
            (name.replace("_", "-"), getattr(old.flags, name), getattr(new.flags, name))
            for name in old.flags.__struct_fields__
        ]
    return pairs


def _kind(spec: EntrySpec) -> str:
    return str(spec.__struct_config__.tag)


def _shown(value: object) -> str:
    return ",".join(value) if isinstance(value, tuple) else str(value)
