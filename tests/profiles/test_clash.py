"""Which listeners cannot stand side by side."""

from __future__ import annotations

import pytest

from kfwd.model import PortSpec
from kfwd.profiles import clash
from kfwd.profiles.clash import Listener


def made(entry: str, *addresses: str, local: int = 8080, line: int = 1) -> list[Listener]:
    return clash.listeners(entry, addresses, PortSpec(local=local, remote="80"), line, 1)


def test_localhost_is_both_families() -> None:
    assert [str(one) for one in made("a", "localhost", "::1")] == ["127.0.0.1:8080", "[::1]:8080"]


@pytest.mark.parametrize(
    ("one", "other"),
    [
        ("127.0.0.1", "127.0.0.1"),
        ("localhost", "::1"),
        ("0.0.0.0", "127.0.0.1"),
        ("127.0.0.1", "0.0.0.0"),
        ("::", "::1"),
        ("unix:/a", "unix:/a"),
    ],
)
def test_these_clash(one: str, other: str) -> None:
    assert len(clash.inside([*made("a", one), *made("b", other, line=2)])) == 1


@pytest.mark.parametrize(
    ("one", "other"),
    [
        ("127.0.0.1", "127.0.0.2"),
        ("127.0.0.1", "::1"),
        ("0.0.0.0", "::1"),
        ("unix:/a", "unix:/b"),
        ("unix:/a", "127.0.0.1"),
    ],
)
def test_these_do_not_clash(one: str, other: str) -> None:
    assert clash.inside([*made("a", one), *made("b", other, line=2)]) == []


def test_free_local_ports_never_clash() -> None:
    assert made("a", "localhost", local=0) == []


def test_a_clash_with_another_profile_names_its_entry() -> None:
    taken = clash.taken(("other", listener) for listener in made("web", "localhost"))
    (fault,) = clash.between("mine", made("a", "127.0.0.1", line=7), taken)
    assert clash.between("other", made("a", "127.0.0.1", line=7), taken) == []
    assert str(fault) == "7:1: 127.0.0.1:8080 is taken by other/web"


def test_one_fault_a_port_however_many_addresses_it_has() -> None:
    assert len(clash.inside([*made("a", "localhost"), *made("b", "localhost", line=2)])) == 1
