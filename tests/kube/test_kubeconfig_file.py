from __future__ import annotations

from pathlib import Path

import pytest

from kfwd.errors import ConfigError
from kfwd.kube.kubeconfig_file import decode, read
from tests.kube.configs import write


def test_a_missing_file_is_nothing(tmp_path: Path) -> None:
    assert read(tmp_path / "gone") is None


@pytest.mark.parametrize(
    "text",
    ["", "---\n", "null", "users: null\ncontexts:\nclusters: ~\ncurrent-context: null\n"],
)
def test_empty_files_and_null_sections_are_fine(tmp_path: Path, text: str) -> None:
    file = read(write(tmp_path / "c", text))
    assert file
    assert (file.users, file.contexts, file.clusters, file.current_context) == ({}, {}, {}, "")


def test_null_fields_mean_not_set(tmp_path: Path) -> None:
    text = "users:\n- {name: a, user: null}\n- {name: b, user: {token: null, exec: null}}\n"
    file = read(write(tmp_path / "c", text))
    assert file
    assert [file.users[name].token for name in "ab"] == ["", ""]


def test_unknown_keys_are_ignored_and_extensions_kept_whole(tmp_path: Path) -> None:
    text = """
    preferences: {colors: true}
    clusters:
    - name: a
      cluster:
        server: https://a
        future: {x: 1}
        extensions:
        - {name: other, extension: 1}
        - {name: mine, extension: {keep: null, list: [1, two]}}
    """
    file = read(write(tmp_path / "c", text))
    assert file
    assert file.clusters["a"].extension("mine") == {"keep": None, "list": [1, "two"]}
    assert file.clusters["a"].extension("none") is None


def test_text_that_yaml_1_1_takes_for_numbers_or_booleans_stays_text(tmp_path: Path) -> None:
    text = "users:\n- {name: on, user: {token: 8080:22, username: no, password: 1_0}}\n"
    file = read(write(tmp_path / "c", text))
    assert file
    user = file.users["on"]
    assert (user.token, user.username, user.password) == ("8080:22", "no", "1_0")


@pytest.mark.parametrize(
    ("text", "place"),
    [
        ("users: [\n", "2:1: "),
        ("a: b\nusers:\n- name: x\n  user: {token: 12}\n", "4:17: Expected `str`, got `int`"),
        ("just words\n", "1:1: Expected `object`"),
        ("users:\n- user: {}\n", "2:3: Object missing required field `name`"),
        ("users: []\nusers: []\n", '2:1: duplicate key "users"'),
        (
            "users:\n- {name: x, user: {exec: {interactiveMode: Sometimes}}}\n",
            "2:44: Invalid enum value",
        ),
    ],
)
def test_faults_name_file_line_and_column(tmp_path: Path, text: str, place: str) -> None:
    path = write(tmp_path / "c", text)
    with pytest.raises(ConfigError) as caught:
        read(path)
    assert caught.value.text.startswith(f"{path}:{place}")
    assert caught.value.code == "kubeconfig-invalid"


def test_a_folder_in_place_of_a_file_is_unreadable(tmp_path: Path) -> None:
    with pytest.raises(ConfigError, match=f"{tmp_path} cannot be read: Is a directory") as caught:
        read(tmp_path)
    assert caught.value.code == "kubeconfig-unreadable"


def test_bytes_that_are_no_text_are_unreadable(tmp_path: Path) -> None:
    path = tmp_path / "c"
    path.write_bytes(b"\xff\xfe\x00")
    with pytest.raises(ConfigError, match="not UTF-8 text"):
        read(path)


def test_aliases_do_not_blow_a_file_up(tmp_path: Path) -> None:
    layers = "".join(f"l{i}: &l{i} [{', '.join([f'*l{i - 1}'] * 10)}]\n" for i in range(1, 30))
    file = read(write(tmp_path / "c", f"l0: &l0 [x]\n{layers}current-context: dev\n"))
    assert file
    assert file.current_context == "dev"


def test_base64_may_be_folded_but_not_broken() -> None:
    assert decode(" aGVs\n bG8= \n", "it") == b"hello"
    with pytest.raises(ConfigError, match="the key is not valid base64"):
        decode("aGVsbG8", "the key")
