"""What is masked, and what is left alone."""

from __future__ import annotations

import time

import pytest

from kfwd.errors import KfwdError
from kfwd.masking import mask

JWT = "eyJhbGciOiJSUzI1NiJ9.eyJzdWIiOiJtZSJ9.c2lnbmF0dXJl"


@pytest.mark.parametrize(
    ("secret", "shown"),
    [
        ("Authorization: Bearer hunter2", "Authorization: Bearer ***"),
        ("authorization: basic aHVudGVy", "authorization: basic ***"),
        ('{"a": "Bearer hunter2"}', '{"a": "Bearer ***"}'),
        (
            "proxy http://me:hunter2@10.0.0.1:3128 failed",
            "proxy http://me:***@10.0.0.1:3128 failed",
        ),
        ("socks5://me:hunt@er2@10.0.0.1:1080", "socks5://me:***@10.0.0.1:1080"),
        ("https://127.0.0.1:6443/api", "https://127.0.0.1:6443/api"),
        (f"token {JWT} is too old", "token *** is too old"),
        (f"say:eyJ{'a' * 600}!", "say:***!"),
        (f"pod-{JWT}", "pod-***"),
        ("eyewitness-prod.example.com", "eyewitness-prod.example.com"),
    ],
)
def test_what_looks_like_a_secret_is_masked(secret: str, shown: str) -> None:
    assert mask(secret) == shown


@pytest.mark.parametrize("piece", ["://", "://a:", "://a:b@", "eyJ-", "eyJaaaaaaaa.", "basic "])
def test_no_text_takes_long_to_mask(piece: str) -> None:
    """A pod's error text has up to 64 KiB, and the daemon does nothing else meanwhile."""
    text = piece * (256 * 1024 // len(piece))
    before = time.process_time()
    mask(text)
    assert time.process_time() - before < 0.5


def test_no_error_carries_what_looks_like_a_secret() -> None:
    error = KfwdError("it said: Bearer hunter2", hint=f"run login {JWT}")
    assert (error.text, str(error), error.hint) == (
        "it said: Bearer ***",
        "it said: Bearer ***",
        "run login ***",
    )
