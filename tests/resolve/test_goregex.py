from __future__ import annotations

import pytest

from kfwd.errors import UsageError
from kfwd.resolve.goregex import compiled, listed


@pytest.mark.parametrize(
    ("expression", "text", "found"),
    [
        ("^localhost$", "localhost", True),
        ("^localhost$", "localhost\n", False),
        (r"^127\.0\.0\.1$", "127.0.0.1", True),
        (r"^a\$", "a$", True),
        ("^[$]a", "$a", True),
        ("^[[:alpha:]]+$", "abc", True),
        ("^[^[:digit:]x]+$", "a1", False),
        (r"b\z", "ab", True),
        ("exec", "/pods/x/exec/y", True),
        ("(?i)^EXEC$", "exec", True),
    ],
)
def test_expressions_mean_what_they_mean_in_go(expression: str, text: str, found: bool) -> None:
    assert bool(compiled(expression).search(text)) is found


def test_a_list_is_split_at_commas() -> None:
    assert [bool(each.search("b")) for each in listed("^a$,^b$")] == [False, True]


@pytest.mark.parametrize("expression", ["(", "a{2", "[a", "*", "(?P<n"])
def test_what_is_no_expression_is_named(expression: str) -> None:
    if expression == "a{2":
        assert compiled(expression)  # Go takes it literally, as Python does
        return
    with pytest.raises(UsageError, match="is no regular expression") as raised:
        listed(f"^a$,{expression}")
    assert raised.value.code == "bad-regex"
