"""Which profiles come up, what they are pinned to, and what is wrong with a file."""

from __future__ import annotations

from pathlib import Path

import msgspec
import pytest

from kfwd.daemon import profiles
from kfwd.daemon.state import UpProfile
from kfwd.errors import ConfigError, KfwdError, NotFound, ProfileInvalid
from kfwd.kube import in_cluster
from kfwd.kube.kubeconfig_file import ClusterEntry, ContextEntry, File
from kfwd.model import ContextRef, ProfileSpec
from kfwd.profiles import store
from tests.daemon.records import forward
from tests.daemon.rig import KUBECONFIG


def profile(folder: Path, name: str, port: int = 8080, extra: str = "") -> None:
    (folder / f"{name}.yaml").write_text(
        f"version: 1\n{extra}forwards:\n- {{name: web, target: svc/web, ports: ['{port}:80']}}\n"
    )


def kubeconfig(folder: Path, current: str = "dev") -> str:
    path = folder / "kubeconfig"
    path.write_text(KUBECONFIG.format(current=current))
    return str(path)


def test_all_that_are_enabled_come_up_when_none_is_named(tmp_path: Path) -> None:
    profile(tmp_path, "a", 1001)
    profile(tmp_path, "b", 1002, "enabled: false\n")
    assert [spec.name for spec in profiles.read_valid(tmp_path, (), ())] == ["a"]
    assert [spec.name for spec in profiles.read_valid(tmp_path, ("b",), ())] == ["b"]


def test_every_fault_of_every_file_is_reported_at_once(tmp_path: Path) -> None:
    profile(tmp_path, "a", 1001, "colour: red\n")
    profile(tmp_path, "b", 1002, "shape: round\n")
    with pytest.raises(ProfileInvalid) as caught:
        profiles.read_valid(tmp_path, (), ())
    first, second = caught.value.text.splitlines()
    assert first.startswith(f'{tmp_path}/a.yaml:2:1: unknown key "colour"')
    assert second.startswith(f'{tmp_path}/b.yaml:2:1: unknown key "shape"')


def test_a_listener_of_a_profile_that_is_up_is_taken(tmp_path: Path) -> None:
    profile(tmp_path, "a")
    profile(tmp_path, "b")
    with pytest.raises(ProfileInvalid, match=r"b\.yaml:3:.*:8080 is taken by a/web"):
        profiles.read_valid(tmp_path, ("b",), ("a", "deleted-meanwhile"))


