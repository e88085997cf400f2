"""A profile's text -> `ProfileSpec`, or every fault in it at once, each with its place. Pure."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any, TypeVar

from msgspec import Struct

from kfwd import yamldoc
from kfwd.model import ForwardSpec, GatewaySpec, ProfileSpec, ProxyFlags, ProxySpec
from kfwd.profiles import clash, keys, words
from kfwd.profiles.clash import Listener
from kfwd.profiles.gateway_keys import GATEWAY, GATEWAY_KEY
from kfwd.profiles.gateway_keys import NAME as GATEWAY_NAME
from kfwd.profiles.proxy_keys import FLAGS, PROXIES, PROXY, WITH_TARGET
from kfwd.yamldoc import Document, Fault, Path

T = TypeVar("T")


class Parsed(Struct, frozen=True, kw_only=True):
    """What a text says. `spec` is None exactly when there are `faults`."""

    name: str
    spec: ProfileSpec | None
    faults: tuple[Fault, ...]
    listeners: tuple[Listener, ...] = ()


def parse(text: str, name: str) -> Parsed:
    """Read the profile called `name`. An empty text is a fault: an editor may be about to write."""
    documents = yamldoc.parse(text)
    if not documents or (documents[0].value is None and not documents[0].faults):
        return Parsed(name=name, spec=None, faults=(Fault(1, 1, "the profile is empty"),))
    reader = _Reader(documents[0])
    if documents[1:]:
        reader.faults.append(Fault(*documents[1].position(), "a profile is a single document"))
    profile = reader.profile(name)
    reader.faults += clash.inside(reader.listeners)
    faults = tuple(yamldoc.sorted_faults(reader.faults))
    return Parsed(
        name=name,
        spec=None if faults else profile,
        faults=faults,
        listeners=tuple(reader.listeners),
    )


class _Reader:
    """Reads one document and collects faults on the way."""

    def __init__(self, document: Document) -> None:
        self._document = document
        self.faults = list(document.faults)
        self.listeners: list[Listener] = []
        self._first_line: dict[str, int] = {}

    def profile(self, name: str) -> ProfileSpec | None:
        value = self._document.value
        if not isinstance(value, dict):
            if not self.faults:
                self._fault((), "a profile is a mapping of keys such as forwards")
            return None
        also = (keys.FORWARDS, PROXIES, GATEWAY_KEY)
        read = self._fields((), value, keys.PROFILE, also=also)
        forwards = self._listed(keys.FORWARDS, value, self._forward)
        proxies = self._listed(PROXIES, value, self._proxy)
        wanted = value.get(GATEWAY_KEY)
        gateways = [] if wanted is None else [self._gateway(wanted)]
        read.pop("version", None)
        return ProfileSpec(name=name, entries=(*forwards, *proxies, *gateways), **read)

    def _listed(
        self, key: str, profile: Mapping[str, Any], read: Callable[[Path, Any], T | None]
    ) -> list[T]:
        """The entries under one key of the profile."""
        value = profile.get(key)
        if value is None:
            return []
        if not isinstance(value, list):
            self._fault((key,), f"expected a list of {key}")
            return []
        found = [read((key, index), item) for index, item in enumerate(value)]
        return [entry for entry in found if entry is not None]

    def _proxy(self, path: Path, value: Any) -> ProxySpec | None:
        if not isinstance(value, dict):
            self._fault(path, "expected a proxy: a mapping with name and listen")
            return None
        read = self._fields(path, value, PROXY)
        if "name" in read:
            self._note_name((*path, "name"), read["name"])
        if "target" in value:
            for key in (key for key in FLAGS if key in value and key not in WITH_TARGET):
                self._key_fault((*path, key), f'"{key}" is for proxies without a target')
        if "name" not in read:
            return None
        proxy = _proxy_spec(read)
        self._note_listener(path, value, proxy)
        return proxy

    def _gateway(self, value: Any) -> GatewaySpec:
        path: Path = (GATEWAY_KEY,)
        if not isinstance(value, dict):
            self._fault(path, "expected a mapping with listen")
            return GatewaySpec()
        read = self._fields(path, value, GATEWAY)
        self._note_name(path, GATEWAY_NAME)
        gateway = GatewaySpec(name=GATEWAY_NAME, **_fields_of(_listening(read)))
        self._note_listener(path, value, gateway)
        return gateway

    def _note_listener(
        self, path: Path, value: Mapping[str, Any], spec: ProxySpec | GatewaySpec
    ) -> None:
        place = (*path, "listen") if "listen" in value else path
        line, column = self._document.position(place)
        for port in spec.ports:
            self.listeners += clash.listeners(spec.name, spec.address, port, line, column)

    def _forward(self, path: Path, value: Any) -> ForwardSpec | None:
        if not isinstance(value, dict):
            self._fault(path, "expected a forward: a mapping with name, target and ports")
            return None
        read = self._fields(path, value, keys.FORWARD)
        if "name" in read:
            self._note_name((*path, "name"), read["name"])
        if "hold" in read:
            read["hold_s"] = read.pop("hold")
        if any(key.required and name not in read for name, key in keys.FORWARD.items()):
            return None
        forward = ForwardSpec(**read)
        self._note_listeners(path, value, forward)
        return forward

    def _note_name(self, path: Path, name: str) -> None:
        line = self._document.position(path)[0]
        if name in self._first_line:
            self._fault(path, f'duplicate name "{name}" (first in line {self._first_line[name]})')
        self._first_line.setdefault(name, line)

    def _note_listeners(self, path: Path, value: Any, forward: ForwardSpec) -> None:
        if len(forward.ports) > 1 and any(a.startswith("unix:") for a in forward.address):
            self._fault((*path, "ports"), "a unix address takes exactly one port")
            return
        listed = isinstance(value["ports"], list)
        for index, port in enumerate(forward.ports):
            place = (*path, "ports", index) if listed else (*path, "ports")
            line, column = self._document.position(place)
            self.listeners += clash.listeners(forward.name, forward.address, port, line, column)

    def _fields(
        self,
        path: Path,
        value: Mapping[str, Any],
        known: Mapping[str, keys.Key],
        also: tuple[str, ...] = (),
    ) -> dict[str, Any]:
        """The values that can be read, by key. Unknown, missing and bad ones become faults."""
        for name in value:
            if name not in known and name not in also:
                guess = words.guess(name, [*known, *also])
                self._key_fault((*path, name), f'unknown key "{name}"{guess}')
        read = {}
        for name, key in known.items():
            if name not in value:
                if key.required:
                    self._fault(path, f'missing key "{name}"')
            elif (found := self._value((*path, name), value[name], key)) is not None:
                read[name] = found
        return read

    def _value(self, path: Path, value: Any, key: keys.Key) -> Any:
        if not key.many:
            return self._read(path, value, key)
        items = value if isinstance(value, list) else [value]
        places = [(*path, n) if isinstance(value, list) else path for n in range(len(items))]
        found = [self._read(p, item, key) for p, item in zip(places, items, strict=True)]
        if not found:
            self._fault(path, "expected at least one")
        return tuple(found) if found and None not in found else None

    def _read(self, path: Path, value: Any, key: keys.Key) -> Any:
        try:
            return key.read(value)
        except ValueError as error:
            self._fault(path, str(error))
            return None

    def _fault(self, path: Path, message: str) -> None:
        self.faults.append(Fault(*self._document.position(path), message))

    def _key_fault(self, path: Path, message: str) -> None:
        self.faults.append(Fault(*self._document.key_position(path), message))


def _proxy_spec(read: dict[str, Any]) -> ProxySpec:
    """The proxy that its values, by key, describe."""
    flags = {key: read.pop(key) for key in FLAGS if key in read}
    if "keepalive" in flags:
        flags["keepalive_s"] = flags.pop("keepalive")
    if "hold" in read:
        read["hold_s"] = read.pop("hold")
    return ProxySpec(flags=ProxyFlags(**_fields_of(flags)), **_fields_of(_listening(read)))


def _listening(read: dict[str, Any]) -> dict[str, Any]:
    """With `listen` as the two fields it is."""
    if "listen" not in read:
        return read
    address, port = read["listen"]
    rest = {key: value for key, value in read.items() if key != "listen"}
    return {**rest, "address": (address,), "port": port}


def _fields_of(read: Mapping[str, Any]) -> dict[str, Any]:
    """Keys as the fields they are: `allow-users` is `allow_users`."""
    return {key.replace("-", "_"): value for key, value in read.items()}
