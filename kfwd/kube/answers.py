"""HTTP answers of an API server, or of something in its place, turned into errors. Pure."""

from __future__ import annotations

import re
from http import HTTPStatus

from msgspec import Struct

from kfwd.decoding import decoder
from kfwd.errors import NOT_JSON, ApiError, Forbidden, KfwdError, LoginNeeded, NotFound
from kfwd.kube.objects import Status

MAX_QUOTE = 300
"""Most characters of somebody else's text in an error."""

LONGEST_S = 24 * 3600.0
"""What is understood of a wait that is longer."""

MAX_PREAMBLE = 4096
"""Bytes in which a page shows that it is one."""

MAX_HEADING = 64 * 1024
"""Bytes in which a page has its title."""

NOT_KUBERNETES = "not-kubernetes"

NO_SUCH_PATH = b"404 page not found"
"""What an API server answers for a group or version that it does not serve: a CustomResource whose
definition is not installed, say. It is no Status (apiserver `pkg/util/notfoundhandler`)."""

# Neither looks at a byte more than a few hundred times, whatever somebody put together.
_TITLE = re.compile(rb"<title[^>]{0,200}+>(.{0,300}?)</title>", re.IGNORECASE | re.DOTALL)
_PAGE = re.compile(
    rb"\s*+(?:<!--(?:(?!-->).)*+-->\s*+)*+<(?:!doctype html|html|head|body)", re.I | re.DOTALL
)


class Answer(Struct, frozen=True, kw_only=True):
    """An answer that was read to its end. `content_type` has no parameters."""

    status: int
    content_type: str
    body: bytes
    retry_after: str | None = None
    location: str | None = None

    @property
    def ok(self) -> bool:
        return 200 <= self.status < 300 and not self.is_page

    @property
    def is_page(self) -> bool:
        return self.content_type == "text/html" or _PAGE.match(self.body[:MAX_PREAMBLE]) is not None


def retry_after_s(answer: Answer) -> float | None:
    """Seconds after which the server wants to be asked again.

    As client-go, only for 429 and 5xx and only if the header is an integer (protocol notes I.5).
    """
    text = answer.retry_after or ""
    if (answer.status == HTTPStatus.TOO_MANY_REQUESTS or answer.status >= 500) and text.isdecimal():
        return min(float(text), LONGEST_S)
    return None


def unauthorized(server: str, context: str, words: str, hint: str) -> LoginNeeded:
    """What a 401 with `words` means, of `server` (HOST:PORT) to a request as `context`."""
    text = f'{server} does not accept the login of context "{context}"'
    return LoginNeeded(f"{text}: {words}" if words else text, hint=hint)


def error_of(answer: Answer, server: str, context: str, login: str) -> KfwdError:
    """What an answer that is not `ok` means. `server` is HOST:PORT, `context` a context's name,
    `login` what helps against a 401.
    """
    status = status_of(answer.body)
    words = status.message if status else ""
    if answer.status == HTTPStatus.UNAUTHORIZED:
        return unauthorized(server, context, words or _said(answer), login)
    if answer.is_page or 300 <= answer.status < 400:
        return _not_kubernetes(answer, server)
    if answer.status == HTTPStatus.FORBIDDEN:
        return Forbidden(
            words or f"{server} forbids this" + _reason(words, answer),
            hint=f"`kubectl --context {context} auth can-i --list` shows what you may do",
        )
    if answer.status == HTTPStatus.NOT_FOUND and status is not None:
        return NotFound(words or f"{server}: not found")
    if answer.status == HTTPStatus.NOT_FOUND and answer.body.strip() == NO_SUCH_PATH:
        return NotFound(f"{server} does not serve what was asked for: {_said(answer)}")
    seconds = retry_after_s(answer)
    return ApiError(
        words or f"{server} answered HTTP {answer.status}" + _reason(words, answer),
        status=answer.status,
        reason=status.reason if status else "",
        retry_after_s=_retry_after(status) if seconds is None else seconds,
    )


def error_of_event(status: Status) -> ApiError:
    """What the ERROR event of a watch means (protocol notes I.3)."""
    return ApiError(
        status.message or f"the watch ended: {status.reason or status.code}",
        status=status.code,
        reason=status.reason,
        retry_after_s=_retry_after(status),
    )


def not_json(answer: Answer, server: str) -> ApiError:
    """For an answer of 2xx that should have been JSON and is not."""
    what = answer.content_type or "something"
    return ApiError(
        f"{server} answered with {what} that cannot be the Kubernetes API's",
        status=answer.status,
        code=NOT_KUBERNETES,
        hint=_WRONG_PLACE,
    )


_WRONG_PLACE = "is the server's address right, and is no proxy or login page in between?"


def _not_kubernetes(answer: Answer, server: str) -> ApiError:
    if answer.location is not None:
        what = f"a redirect to {answer.location[:MAX_QUOTE]}"
    else:
        title = _TITLE.search(answer.body[:MAX_HEADING])
        named = f' ("{_quote(title[1])}")' if title and title[1].strip() else ""
        what = f"a web page{named}"
    return ApiError(
        f"{server} answered HTTP {answer.status} with {what}, not as the Kubernetes API",
        status=answer.status,
        code=NOT_KUBERNETES,
        hint=_WRONG_PLACE,
        retry_after_s=retry_after_s(answer),
    )


def status_of(body: bytes) -> Status | None:
    """The Status object in a body, if that is what it is."""
    try:
        status: Status = decoder(Status).decode(body)
    except NOT_JSON:
        return None
    return status if status.kind == "Status" else None


def _retry_after(status: Status | None) -> float | None:
    seconds = status.details.retry_after_seconds if status and status.details else None
    return float(min(seconds, LONGEST_S)) if seconds else None


def _reason(words: str, answer: Answer) -> str:
    text = words or _said(answer)
    return f": {text}" if text else ""


def _said(answer: Answer) -> str:
    return "" if answer.is_page else _quote(answer.body)


def _quote(text: bytes) -> str:
    return " ".join(text[: 4 * MAX_QUOTE].decode(errors="replace").split())[:MAX_QUOTE]
