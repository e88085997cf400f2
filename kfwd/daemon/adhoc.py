"""Is an ad-hoc entry one that can run? Pure; profiles check theirs when they are read."""

from __future__ import annotations

from collections.abc import Iterable

from kfwd.errors import UsageError
from kfwd.model import EntrySpec, ForwardSpec, ProxySpec, Wanted
from kfwd.profiles import clash, words
from kfwd.resolve import goregex, target

HIGHEST_PORT = 65535


class NameTaken(UsageError):
    """There is an ad-hoc entry of this name already."""

    code = "name-taken"

    def __init__(self, text: str) -> None:
        super().__init__(text, hint="give it another --name, or `kfwd rm` the one there is first")


def check(spec: EntrySpec) -> None:
    """Raises `UsageError` that names what is wrong."""
    if isinstance(spec, ProxySpec):
        _check_proxy(spec)
    elif isinstance(spec, ForwardSpec):
        target.parse(spec.target)
    if not spec.ports or not spec.address:
        raise UsageError(f"{spec.name} needs a port and an address to listen on")
    if len(spec.ports) > 1 and any(address.startswith("unix:") for address in spec.address):
        raise UsageError("a unix address takes exactly one port")
    try:
        words.name(spec.name)
        for address in spec.address:
            words.address(address)
        for port in spec.ports:
            if port.local > HIGHEST_PORT or port.local < 0:
                raise ValueError(f"a port is from 1 to {HIGHEST_PORT}, not {port.local}")
            if isinstance(spec, ForwardSpec):
                words.port(str(port))
    except ValueError as error:
        raise UsageError(str(error)) from None


def _check_proxy(spec: ProxySpec) -> None:
    if spec.target is not None:
        target.with_port(spec.target)
    flags = spec.flags
    for listed in (
        *(flags.accept_hosts, flags.accept_paths),
        *(flags.reject_paths, flags.reject_methods),
    ):
        goregex.listed(listed)


def refuse_clash(spec: EntrySpec, others: Iterable[Wanted]) -> None:
    """Raises `UsageError` (`listener-taken`) when one of `others` has a listener that `spec` wants.

    The others are all other entries that are up.
    """
    taken = clash.taken((other.profile, each) for other in others for each in listeners(other.spec))
    for fault in clash.between("", listeners(spec), taken):
        hint = "choose another local port, or 0 for a free one"
        raise UsageError(fault.message, code="listener-taken", hint=hint)


def listeners(spec: EntrySpec) -> list[clash.Listener]:
    """Each port in a line of its own, so that each can clash."""
    return [
        listener
        for line, port in enumerate(spec.ports)
        for listener in clash.listeners(spec.name, spec.address, port, line, 0)
    ]
