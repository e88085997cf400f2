from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from typing import cast

from kfwd.errors import Forbidden, KfwdError, Unreachable
from kfwd.kube.named import Named
from kfwd.kube.objects import Pod
from kfwd.kube.reflector import Mode, Reflector
from kfwd.kube.subscribers import Subscribers, Wake


class Fake:
    """A reflector that is what a test says."""

    def __init__(self, problem: KfwdError | None = None, mode: Mode = "watch") -> None:
        self.objects: dict[str, Pod] = {}
        self.synced = False
        self.problem = problem
        self.mode = mode
        self.refreshed = 0
        self.users = 0
        self._subscribers = Subscribers()

    def become(self, problem: KfwdError | None, *, synced: bool = True) -> None:
        self.problem, self.synced = problem, synced
        self._subscribers.wake()

    def subscribe(self, wake: Wake) -> object:
        return self._subscribers.add(wake)

    def refresh(self) -> None:
        self.refreshed += 1

    async def ready(self) -> None:
        pass

    @contextmanager
    def lent(self) -> Iterator[Reflector[Pod]]:
        self.users += 1
        yield cast("Reflector[Pod]", self)
        self.users -= 1


class Case:
    def __init__(self, problem: KfwdError | None = None) -> None:
        self.wide, self.narrow = Fake(problem), Fake(mode="watch-name")
        self.named = Named(cast("Reflector[Pod]", self.wide), self.narrow.lent)
        self.wakes = 0
        self.named.subscribe(self._wake)

    def _wake(self) -> None:
        self.wakes += 1


NO = Forbidden("cannot list")


def test_the_namespaces_reflector_is_enough_while_it_works() -> None:
    case = Case()
    case.wide.become(None)
    assert case.named.objects is case.wide.objects
    assert (case.named.synced, case.named.mode) == (True, "watch")
    assert (case.wakes, case.narrow.users) == (1, 0)
    case.wide.become(Unreachable("away"))
    assert isinstance(case.named.problem, Unreachable)
    assert case.narrow.users == 0


def test_where_it_is_forbidden_one_of_the_object_alone_takes_its_place() -> None:
    case = Case()
    case.wide.become(NO, synced=False)
    assert case.narrow.users == 1
    assert case.named.objects is case.narrow.objects
    case.narrow.become(None)
    assert (case.named.synced, case.named.problem, case.named.mode) == (True, None, "watch-name")
    assert case.wakes == 1


def test_it_may_be_forbidden_from_the_start() -> None:
    assert Case(NO).narrow.users == 1


def test_other_troubles_of_the_namespace_do_not_end_the_replacement() -> None:
    case = Case(NO)
    case.wide.become(Unreachable("away"), synced=False)
    assert case.narrow.users == 1


def test_once_the_namespace_is_allowed_the_replacement_goes() -> None:
    case = Case(NO)
    case.wide.become(None)
    assert case.narrow.users == 0
    assert case.named.objects is case.wide.objects
    assert case.wakes == 1
    case.wide.become(NO)
    assert case.narrow.users == 1


def test_a_refresh_goes_to_what_is_shown() -> None:
    case = Case()
    case.named.refresh()
    case.wide.become(NO)
    case.named.refresh()
    assert (case.wide.refreshed, case.narrow.refreshed) == (1, 1)


def test_closing_gives_everything_back() -> None:
    case = Case(NO)
    case.named.close()
    assert case.narrow.users == 0
    case.wide.become(None)
    case.wide.become(NO)
    case.narrow.become(None)
    assert (case.wakes, case.narrow.users) == (0, 0)
