from __future__ import annotations

from kfwd.sim.resources import BY_KIND, BY_NAME, BY_PATH, RESOURCES, groups


def test_every_resource_is_found_by_name_path_and_kind() -> None:
    assert len(BY_NAME) == len(BY_PATH) == len(BY_KIND) == len(RESOURCES)
    deployments = BY_KIND["apps/v1", "Deployment"]
    assert deployments is BY_NAME["deployments"] is BY_PATH["apps", "v1", "deployments"]
    assert deployments.qualified == "deployments.apps"
    assert BY_NAME["pods"].qualified == "pods"


def test_core_comes_first_and_reviews_are_not_stored() -> None:
    assert next(iter(groups())) == ""
    assert not BY_NAME["selfsubjectaccessreviews"].stored
    assert BY_NAME["pods"].stored
