from __future__ import annotations

import hashlib

import pytest

from kfwd.sim.pattern import BLOCK, blocks, sha256


@pytest.mark.parametrize("total", [0, 1, 8, BLOCK - 1, BLOCK, BLOCK + 1, 3 * BLOCK + 17])
def test_the_blocks_make_up_the_length_that_was_asked_for(total: int) -> None:
    assert sum(map(len, blocks(total))) == total


def test_no_two_blocks_are_alike() -> None:
    assert len(set(blocks(64 * BLOCK))) == 64


def test_a_shorter_pattern_is_the_beginning_of_a_longer_one() -> None:
    assert b"".join(blocks(3 * BLOCK)).startswith(b"".join(blocks(BLOCK + 5)))


def test_the_hash_is_that_of_the_bytes_and_never_changes() -> None:
    assert sha256(100_000) == hashlib.sha256(b"".join(blocks(100_000))).hexdigest()
    assert sha256(1) == hashlib.sha256(b"\0").hexdigest()
