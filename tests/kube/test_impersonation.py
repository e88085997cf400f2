from __future__ import annotations

from kfwd.kube.impersonation import headers
from kfwd.kube.kubeconfig import Impersonation


def test_a_user_alone_is_one_header() -> None:
    assert list(headers(Impersonation(user="ann"))) == [("Impersonate-User", "ann")]


def test_groups_and_extras_get_a_line_each_and_odd_keys_are_escaped() -> None:
    who = Impersonation(
        user="ann",
        uid="7",
        groups=("dev", "ops,all"),
        extra={"example.org/scopes": ("view", "edit"), "50%": ("x",)},
    )
    assert list(headers(who)) == [
        ("Impersonate-User", "ann"),
        ("Impersonate-Uid", "7"),
        ("Impersonate-Group", "dev"),
        ("Impersonate-Group", "ops,all"),
        ("Impersonate-Extra-example.org%2Fscopes", "view"),
        ("Impersonate-Extra-example.org%2Fscopes", "edit"),
        ("Impersonate-Extra-50%25", "x"),
    ]
