from __future__ import annotations

import logging
from typing import ClassVar

import pytest

from kfwd.kube.guarded import Guarded


class Login(Guarded, frozen=True, kw_only=True):
    shown: ClassVar[frozenset[str]] = frozenset({"name"})
    name: str
    password: str | None = None
    key: bytes | None = None


def test_only_the_named_fields_are_shown() -> None:
    login = Login(name="ann", password="hunter2")
    assert repr(login) == "Login(name='ann', password='***')"
    assert str([login]) == "[Login(name='ann', password='***')]"
    assert dict(login.__rich_repr__()) == {"name": "ann", "password": "***"}


def test_a_logged_record_keeps_its_secret(caplog: pytest.LogCaptureFixture) -> None:
    logging.getLogger("test").warning("%s %r", *[Login(name="ann", key=b"hunter2")] * 2)
    assert "ann" in caplog.text
    assert "hunter2" not in caplog.text


def test_a_subclass_that_names_nothing_shows_nothing() -> None:
    class Quiet(Guarded, frozen=True):
        token: str

    assert repr(Quiet("hunter2")) == "Quiet(token='***')"
