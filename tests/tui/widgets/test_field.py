"""A field of a dialog."""

from __future__ import annotations

from kfwd.tui.widgets.field import Field


def test_only_the_key_of_help_is_no_text() -> None:
    field = Field()
    assert field.check_consume_key("a", "a")
    assert not field.check_consume_key("question_mark", "?")
