"""What the gateway itself says: the start page, the PAC file, and sentences about what failed.

Plain HTML and CSS without anything from elsewhere. Other sites must not read what a cluster holds:
nothing here may be embedded, framed, or guessed to be a script.
"""

from __future__ import annotations

import base64
import hashlib
from html import escape

from msgspec import Struct

from kfwd.errors import HttpError, KfwdError, NotReady
from kfwd.proxy import gateway_overview as overview
from kfwd.proxy import pac
from kfwd.proxy.api_proxy import read_path
from kfwd.proxy.decision import TEXT, Answer
from kfwd.proxy.gateway_overview import Overview, Row
from kfwd.resolve import hosts
from kfwd.resolve.landscape import Landscape
from kfwd.resolve.names import LOCAL, Refused
from kfwd.wire.http1 import RequestHead
from kfwd.wire.http1_target import Target

HTML = "text/html; charset=utf-8"
PAC_PATH = "/proxy.pac"
REFRESH_S = 5

_STYLE = """
:root{color-scheme:light dark;--line:#8884;--dim:#888;--good:#1a7f37;--bad:#bf3989}
body{font:16px/1.5 system-ui,sans-serif;max-width:60rem;margin:2rem auto;padding:0 1rem}
h1{font-size:1.4rem}h2{font-size:1.05rem;margin:2rem 0 .3rem}
table{border-collapse:collapse;width:100%}td{padding:.3rem .6rem .3rem 0;vertical-align:top;
border-top:1px solid var(--line)}td:first-child{width:45%}
.dim{color:var(--dim)}.good{color:var(--good)}.bad{color:var(--bad)}code{font-size:.9em}
a{margin-right:.6rem}
"""
_STYLE_HASH = base64.b64encode(hashlib.sha256(_STYLE.encode()).digest()).decode()
_POLICY = (
    f"default-src 'none'; style-src 'sha256-{_STYLE_HASH}'; base-uri 'none'; form-action 'none'; "
    "frame-ancestors 'none'"
)
_GUARDED = (
    ("X-Content-Type-Options", "nosniff"),
    ("Cross-Origin-Resource-Policy", "same-origin"),
    ("Cache-Control", "no-store"),
    ("Referrer-Policy", "no-referrer"),
)


class Wording(Struct, frozen=True):
    """How a client wants to be told: `html` for a person at a browser."""

    html: bool


def wording(request: RequestHead) -> Wording:
    return Wording(html="text/html" in request.get("accept"))


def refusal(how: Wording, refused: Refused) -> Answer:
    """Why a request is not served."""
    return _told(how, refused.status, refused.text, refused.hint)


def failure(how: Wording, error: KfwdError) -> Answer:
    """Why there is no answer of a server."""
    if isinstance(error, HttpError):
        return _told(how, error.status, error.text, error.hint)
    return _told(how, 503 if isinstance(error, NotReady) else 502, error.text, error.hint)


def _told(how: Wording, status: int, text: str, hint: str | None) -> Answer:
    if not how.html:
        lines = [f"kfwd: {text}"] + ([f"hint: {hint}"] if hint else [])
        return _answer(status, TEXT, "\n".join(lines) + "\n")
    hinted = f"<p class=dim>{escape(hint)}</p>" if hint else ""
    return _page(status, str(status), f"<h1>{status}</h1><p>{escape(text)}</p>{hinted}")


def own(
    request: RequestHead,
    target: Target,
    known: Landscape,
    *,
    listener: str,
    cluster: str,
    problems: tuple[str, ...],
) -> Answer:
    """The answer to a request for the gateway itself."""
    path = read_path(target.path).decoded
    if path not in ("/", PAC_PATH):
        return _to_host_form(request, target, known)
    if request.method not in ("GET", "HEAD"):
        return _told(Wording(html=False), 405, f"{request.method} is not for this page", None)
    port = hosts.port_of(target.authority) or "80"
    if path == PAC_PATH:
        return _answer(200, pac.TYPE, pac.script(known, f"{hosts.name_of(target.authority)}", port))
    return _start(overview.overview(known, port), listener, cluster, problems)


def _to_host_form(request: RequestHead, target: Target, known: Landscape) -> Answer:
    """`/NAMESPACE/SERVICE/...` is where a service is found, not where it is served: each has an
    origin of its own."""
    _, namespace, name, *rest = [*target.path.split("/", 3), ""]
    service, _, port = name.partition(":")
    if not name or known.services is None or f"{namespace}/{service}" not in known.services:
        text = f"there is no svc/{service} in namespace {namespace}" if name else "no such page"
        hint = "the start page, /, lists what there is"
        return refusal(wording(request), Refused(text, hint, status=404))
    host = ".".join(part for part in (port, service, namespace) if part) + LOCAL
    own_port = hosts.port_of(target.authority)
    authority = f"{host}:{own_port}" if own_port else host
    location = f"http://{authority}{target.with_query('/' + rest[0])}"
    return Answer(308, (("Location", location), *_GUARDED))


def _start(what: Overview, listener: str, cluster: str, problems: tuple[str, ...]) -> Answer:
    said = "".join(f"<p class=bad>{escape(problem)}</p>" for problem in problems)
    sections = "".join(
        f"<h2>{escape(title)}</h2><table>{''.join(map(_row, rows))}</table>"
        for title, rows in what.sections
    )
    body = (
        f"<h1>{escape(cluster)}</h1>{said}"
        f"<p class=dim>HTTP and SOCKS5 proxy: <code>{escape(listener)}</code>, "
        f"<a href={PAC_PATH}>proxy.pac</a></p>"
        f"{sections or '<p>No services or routes are known.</p>'}"
    )
    return _page(200, cluster, body, refresh=True)


def _row(row: Row) -> str:
    links = "".join(f'<a href="{escape(link.url)}">{escape(link.text)}</a>' for link in row.links)
    notes = "".join(f"<br><span class=dim>{escape(note)}</span>" for note in row.notes)
    return (
        f"<tr><td>{links or escape(row.name)}{notes}</td>"
        f"<td class={row.mood}>{escape(row.state)}</td></tr>"
    )


def _page(status: int, title: str, body: str, *, refresh: bool = False) -> Answer:
    again = f'<meta http-equiv=refresh content="{REFRESH_S}">' if refresh else ""
    text = (
        f"<!doctype html><html lang=en><head><meta charset=utf-8>{again}"
        '<meta name=viewport content="width=device-width">'
        f"<title>{escape(title)} - kfwd</title><style>{_STYLE}</style></head>"
        f"<body>{body}</body></html>\n"
    )
    return _answer(status, HTML, text, ("Content-Security-Policy", _POLICY))


def _answer(status: int, kind: str, text: str, *more: tuple[str, str]) -> Answer:
    return Answer(status, (("Content-Type", kind), *_GUARDED, *more), text.encode())
