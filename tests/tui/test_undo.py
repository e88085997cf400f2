"""Taking the last thing back."""

from __future__ import annotations

from kfwd.api_model import EntryRequest
from kfwd.model import ForwardSpec, PortSpec, PortView, ProxySpec
from kfwd.tui.undo import KEPT_S, Undo, as_it_was
from tests.standin import entry


class Clock:
    now = 0.0

    def __call__(self) -> float:
        return self.now


def test_it_is_taken_back_once() -> None:
    undo, done = Undo(), list[str]()
    assert not undo.take()
    undo.offer(lambda: done.append("first"))
    undo.offer(lambda: done.append("second"))
    assert (undo.take(), undo.take(), done) == (True, False, ["second"])


def test_after_a_while_it_is_too_late() -> None:
    clock, done = Clock(), list[str]()
    undo = Undo(clock)
    undo.offer(lambda: done.append("x"))
    clock.now = KEPT_S
    assert not undo
    assert (undo.take(), done) == (False, [])


def listening(*addresses: str) -> PortView:
    return PortView(listen=addresses, remote="http", port=80)


def test_a_free_port_is_asked_for_by_its_number() -> None:
    ports = (PortSpec(local=0, remote="http"), PortSpec(local=81, remote="81"))
    spec = ForwardSpec(name="web", target="svc/web", ports=ports)
    had = entry("-/web", ports=(listening("127.0.0.1:4711", "[::1]:4711"), listening()))
    again = as_it_was(EntryRequest(spec=spec, kubeconfig=()), had)
    assert [port.local for port in again.spec.ports] == [4711, 81]


def test_a_proxy_has_one_port() -> None:
    request = EntryRequest(spec=ProxySpec(name="api", port=0), kubeconfig=())
    again = as_it_was(request, entry("-/api", ports=(listening("127.0.0.1:4712"),)))
    assert again.spec.ports[0].local == 4712


def test_what_listens_on_no_port_stays_as_asked() -> None:
    spec = ForwardSpec(name="w", target="svc/w", ports=(PortSpec(local=0, remote="1"),))
    request = EntryRequest(spec=spec, kubeconfig=())
    assert as_it_was(request, entry("-/w", ports=())) == request
    assert as_it_was(request, entry("-/w", ports=(listening("unix:/run/w"),))) == request
