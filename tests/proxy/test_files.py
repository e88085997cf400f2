from __future__ import annotations

import os
from pathlib import Path

import pytest

from kfwd.errors import HttpError
from kfwd.proxy.decision import Answer, Part
from kfwd.proxy.files import Files
from kfwd.wire.http1 import RequestHead, indexed

DATE = "Sat, 01 Jan 2000 00:00:00 GMT"


@pytest.fixture
def root(tmp_path: Path) -> Path:
    root = tmp_path / "www"
    (root / "more").mkdir(parents=True)
    (root / "site").mkdir()
    for name, text in (("a.txt", "hello"), ("b&c.html", "<p>"), ("site/index.html", "index")):
        (root / name).write_text(text)
    (tmp_path / "secret").write_text("no")
    os.utime(root / "a.txt", (946684800, 946684800))
    return root


async def ask(root: Path, path: str, method: str = "GET", **headers: str) -> Answer:
    lines = tuple((name.replace("_", "-"), value) for name, value in headers.items())
    return await Files(root).answer(RequestHead(lines, indexed(lines), 1, method, "/"), path)


async def test_a_file_is_sent_with_its_type_and_date(root: Path) -> None:
    answer = await ask(root, "a.txt")
    assert (answer.status, answer.body) == (200, Part(root / "a.txt", 0, 5))
    assert dict(answer.lines) == {
        "Content-Type": "text/plain; charset=utf-8",
        "Accept-Ranges": "bytes",
        "Last-Modified": DATE,
    }


async def test_a_file_that_has_not_changed_is_not_sent(root: Path) -> None:
    assert (await ask(root, "a.txt", If_Modified_Since=DATE)).status == 304
    earlier = "Fri, 31 Dec 1999 00:00:00 GMT"
    assert (await ask(root, "a.txt", If_Modified_Since=earlier)).status == 200
    assert (await ask(root, "a.txt", If_Modified_Since="yesterday")).status == 200


@pytest.mark.parametrize(
    ("span", "offset", "size", "content"),
    [("0-1", 0, 2, "0-1"), ("3-", 3, 2, "3-4"), ("-2", 3, 2, "3-4"), ("1-99", 1, 4, "1-4")],
)
async def test_a_part_of_a_file(
    root: Path, span: str, offset: int, size: int, content: str
) -> None:
    answer = await ask(root, "a.txt", Range=f"bytes={span}")
    assert (answer.status, answer.body) == (206, Part(root / "a.txt", offset, size))
    assert dict(answer.lines)["Content-Range"] == f"bytes {content}/5"


@pytest.mark.parametrize("span", ["9-", "5-", "3-2"])
async def test_a_part_that_is_not_there(root: Path, span: str) -> None:
    answer = await ask(root, "a.txt", Range=f"bytes={span}")
    assert (answer.status, dict(answer.lines)["Content-Range"]) == (416, "bytes */5")


async def test_several_parts_are_the_whole(root: Path) -> None:
    assert (await ask(root, "a.txt", Range="bytes=0-1,3-4")).status == 200


async def test_a_folder_is_listed_or_has_an_index(root: Path) -> None:
    listing = await ask(root, "")
    assert isinstance(listing.body, bytes)
    assert b'<a href="b%26c.html">b&amp;c.html</a>\n<a href="more/">more/</a>' in listing.body
    index = await ask(root, "site/")
    assert index.body == Part(root / "site/index.html", 0, 5)


@pytest.mark.parametrize(
    ("path", "location"),
    [("more", "more/"), ("a.txt/", "../a.txt"), ("site/index.html", "./"), ("site", "site/")],
)
async def test_another_form_of_a_path_leads_to_the_usual_one(
    root: Path, path: str, location: str
) -> None:
    answer = await ask(root, path)
    assert (answer.status, dict(answer.lines)["Location"]) == (301, location)


@pytest.mark.parametrize(
    "path", ["../secret", "more/../../secret", "/etc/passwd", "none", "a" * 5000]
)
async def test_nothing_outside_the_folder_is_found(root: Path, path: str) -> None:
    assert (await ask(root, path)).status == 404


async def test_only_files_are_files(root: Path) -> None:
    os.mkfifo(root / "pipe")
    assert (await ask(root, "pipe")).status == 404


async def test_files_are_only_read(root: Path) -> None:
    assert (await ask(root, "a.txt", "POST")).status == 405
    with pytest.raises(HttpError):
        await ask(root, "a\0")
