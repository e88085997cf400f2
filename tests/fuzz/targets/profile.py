"""A profile's text: a profile or faults with places; what is valid can be added to and compared."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import msgspec

from kfwd.errors import KfwdError
from kfwd.model import ForwardSpec, PortSpec, ProfileSpec
from kfwd.profiles import edit
from kfwd.profiles.parse import parse
from kfwd.resolve import target

EXAMPLES = Path(__file__).parents[3] / "config" / "examples"
NEW = ForwardSpec(name="zz", target="sts/db", ports=(PortSpec(local=0, remote="5432"),))


def seeds() -> Iterator[bytes]:
    for path in sorted(EXAMPLES.glob("*.yaml")):
        if b"apiVersion:" not in path.read_bytes():
            yield path.read_bytes()
    yield b"forwards: [{name: a, target: 'app in (web,api)', ports: 80}]\n"
    yield b"a: &x {name: web}\nforwards:\n- <<: *x\n  target: pod/a\n  ports: [':0x50', '1:http']\n"


def check(data: bytes) -> bool:
    text = data.decode("utf-8", "replace")
    parsed = parse(text, "dev")
    assert (parsed.spec is None) == bool(parsed.faults)
    assert all(fault.line >= 1 and fault.column >= 1 for fault in parsed.faults)
    if parsed.spec is not None:
        valid(text, parsed.spec)
    return True


def valid(text: str, spec: ProfileSpec) -> None:
    again = msgspec.json.decode(msgspec.json.encode(spec), type=ProfileSpec)
    assert again == spec
    for entry in spec.entries:
        assert all(0 <= port.local <= 65535 for port in entry.ports)
        if isinstance(entry, ForwardSpec):
            target.parse(entry.target)
    try:
        longer = parse(edit.append_forward(text, "dev", NEW), "dev").spec
    except KfwdError:
        return
    assert longer is not None
    assert set(longer.entries) == {*spec.entries, NEW}
