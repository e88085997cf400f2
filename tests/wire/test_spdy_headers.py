from __future__ import annotations

import tracemalloc
import zlib

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from kfwd.errors import ProtocolError
from kfwd.wire.spdy_dictionary import DICTIONARY
from kfwd.wire.spdy_headers import MAX_BLOCK, MAX_HEADERS, Deflater, Inflater

NAMES = st.text(st.characters(max_codepoint=255, exclude_categories=["Lu"]), max_size=12)
VALUES = st.text(st.characters(max_codepoint=255), max_size=40)


def u32(number: int) -> bytes:
    return number.to_bytes(4, "big")


def header(name: bytes, value: bytes = b"") -> bytes:
    return u32(len(name)) + name + u32(len(value)) + value


class Peer:
    """A deflater like Go's, which takes any text as a block."""

    def __init__(self, dictionary: bytes = DICTIONARY) -> None:
        self._zlib = zlib.compressobj(9, zdict=dictionary)

    def deflate(self, text: bytes, mode: int = zlib.Z_SYNC_FLUSH) -> bytes:
        return self._zlib.compress(text) + self._zlib.flush(mode)


@given(st.lists(st.dictionaries(NAMES, VALUES, max_size=5), max_size=6))
@settings(max_examples=60, deadline=None)
def test_what_is_deflated_inflates_to_the_same(blocks: list[dict[str, str]]) -> None:
    deflater, inflater = Deflater(), Inflater()
    assert [inflater.inflate(deflater.deflate(block)) for block in blocks] == blocks


def test_a_block_is_one_of_a_zlib_stream_with_the_dictionary() -> None:
    """Protocol notes J.1.7 and J.1.8."""
    deflater = Deflater()
    first, second = deflater.deflate({"port": "80"}), deflater.deflate({"port": "80"})
    assert first[:2] == b"\x78\xf9"
    assert int.from_bytes(first[:2], "big") % 31 == 0
    assert first[1] & 0x20
    assert first[2:6] == bytes.fromhex("e3c6a7c2")
    assert first.endswith(b"\0\0\xff\xff")
    assert second.endswith(b"\0\0\xff\xff")
    assert len(second) < len(first) - 6  # no header again, and the first block is referred to
    # Whoever follows RFC 1950 to the letter can read both.
    reader = zlib.decompressobj(zdict=DICTIONARY)
    assert reader.decompress(first) == reader.decompress(second) == u32(1) + header(b"port", b"80")


def test_many_blocks_stay_readable_beyond_the_window() -> None:
    deflater, inflater = Deflater(), Inflater()
    for number in range(3000):
        headers = {"streamtype": "data", "port": "8080", "requestid": str(number)}
        assert inflater.inflate(deflater.deflate(headers)) == headers


def test_a_stream_without_the_dictionary_is_read_too() -> None:
    assert Inflater().inflate(zlib.compress(u32(0))[:-4]) == {}


def test_the_same_name_twice_joins_the_values_by_nul() -> None:
    text = u32(2) + header(b"a", b"1") + header(b"a", b"2")
    assert Inflater().inflate(Peer().deflate(text)) == {"a": "1\0002"}


@pytest.mark.parametrize(
    ("text", "complaint"),
    [
        (b"", "cut short"),
        (u32(1), "cut short"),
        (u32(1) + u32(4) + b"nam", "cut short"),
        (u32(1) + header(b"a")[:-1], "cut short"),
        (u32(1) + u32(0xFFFFFFFF) + b"name", "cut short"),
        (u32(0) + b"x", "behind"),
        (u32(1) + header(b"Port", b"80"), "upper-case"),
        (u32(MAX_HEADERS + 1), "1001 headers"),
        (u32(0xFFFFFFFF), "headers"),
    ],
)
def test_a_malformed_block_is_a_protocol_error(text: bytes, complaint: str) -> None:
    with pytest.raises(ProtocolError, match=complaint):
        Inflater().inflate(Peer().deflate(text))


def test_the_most_headers_are_taken() -> None:
    text = u32(MAX_HEADERS) + b"".join(header(str(i).encode()) for i in range(MAX_HEADERS))
    assert len(Inflater().inflate(Peer().deflate(text))) == MAX_HEADERS


def test_a_block_with_another_dictionary_is_a_protocol_error() -> None:
    with pytest.raises(ProtocolError, match="inflated"):
        Inflater().inflate(Peer(b"another dictionary").deflate(u32(0)))


def test_a_zlib_stream_that_ends_is_a_protocol_error() -> None:
    with pytest.raises(ProtocolError, match="ends"):
        Inflater().inflate(Peer().deflate(u32(0), zlib.Z_FINISH))


def test_a_bomb_is_refused_before_it_is_unpacked() -> None:
    text = u32(1) + header(b"a", bytes(64 * 1024 * 1024))
    bomb = Peer().deflate(text)
    assert len(bomb) < 256 * 1024
    inflater = Inflater()
    tracemalloc.start()
    try:
        with pytest.raises(ProtocolError, match="longer than"):
            inflater.inflate(bomb)
        assert tracemalloc.get_traced_memory()[1] < 4 * MAX_BLOCK
    finally:
        tracemalloc.stop()


@given(st.binary(max_size=200))
@settings(max_examples=150, deadline=None)
def test_rubbish_is_a_protocol_error_and_nothing_else(block: bytes) -> None:
    try:
        Inflater().inflate(block)
    except ProtocolError:
        return


@given(st.binary(max_size=200))
@settings(max_examples=150, deadline=None)
def test_rubbish_well_packed_is_a_protocol_error_and_nothing_else(text: bytes) -> None:
    try:
        Inflater().inflate(Peer().deflate(text))
    except ProtocolError:
        return
