"""YAML 1.2 core scalars, places of values, and faults that say where they are."""

from __future__ import annotations

import math

import pytest

from kfwd import yamldoc
from kfwd.yamldoc import Fault


def faults(text: str) -> list[Fault]:
    return [fault for document in yamldoc.parse(text) for fault in document.faults]


@pytest.mark.parametrize(
    ("text", "value"),
    [
        ("8080:22", "8080:22"),
        ("22:22", "22:22"),
        ("12:30:45", "12:30:45"),
        ("on", "on"),
        ("no", "no"),
        ("y", "y"),
        ("1_000", "1_000"),
        ("2001-01-01", "2001-01-01"),
        ("=", "="),
        ("0777", 777),
        ("0o17", 15),
        ("0x1F", 31),
        ("-12", -12),
        ("1e3", 1000.0),
        (".5", 0.5),
        ("-.inf", -math.inf),
        ("true", True),
        ("FALSE", False),
        ("~", None),
        ("null", None),
        ("", None),
        ("'8080'", "8080"),
        ('"true"', "true"),
        ("!!str 12", "12"),
        ("!!int '12'", 12),
    ],
)
def test_scalars_follow_the_core_schema(text: str, value: object) -> None:
    assert yamldoc.load(f"k: {text}") == {"k": value}


def test_not_a_number_is_read() -> None:
    assert math.isnan(yamldoc.load(".nan"))


def test_keys_are_strings_as_in_json() -> None:
    assert yamldoc.load("8080: a\ntrue: b\n8080:22: c") == {
        "8080": "a",
        "true": "b",
        "8080:22": "c",
    }


def test_every_document_is_read() -> None:
    assert [d.value for d in yamldoc.parse("a: 1\n---\n---\n- b\n")] == [{"a": 1}, None, ["b"]]


@pytest.mark.parametrize("text", ["", "# only a comment\n", "---\n"])
def test_an_empty_text_is_nothing(text: str) -> None:
    assert yamldoc.load(text) is None


def test_positions_lead_to_values_and_keys() -> None:
    document = yamldoc.parse("a: 1\nforwards:\n  - name: web\n    ports: [x, yy]\n")[0]
    assert document.position(("forwards", 0, "ports", 1)) == (4, 16)
    assert document.key_position(("forwards", 0, "ports")) == (4, 5)
    assert document.position() == (1, 1)


def test_the_position_of_something_missing_is_that_of_what_should_hold_it() -> None:
    document = yamldoc.parse("a: 1\nforwards:\n  - name: web\n")[0]
    assert document.position(("forwards", 0, "target")) == (3, 5)
    assert document.position(("forwards", 7)) == (3, 3)


def test_columns_count_characters() -> None:
    assert yamldoc.parse("ä: {ö: 1, ü: 2}")[0].position(("ä", "ü")) == (1, 14)


def test_all_duplicate_keys_are_reported_and_the_first_value_stays() -> None:
    text = "a: 1\nb: {c: 1, c: 2}\na: 3\n"
    assert faults(text) == [
        Fault(2, 11, 'duplicate key "c" (first in line 2)'),
        Fault(3, 1, 'duplicate key "a" (first in line 1)'),
    ]
    assert yamldoc.parse(text)[0].value == {"a": 1, "b": {"c": 1}}


def test_unknown_tags_and_keys_that_are_no_words_are_faults() -> None:
    assert faults("a: !vault x\nb: !!python/name:os.system x\nc: !set {}\n? [1]\n: 2\n") == [
        Fault(1, 4, "unknown tag !vault"),
        Fault(2, 4, "unknown tag !!python/name:os.system"),
        Fault(3, 4, "unknown tag !set"),
        Fault(4, 3, "a key must be a plain word or a string"),
    ]


def test_a_tag_that_its_text_does_not_fit_is_a_fault() -> None:
    assert faults("a: !!int x") == [Fault(1, 4, '"x" is no int')]


def test_aliases_and_merge_keys_work() -> None:
    text = "base: &b {x: 1, y: 2}\none: {<<: *b, y: 3}\ntwo: {<<: [*b, {z: 4}]}\nsame: *b\n"
    assert yamldoc.load(text) == {
        "base": {"x": 1, "y": 2},
        "one": {"x": 1, "y": 3},
        "two": {"x": 1, "y": 2, "z": 4},
        "same": {"x": 1, "y": 2},
    }


def test_an_alias_bomb_costs_nothing() -> None:
    lines = ["a0: &a0 [x]"] + [
        f"a{n}: &a{n} [{', '.join([f'*a{n - 1}'] * 9)}]" for n in range(1, 40)
    ]
    value = yamldoc.load("\n".join(lines))
    assert value["a39"][0] is value["a39"][8]


def test_an_alias_inside_its_own_value_is_a_fault() -> None:
    assert faults("a: &r [*r]") == [Fault(1, 4, "an alias inside the value it stands for")]


@pytest.mark.parametrize(
    ("text", "place"),
    [
        ("a: [1", (2, 1)),
        ("a: b: c", (1, 5)),
        ("a:\n\tb: 1", (2, 1)),
        ("a: *nowhere", (1, 4)),
        ("ok: 1\nk: \x07", (2, 4)),
        ("ok: 1\nk: \ud800", (2, 4)),
    ],
)
def test_a_syntax_fault_has_a_place(text: str, place: tuple[int, int]) -> None:
    (fault,) = faults(text)
    assert (fault.line, fault.column) == place


def test_documents_before_a_syntax_fault_are_kept() -> None:
    documents = yamldoc.parse("a: 1\n---\nb: c: d\n")
    assert [d.faults == [] for d in documents] == [True, False]


@pytest.mark.parametrize("text", ["[" * 100_000, "- " * 100_000, "{a: " * 5_000])
def test_nesting_has_a_bound(text: str) -> None:
    assert faults(text) == [Fault(1, 1, "nested more than 200 levels deep")]


def test_load_raises_the_first_fault_with_its_place() -> None:
    with pytest.raises(ValueError, match=r'^2:1: duplicate key "a" \(first in line 1\)$'):
        yamldoc.load("a: 1\na: 2\n---\n- !x 1\n")
