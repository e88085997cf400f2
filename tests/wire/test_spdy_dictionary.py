from __future__ import annotations

import hashlib
import zlib

from kfwd.wire.spdy_dictionary import DICTIONARY


def test_the_dictionary_is_the_one_that_go_uses() -> None:
    assert len(DICTIONARY) == 1423
    assert zlib.adler32(DICTIONARY) == 0xE3C6A7C2
    assert (
        hashlib.sha256(DICTIONARY).hexdigest()
        == "51d27341373f923f3cd88e1eb7162aeaa3723d7585ff2399201dc06498407f02"
    )


def test_its_words_carry_their_lengths() -> None:
    assert DICTIONARY.startswith(b"\0\0\0\x07options\0\0\0\x04head")
    assert b"\0\0\0\x06200 OK\0\0\0\x07version\0\0\0\x08HTTP/1.1" in DICTIONARY
    assert DICTIONARY.endswith(b"charset=iso-8859-1,utf-,*,enq=0.")
