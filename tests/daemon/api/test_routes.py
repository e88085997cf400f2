"""The routes that the API's contract lists are all there."""

from __future__ import annotations

import re

from kfwd import api_model
from kfwd.daemon.api.routes import ALL


def listed() -> set[tuple[str, str]]:
    """Method and path of each row of `api_model`'s table, with its alternatives spelled out."""
    found = set()
    for method, cell in re.findall(r"^\| ([A-Z]+) (/.*?) \|", api_model.__doc__ or "", re.M):
        for path in cell.split(", "):
            plain = path.partition("?")[0].replace("NAME", "{name}").replace("ID", "{id}")
            plain = plain.replace("contexts/C/", "contexts/{context}/")
            found |= {(method, choice) for choice in spelled(plain)}
    return found


def spelled(path: str) -> list[str]:
    if (choices := re.search(r"\{(\w+(?:,\w+)+)\}", path)) is None:
        return [path]
    return [path.replace(choices.group(), choice) for choice in choices.group(1).split(",")]


def test_the_contract_and_the_routes_name_the_same_paths() -> None:
    ours = set()
    for route in ALL:
        path = route.path.replace("{profile}/{name}", "{id}").replace("{profile}", "{name}")
        if route.method == "PUT" and path == "/v1/entries/{id}":
            path = "/v1/entries/-/{name}"
        ours.add((route.method, path))
    assert ours == listed()


def test_no_two_routes_are_the_same() -> None:
    assert len({(route.method, route.path) for route in ALL}) == len(ALL)
