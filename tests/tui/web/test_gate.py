"""Who gets the TUI in a browser, decided without a socket."""

from __future__ import annotations

from urllib.parse import parse_qs, urlsplit

import pytest

from kfwd.tui.web.gate import Gate, Verdict

HOST = "127.0.0.1:8000"
OURS = {"Host": HOST}
SOCKET = {**OURS, "Upgrade": "websocket", "Origin": f"http://{HOST}"}


def ask(
    gate: Gate,
    path: str | None = None,
    headers: dict[str, str] = OURS,
    *,
    token: str = "",
    cookie: str | None = None,
    method: str = "GET",
) -> Verdict:
    """By default somebody who has been let in and asks for the page."""
    name, value = gate.cookie
    found = {name: value if cookie is None else cookie}
    return gate.verdict(method, path or f"{gate.place}/", token, headers, found)


def token(gate: Gate) -> str:
    return parse_qs(urlsplit(gate.link).query)["token"][0]


def test_the_link_lets_in_once() -> None:
    gate = Gate(HOST)
    assert ask(gate, "/", token=token(gate)) is Verdict.ENTER
    assert ask(gate, "/", token=token(gate)) is Verdict.SPENT


def test_nothing_else_does_and_spends_nothing() -> None:
    gate = Gate(HOST)
    for wrong in ("", "x", "\udc80", token(gate)[:-1], token(gate) + "x"):
        assert ask(gate, "/", token=wrong) is Verdict.SPENT
    assert ask(gate, "/", token=token(gate), method="HEAD", cookie="") is Verdict.SPENT
    assert ask(gate, f"{gate.place}/", token=token(gate), cookie="") is Verdict.SPENT
    assert ask(gate, "/", token=token(gate)) is Verdict.ENTER


def test_the_cookie_is_needed_for_everything() -> None:
    gate = Gate(HOST)
    assert ask(gate) is Verdict.PASS
    assert ask(gate, headers=SOCKET) is Verdict.PASS
    for wrong in ("", "x", gate.cookie[1][:-1], gate.cookie[1] + "x"):
        assert ask(gate, cookie=wrong) is Verdict.SPENT
        assert ask(gate, headers=SOCKET, cookie=wrong) is Verdict.SPENT


@pytest.mark.parametrize(
    "host", ["", "localhost:8000", "evil.example:8000", "127.0.0.1", "[::1]:8000"]
)
def test_a_name_that_is_pointed_at_this_machine_gets_nothing(host: str) -> None:
    gate = Gate(HOST)
    headers = {"Host": host} if host else {}
    assert ask(gate, headers=headers) is Verdict.FOREIGN
    assert ask(gate, "/", headers, token=token(gate)) is Verdict.FOREIGN
    assert ask(gate, "/", token=token(gate)) is Verdict.ENTER


@pytest.mark.parametrize("origin", ["http://evil.example", "http://localhost:8080", "null", ""])
def test_a_page_of_somebody_else_opens_no_websocket(origin: str) -> None:
    gate = Gate(HOST)
    assert ask(gate, headers={**SOCKET, "Origin": origin}) is Verdict.FOREIGN
    assert ask(gate, headers={**OURS, "Origin": origin}) is Verdict.FOREIGN


def test_a_websocket_of_nobody_is_refused() -> None:
    assert ask(Gate(HOST), headers={**OURS, "Upgrade": "websocket"}) is Verdict.FOREIGN


@pytest.mark.parametrize("site", ["cross-site", "same-site"])
def test_a_page_of_somebody_else_loads_and_frames_nothing(site: str) -> None:
    gate = Gate(HOST)
    assert ask(gate, headers={**OURS, "Sec-Fetch-Site": site}) is Verdict.FOREIGN
    assert ask(gate, headers={**OURS, "Sec-Fetch-Site": "same-origin"}) is Verdict.PASS


def test_no_two_have_anything_in_common() -> None:
    one, other = Gate(HOST), Gate(HOST)
    assert not {one.place, one.link, *one.cookie} & {other.place, other.link, *other.cookie}
