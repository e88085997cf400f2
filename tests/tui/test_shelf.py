"""Pages become a shelf, a filter picks from it."""

from __future__ import annotations

from kfwd.api_model import ObjectPort, ObjectsPage, ObjectView
from kfwd.tui.shelf import Shelf, ports


def thing(kind: str, name: str, namespace: str = "shop", **more: object) -> ObjectView:
    return ObjectView(kind=kind, namespace=namespace, name=name, target=f"x/{name}", **more)  # type: ignore[arg-type]  # keywords of the record


def shelf(*pages: ObjectsPage) -> Shelf:
    made = Shelf()
    for page in pages:
        made.take(page)
    return made


def names(made: Shelf, find: str = "") -> dict[str, list[str]]:
    return {s.title: [view.name for view in s.shown] for s in made.sections(find)}


EVERYTHING = ObjectsPage(
    objects=(
        thing("pod", "web-1"),
        thing("ingress", "web"),
        thing("deployment", "web"),
        thing("statefulset", "db"),
        thing("service", "web", ports=(ObjectPort(number=80, name="http"),)),
        thing("service", "api", note="headless"),
    )
)


def test_sections_are_in_order_and_sorted_by_name() -> None:
    assert names(shelf(EVERYTHING)) == {
        "services": ["api", "web"],
        "workloads": ["db", "web"],
        "ingresses": ["web"],
        "pods": ["web-1"],
    }


def test_every_word_must_be_somewhere() -> None:
    made = shelf(EVERYTHING)
    assert names(made, "HTTP 80") == {"services": ["web"]}
    assert names(made, "headless") == {"services": ["api"]}
    assert names(made, "nothing") == {}
    assert made.sections("api")[0].all == 2


def test_it_is_complete_when_a_round_is() -> None:
    made = shelf(EVERYTHING)
    assert not made.complete
    made.take(ObjectsPage(complete=True, problems={"jobs": "forbidden"}))
    assert (made.complete, made.problems) == (True, {"jobs": "forbidden"})
    made.take(ObjectsPage(complete=True))
    assert made.problems == {}
    slow = shelf(ObjectsPage(problems={"pods": "no answer"}))
    assert (slow.complete, slow.problems) == (False, {"pods": "no answer"})


def test_later_pages_change_and_remove() -> None:
    made = shelf(EVERYTHING)
    made.sections("")
    more = ObjectsPage(objects=(thing("pod", "web-2", ready=1),), removed=("pod/shop/web-1",))
    made.take(more)
    assert names(made)["pods"] == ["web-2"]
    made.take(ObjectsPage(objects=(thing("pod", "web-2", note="gone soon"),)))
    assert names(made, "soon") == {"pods": ["web-2"]}
    assert names(made, "web-1") == {}


def test_ports_in_words() -> None:
    found = (
        ObjectPort(number=80, name="http", target="8080"),
        ObjectPort(number=81, name="grpc", target="grpc"),
        ObjectPort(number=53, protocol="UDP"),
    )
    assert ports(found) == "http 80 → 8080, grpc 81, 53/UDP"
