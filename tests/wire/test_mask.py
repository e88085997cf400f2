"""Masking: the function in C and the one in Python, against the RFC's own words."""

from collections.abc import Callable

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from kfwd.wire import mask

MASKS = st.binary(min_size=4, max_size=4)
both = pytest.mark.parametrize("in_place", [mask.by_table, mask.mask_in_place])


def naive(data: bytes, key: bytes) -> bytes:
    """RFC 6455, 5.3: octet i of the masked data is octet i XOR octet i mod 4 of the key."""
    return bytes(byte ^ key[i % 4] for i, byte in enumerate(data))


@both
@given(data=st.binary(max_size=70), key=MASKS)
@settings(max_examples=100, deadline=None)
def test_masking_is_the_xor_of_the_rfc(
    in_place: Callable[[bytes, bytearray], None], data: bytes, key: bytes
) -> None:
    masked = bytearray(data)
    in_place(key, masked)
    assert masked == naive(data, key)
    in_place(key, masked)
    assert masked == data


@both
def test_long_payloads_of_any_remainder(in_place: Callable[[bytes, bytearray], None]) -> None:
    data, key = bytes(range(256)) * 130, b"\x01\x80\xff\x3c"
    for cut in range(4):
        masked = bytearray(data[: len(data) - cut])
        in_place(key, masked)
        assert masked == naive(data[: len(data) - cut], key)


def test_aiohttp_still_has_the_function() -> None:
    assert mask.mask_in_place is not mask.by_table


def test_what_is_masked_is_left_as_it_was() -> None:
    data = bytearray(b"abcdef")
    masked = mask.apply_mask(memoryview(data), b"1234")
    assert masked == naive(b"abcdef", b"1234")
    assert data == b"abcdef"


def test_a_mask_of_zeros_changes_nothing() -> None:
    assert mask.apply_mask(b"abc", bytes(4)) == mask.apply_mask(b"abc", b"") == b"abc"
