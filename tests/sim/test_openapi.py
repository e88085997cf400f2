from __future__ import annotations

from kfwd.sim import openapi
from kfwd.sim.protobuf import wire


def test_every_group_has_a_document_whose_patches_take_field_validation() -> None:
    index, _ = openapi.answer(["v3"], "") or ({}, "")
    assert isinstance(index, dict)
    for root, place in index["paths"].items():
        if root.startswith(("apis/authentication", "apis/authorization")):
            continue
        assert place["serverRelativeURL"].startswith(f"/openapi/v3/{root}")
        found = openapi.answer(["v3", *root.split("/")], "")
        assert found is not None
        assert isinstance(found[0], dict)
        for path in found[0]["paths"].values():
            names = [parameter["name"] for parameter in path["patch"]["parameters"]]
            assert "fieldValidation" in names
            assert path["patch"]["x-kubernetes-group-version-kind"]["kind"]


def test_version_2_is_an_empty_document_in_the_form_asked_for() -> None:
    found, kind = openapi.answer(["v2"], "application/json") or ("", "")
    assert isinstance(found, dict)
    assert (found["swagger"], kind) == ("2.0", "application/json")
    found, kind = openapi.answer(["v2"], openapi.V2_ASKED) or ("", "")
    assert isinstance(found, bytes)
    assert dict(wire(found))[1] == b"2.0"
    assert "@" not in kind


def test_other_paths_have_no_document() -> None:
    assert openapi.answer(["v1"], "") is None
    assert openapi.answer([], "") is None
    assert openapi.answer(["v3", "apis", "none", "v1"], "") is None
