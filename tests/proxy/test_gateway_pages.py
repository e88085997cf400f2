"""What the gateway itself says, and that nobody else's page may read it."""

from __future__ import annotations

import base64
import hashlib
import re

import pytest

from kfwd.errors import HttpError, KfwdError, NotReady, SessionLost
from kfwd.proxy import gateway_pages as pages
from kfwd.proxy.decision import Answer
from kfwd.proxy.gateway import Gateway
from kfwd.proxy.gateway_pages import Wording
from kfwd.resolve.names import Refused
from tests.proxy.landscapes import CLIENT, Reach, head


async def page(target: str, method: str = "GET", problems: tuple[str, ...] = ()) -> Answer:
    reach = Reach()
    reach.problems = problems
    answer = await Gateway(reach).decide(head(target, "localhost:8888", method=method), CLIENT)
    assert isinstance(answer, Answer)
    return answer


def text_of(answer: Answer) -> str:
    assert isinstance(answer.body, bytes)
    return answer.body.decode()


@pytest.mark.parametrize("target", ["/", "/proxy.pac", "/shop/web/", "/nope"])
async def test_no_page_of_the_gateway_may_be_read_by_another_site(target: str) -> None:
    lines = dict((await page(target)).lines)
    assert lines["X-Content-Type-Options"] == "nosniff"
    assert lines["Cross-Origin-Resource-Policy"] == "same-origin"
    assert "Access-Control-Allow-Origin" not in lines


async def test_the_start_page_takes_nothing_from_elsewhere_and_cannot_be_framed() -> None:
    answer = await page("/")
    policy = dict(answer.lines)["Content-Security-Policy"]
    style = re.search(r"<style>(.*?)</style>", text_of(answer), re.DOTALL)
    assert style is not None
    digest = base64.b64encode(hashlib.sha256(style[1].encode()).digest()).decode()
    assert f"'sha256-{digest}'" in policy
    assert "default-src 'none'" in policy
    assert "frame-ancestors 'none'" in policy
    assert "<script" not in text_of(answer)
    assert " src=" not in text_of(answer)
    for link in re.findall(r"href=[\"']?([^\"'> ]+)", text_of(answer)):
        assert re.match(r"/|http://[\w.-]+localhost:8888/", link), link


async def test_the_start_page_lists_links_and_what_is_wrong() -> None:
    text = text_of(await page("/", problems=("pods <cannot> be read",)))
    assert '<a href="http://web.shop.localhost:8888/">web</a>' in text
    assert "pods &lt;cannot&gt; be read" in text
    assert "<code>127.0.0.1:8888</code>" in text


async def test_a_pac_file_has_the_type_that_browsers_ask_for() -> None:
    answer = await page("/proxy.pac")
    assert dict(answer.lines)["Content-Type"] == "application/x-ns-proxy-autoconfig"
    assert "PROXY localhost:8888" in text_of(answer)


async def test_pages_are_for_reading_only() -> None:
    assert (await page("/", "POST")).status == 405


def test_a_refusal_is_a_page_for_people_and_lines_for_programs() -> None:
    refused = Refused("there is no <b>", "did you mean a?", status=404)
    plain = pages.refusal(Wording(html=False), refused)
    assert plain.status == 404
    assert text_of(plain) == "kfwd: there is no <b>\nhint: did you mean a?\n"
    html = text_of(pages.refusal(Wording(html=True), refused))
    assert "there is no &lt;b&gt;" in html
    assert "did you mean a?" in html


@pytest.mark.parametrize(
    ("error", "status"),
    [
        (NotReady("no pod"), 503),
        (SessionLost("cut"), 502),
        (HttpError("not an answer", status=502), 502),
    ],
)
def test_the_status_says_whose_fault_it_is(error: KfwdError, status: int) -> None:
    assert pages.failure(Wording(html=False), error).status == status


def test_html_is_for_those_who_ask_for_it() -> None:
    assert pages.wording(head("/", "x", ("Accept", "text/html,*/*"))).html
    assert not pages.wording(head("/", "x", ("Accept", "*/*"))).html
