"""Ad-hoc entries that cannot run are refused with the reason."""

from __future__ import annotations

from typing import Any

import msgspec
import pytest

from kfwd.daemon import adhoc
from kfwd.errors import UsageError
from kfwd.model import PortSpec
from tests.daemon.records import forward, wanted


def ports(*pairs: tuple[int, str]) -> tuple[PortSpec, ...]:
    return tuple(PortSpec(local=local, remote=remote) for local, remote in pairs)


@pytest.mark.parametrize(
    ("fields", "says"),
    [
        ({"target": "dog/rex"}, "unknown kind 'dog'"),
        ({"name": "No Good"}, 'bad name "No Good"'),
        ({"ports": ()}, "needs a port"),
        ({"address": ()}, "an address to listen on"),
        ({"ports": ports((70000, "80"))}, "a port is from 1 to 65535, not 70000"),
        ({"ports": ports((-1, "80"))}, "not -1"),
        ({"ports": ports((80, "99999"))}, "99999"),
        ({"ports": ports((80, "no good"))}, "no good"),
        ({"address": ("example.com",)}, 'bad address "example.com"'),
        ({"address": ("unix:/s",), "ports": ports((0, "1"), (0, "2"))}, "exactly one port"),
    ],
)
def test_what_cannot_run_is_refused_by_name(fields: dict[str, Any], says: str) -> None:
    spec = msgspec.structs.replace(forward(), **fields)
    with pytest.raises(UsageError) as caught:
        adhoc.check(spec)
    assert says in caught.value.text


def test_what_can_run_passes() -> None:
    spec = msgspec.structs.replace(
        forward(), ports=ports((8080, "http"), (0, "5432")), address=("127.0.0.1", "::1")
    )
    adhoc.check(spec)


def test_a_listener_that_another_entry_has_is_refused_with_its_name() -> None:
    spec = forward("mine", local=8080)
    with pytest.raises(UsageError, match=r"127\.0\.0\.1:8080 is taken by dev/web") as caught:
        adhoc.refuse_clash(spec, [wanted("other", local=8081), wanted("web", local=8080)])
    assert caught.value.code == "listener-taken"
    assert caught.value.hint == "choose another local port, or 0 for a free one"


def test_free_ports_clash_with_nothing() -> None:
    adhoc.refuse_clash(forward("mine", local=0), [wanted("web", local=0)])


def test_a_name_that_is_taken_comes_with_two_ways_out() -> None:
    hint = adhoc.NameTaken("there is one").hint or ""
    assert "--name" in hint
    assert "kfwd rm" in hint
