"""A forwarder is a process that says where it listens."""

from __future__ import annotations

import os
import sys

import pytest

from kfwd.errors import KfwdError
from kfwd.measure.processes import cpu_s, forwarding, rss_mb

TALKS = "print('Forwarding from 127.0.0.1:1234 -> 80', flush=True)\n"
CHATTY = TALKS + "while True: print('Handling connection for 1234')"
FAILS = "import sys; sys.exit('kfwd: there is no svc/x\\nhint: look')"


def test_its_port_is_read_and_it_ends_with_the_block() -> None:
    with forwarding("kubectl", [sys.executable, "-c", CHATTY], os.environ) as forwarder:
        assert forwarder.port == 1234
        cost, memory = cpu_s(forwarder.pid), rss_mb(forwarder.pid)
    told = sys.platform == "linux"
    assert (cost is not None, memory is not None) == (told, told)
    assert memory is None or memory > 1
    with pytest.raises(ProcessLookupError):
        os.kill(forwarder.pid, 0)


def test_one_that_does_not_come_up_is_quoted() -> None:
    with (
        pytest.raises(KfwdError, match="kfwd port-forward did not come up: there is no svc/x") as e,
        forwarding("kfwd", [sys.executable, "-c", FAILS], os.environ),
    ):
        pass
    assert (e.value.code, e.value.hint) == ("bench-forward-failed", "look")


def test_a_process_that_is_gone_costs_nothing_known() -> None:
    assert (cpu_s(2**22 + 1), rss_mb(2**22 + 1)) == (None, None)
