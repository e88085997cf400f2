from __future__ import annotations

import time

import msgspec
import pytest

from kfwd.errors import ApiError, Forbidden, KfwdError, LoginNeeded, NotFound
from kfwd.kube.answers import Answer, error_of, error_of_event, not_json, retry_after_s, status_of
from kfwd.kube.objects import Status
from tests.kube.scripted import status_object


def answer(status: int, body: object = b"", kind: str = "application/json") -> Answer:
    payload = body if isinstance(body, bytes) else msgspec.json.encode(body)
    return Answer(status=status, content_type=kind, body=payload)


def error(given: Answer) -> KfwdError:
    return error_of(given, "10.0.0.1:6443", "dev", "log in")


def test_a_status_speaks_for_itself() -> None:
    forbidden = error(answer(403, status_object(403, "pods is forbidden: no", "Forbidden")))
    assert isinstance(forbidden, Forbidden)
    assert forbidden.text == "pods is forbidden: no"
    missing = error(answer(404, status_object(404, 'pods "x" not found', "NotFound")))
    assert isinstance(missing, NotFound)
    assert missing.text == 'pods "x" not found'
    other = error(answer(409, status_object(409, "try again", "Conflict")))
    assert isinstance(other, ApiError)
    assert (other.text, other.status, other.reason) == ("try again", 409, "Conflict")


def test_a_kind_that_is_not_served_is_not_found_though_no_status_says_so() -> None:
    missing = error(answer(404, b"404 page not found\n", "text/plain"))
    assert isinstance(missing, NotFound)
    assert "10.0.0.1:6443 does not serve what was asked for" in missing.text


def test_a_401_asks_for_a_login() -> None:
    found = error(answer(401, status_object(401, "Unauthorized", "Unauthorized")))
    assert isinstance(found, LoginNeeded)
    assert '10.0.0.1:6443 does not accept the login of context "dev"' in found.text
    assert found.hint == "log in"


@pytest.mark.parametrize("status", [200, 403, 404, 502])
def test_a_web_page_is_not_the_kubernetes_api(status: int) -> None:
    page = b"\n<!DOCTYPE html><html><head><title> Bad\n Gateway </title></head>"
    given = answer(status, page, "text/html")
    found = error(given)
    assert not given.ok
    assert isinstance(found, ApiError)
    assert (found.code, found.status) == ("not-kubernetes", status)
    assert f'10.0.0.1:6443 answered HTTP {status} with a web page ("Bad Gateway")' in found.text
    assert "login page" in (found.hint or "")


def test_a_page_is_known_by_its_first_words_whatever_it_is_called() -> None:
    assert answer(200, b"<!-- x --> <HTML>", "text/plain").is_page
    assert not answer(200, b'{"a": "<html>"}', "application/json").is_page


@pytest.mark.parametrize("piece", [b"<!---->", b"<title>", b"<title ", b"<!--", b"<"])
def test_no_body_takes_long_to_look_at(piece: bytes) -> None:
    """A pattern that goes back over what it read would take hours for some of these."""
    body = piece * (1024 * 1024 // len(piece))
    before = time.process_time()
    error(answer(502, body, "text/html"))
    error(answer(502, body, "text/plain"))
    assert time.process_time() - before < 1.0


def test_a_redirect_is_not_followed_but_told() -> None:
    found = error(Answer(status=302, content_type="", body=b"", location="https://login.example/"))
    assert found.code == "not-kubernetes"
    assert "a redirect to https://login.example/" in found.text


@pytest.mark.parametrize(
    ("body", "text"),
    [
        (b"no such host\n", "10.0.0.1:6443 answered HTTP 404: no such host"),
        (b"", "10.0.0.1:6443 answered HTTP 404"),
        (b'{"kind": "Other"}', '10.0.0.1:6443 answered HTTP 404: {"kind": "Other"}'),
        (b"\xff" * 9999, "10.0.0.1:6443 answered HTTP 404: " + "\ufffd" * 300),
    ],
)
def test_plain_text_is_quoted_in_part(body: bytes, text: str) -> None:
    found = error(answer(404, body, "text/plain"))
    assert isinstance(found, ApiError)
    assert found.text == text


@pytest.mark.parametrize(
    ("status", "header", "seconds"),
    [
        (429, "2", 2.0),
        (503, "1", 1.0),
        (429, None, None),
        (429, "soon", None),
        (429, "9" * 5000, 86400.0),
        (429, "1.5", None),
        (429, "-1", None),
        (404, "2", None),
    ],
)
def test_a_retry_counts_only_with_a_whole_number_of_seconds(
    status: int, header: str | None, seconds: float | None
) -> None:
    given = Answer(status=status, content_type="text/plain", body=b"x", retry_after=header)
    assert retry_after_s(given) == seconds


def test_a_status_may_say_when_to_come_again() -> None:
    body = status_object(504, "too large resource version", "Timeout")
    found = error(answer(504, body | {"details": {"retryAfterSeconds": 1}}))
    assert isinstance(found, ApiError)
    assert found.retry_after_s == 1.0
    never = error(answer(504, body | {"details": {"retryAfterSeconds": 10**400}}))
    assert isinstance(never, ApiError)
    assert never.retry_after_s in (None, 86400.0)


@pytest.mark.parametrize(
    "body",
    [
        b"",
        b"[]",
        b"nonsense",
        b'{"kind": 7}',
        b'{"kind": "Pod"}',
        b'{"kind":"\xff"}',
        b'{"a":' * 9999,
    ],
)
def test_what_is_no_status_is_none(body: bytes) -> None:
    assert status_of(body) is None


def test_an_error_event_is_an_error_of_its_status() -> None:
    found = error_of_event(msgspec.convert(status_object(410, "too old", "Expired"), Status))
    assert (found.status, found.reason, found.text) == (410, "Expired", "too old")


def test_a_good_answer_in_a_strange_form_is_told() -> None:
    found = not_json(answer(200, b"hello", "text/plain"), "10.0.0.1:6443")
    assert found.code == "not-kubernetes"
    assert "text/plain" in found.text
