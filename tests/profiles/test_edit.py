"""A forward is added to a file and everything else in it stays as it was."""

from __future__ import annotations

import pytest

from kfwd.errors import ProfileInvalid, UsageError
from kfwd.model import ForwardSpec, PortSpec
from kfwd.profiles import edit
from kfwd.profiles.parse import parse

DB = ForwardSpec(name="db", target="sts/db", ports=(PortSpec(local=0, remote="5432"),))
ITEM = '- name: db\n{0}  target: sts/db\n{0}  ports: [":5432"]\n'


@pytest.mark.parametrize(
    ("before", "after"),
    [
        ("version: 1\n", "version: 1\nforwards:\n  " + ITEM.format("  ")),
        ("version: 1", "version: 1\nforwards:\n  " + ITEM.format("  ")),
        (
            "forwards:  # mine\nnamespace: a\n",
            "forwards:  # mine\n  " + ITEM.format("  ") + "namespace: a\n",
        ),
        (
            "forwards: []  # none\nnamespace: a\n",
            'forwards: [{name: db, target: sts/db, ports: [":5432"]}]  # none\nnamespace: a\n',
        ),
        (
            "forwards:\n- name: a  # first\n  target: pod/a\n  ports: 80  # last\n"
            "# end\nenabled: true\n",
            "forwards:\n- name: a  # first\n  target: pod/a\n  ports: 80  # last\n"
            + ITEM.format("")
            + "# end\nenabled: true\n",
        ),
        (
            "forwards:\n    -   name: a\n        target: pod/a\n        ports:\n        - 80\n"
            "\n\n# end\n",
            "forwards:\n    -   name: a\n        target: pod/a\n        ports:\n        - 80\n    "
            + ITEM.format("    ")
            + "\n\n# end\n",
        ),
        (
            "forwards: [\n  {name: a, target: pod/a, ports: 80},  # x\n]\n",
            "forwards: [\n  {name: a, target: pod/a, ports: 80}"
            ', {name: db, target: sts/db, ports: [":5432"]},  # x\n]\n',
        ),
        ("{}  # x\n", '{forwards: [{name: db, target: sts/db, ports: [":5432"]}]}  # x\n'),
        (
            "{version: 1, enabled: true}\n",
            "{version: 1, enabled: true, forwards: "
            '[{name: db, target: sts/db, ports: [":5432"]}]}\n',
        ),
        (
            "forwards:\n- name: a\n  ports: 80\n  target: >-\n    pod/a\nenabled: true\n",
            "forwards:\n- name: a\n  ports: 80\n  target: >-\n    pod/a\n"
            + ITEM.format("")
            + "enabled: true\n",
        ),
    ],
)
def test_the_layout_around_the_new_forward_stays(before: str, after: str) -> None:
    assert edit.append_forward(before, "dev", DB) == after


def test_windows_line_ends_are_kept() -> None:
    text = "forwards:\r\n- name: a\r\n  target: pod/a\r\n  ports: 80\r\n"
    changed = edit.append_forward(text, "dev", DB)
    assert changed.startswith(text)
    assert "\n" not in changed.replace("\r\n", "")


def test_everything_a_forward_can_say_is_written() -> None:
    forward = ForwardSpec(
        name="true",
        target="app in (a, b)",
        ports=(PortSpec(local=8080, remote="22"), PortSpec(local=9000, remote="9000")),
        namespace="null",
        address=("127.0.0.1", "::1"),
        hold_s=1.5,
        via="tunnel",
    )
    spec = parse(edit.append_forward("version: 1\n", "dev", forward), "dev").spec
    assert spec is not None
    assert spec.entries == (forward,)


def test_a_forward_that_clashes_is_not_added() -> None:
    text = "forwards:\n- {name: db, target: pod/a, ports: 80}\n"
    with pytest.raises(ProfileInvalid, match=r'dev\.yaml:3:9: duplicate name "db"'):
        edit.append_forward(text, "dev", DB)


def test_a_file_with_faults_is_not_edited() -> None:
    with pytest.raises(ProfileInvalid, match=r'dev\.yaml:1:1: unknown key "foo"'):
        edit.append_forward("foo: 1\n", "dev", DB)
    with pytest.raises(ProfileInvalid, match="the profile is empty"):
        edit.append_forward("", "dev", DB)


def test_a_layout_without_a_safe_place_is_left_alone() -> None:
    text = "forwards: &anchor\n- {name: a, target: pod/a, ports: 80}\n"
    with pytest.raises(UsageError, match="keep its layout"):
        edit.append_forward(text, "dev", DB)


def test_a_new_profile_says_what_it_was_told() -> None:
    text = edit.new_profile(context="kind-dev", namespace="shop")
    assert text == "version: 1\ncontext: kind-dev\nnamespace: shop\n"


def test_a_forward_goes_before_proxies() -> None:
    text = "version: 1\nproxies:\n- {name: api, listen: 8001}\n"
    changed = edit.append_forward(text, "dev", DB)
    assert changed.startswith(text)
    spec = parse(changed, "dev").spec
    assert spec is not None
    assert [entry.name for entry in spec.entries] == ["db", "api"]