def test_each_file_is_read_once_whether_it_is_up_or_not(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    for number, name in enumerate("abc"):
        profile(tmp_path, name, 1000 + number)
    read: list[str] = []

    def counted(folder: Path, name: str) -> store.Profile:
        read.append(name)
        return found(folder, name)

    found = store.read
    monkeypatch.setattr(store, "read", counted)
    profiles.read_valid(tmp_path, (), ("b", "c"))
    assert sorted(read) == ["a", "b", "c"]


def test_no_profile_at_all_says_how_to_make_one(tmp_path: Path) -> None:
    with pytest.raises(NotFound) as caught:
        profiles.read_valid(tmp_path, (), ())
    assert "--save" in (caught.value.hint or "")


def test_a_profile_without_context_is_pinned_to_the_current_one_until_it_is_down(
    tmp_path: Path,
) -> None:
    path = kubeconfig(tmp_path)
    spec = ProfileSpec(name="dev", entries=(forward(),))
    pinned = profiles.pin(spec, None, (path,), ())
    assert pinned == ContextRef(kubeconfig=(path,), name="dev")
    kubeconfig(tmp_path, current="prod")
    up = UpProfile(spec=spec, context=pinned)
    assert profiles.pin(spec, up, ("/elsewhere",), ()) == pinned
    assert profiles.pin(spec, None, (path,), ()).name == "prod"


def test_a_context_that_the_file_names_wins_over_what_it_was_pinned_to(tmp_path: Path) -> None:
    path = kubeconfig(tmp_path)
    spec = ProfileSpec(name="dev", context="prod")
    up = UpProfile(spec=spec, context=ContextRef(kubeconfig=(path,), name="dev"))
    assert profiles.pin(spec, up, (), ()).name == "prod"


def test_the_profiles_kubeconfig_wins_then_the_callers_then_the_daemons(tmp_path: Path) -> None:
    path = kubeconfig(tmp_path)
    plain = ProfileSpec(name="dev")
    own = msgspec.structs.replace(plain, kubeconfig=(path,))
    assert profiles.pin(own, None, ("/caller",), ("/daemon",)).kubeconfig == (path,)
    assert profiles.pin(plain, None, (path,), ("/daemon",)).kubeconfig == (path,)
    assert profiles.pin(plain, None, (), (path,)).kubeconfig == (path,)


def test_an_unknown_context_is_refused_with_the_known_ones(tmp_path: Path) -> None:
    spec = ProfileSpec(name="dev", context="prd")
    with pytest.raises(ConfigError, match='no context "prd"') as caught:
        profiles.pin(spec, None, (kubeconfig(tmp_path),), ())
    assert caught.value.hint == "contexts: dev, prod"


def test_a_missing_kubeconfig_is_named(tmp_path: Path) -> None:
    with pytest.raises(ConfigError, match=f"no kubeconfig at {tmp_path}/none"):
        profiles.pin(ProfileSpec(name="dev"), None, (f"{tmp_path}/none",), ())


def test_a_pods_own_account_stands_in_for_no_file_that_a_profile_names(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    own = File(
        path=tmp_path / "token",
        current_context=in_cluster.NAME,
        clusters={"c": ClusterEntry(server="https://c")},
        users={},
        contexts={in_cluster.NAME: ContextEntry(cluster="c")},
    )
    monkeypatch.setattr(in_cluster, "read", lambda: own)
    missing = (f"{tmp_path}/none",)
    plain = ProfileSpec(name="dev")
    assert profiles.pin(plain, None, missing, ()).name == "in-cluster"
    with pytest.raises(ConfigError, match=f"no kubeconfig at {tmp_path}/none"):
        profiles.pin(msgspec.structs.replace(plain, kubeconfig=missing), None, (), ())


def test_faults_of_a_text_count_beside_what_is_up(tmp_path: Path) -> None:
    profile(tmp_path, "a")
    profile(tmp_path, "b", 9090)
    text = (tmp_path / "a.yaml").read_text()
    assert profiles.faults_of(tmp_path, "a", text, ("a", "b")) == ()
    (fault,) = profiles.faults_of(tmp_path, "c", text, ("a", "b"))
    assert fault.message.endswith("is taken by a/web")


def test_a_file_is_replaced_whole_or_not_at_all(tmp_path: Path) -> None:
    profiles.replace(tmp_path, "dev", "version: 1\n")
    assert (tmp_path / "dev.yaml").read_text() == "version: 1\n"
    with pytest.raises(KfwdError, match="cannot be written: No such file"):
        profiles.replace(tmp_path / "none", "dev", "")


def test_a_problem_shows_the_first_faults_and_how_many_more_there_are() -> None:
    error = ProfileInvalid("\n".join(f"dev.yaml:{line}:1: odd" for line in range(1, 501)))
    problem = profiles.problem_of(error)
    lines = problem.text.splitlines()
    assert lines[0] == "dev.yaml:1:1: odd"
    assert lines[-1] == "and 490 more"
    assert problem.hint is not None


def test_where_a_profile_was_switched_to_lasts_until_its_file_names_another(
    tmp_path: Path,
) -> None:
    path = kubeconfig(tmp_path)
    spec = ProfileSpec(name="dev", context="dev")
    before = profiles.raised(spec, None, (path,), ())
    assert (before.moved, before.current) == (None, before.context)
    elsewhere = ContextRef(kubeconfig=(path,), name="prod")
    switched = msgspec.structs.replace(before, moved=elsewhere)
    assert profiles.raised(spec, switched, (path,), ()).current == elsewhere
    edited = ProfileSpec(name="dev", context="prod")
    assert profiles.raised(edited, switched, (path,), ()).moved is None
