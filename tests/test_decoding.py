from __future__ import annotations

import re
import subprocess
import sys
from pathlib import Path

import msgspec
import pytest

import kfwd
from kfwd import decoding
from kfwd.model import Snapshot

AT_ONCE = """
import sys, threading
from msgspec import Struct, defstruct
from kfwd import decoding

def meet(shape, barrier):
    barrier.wait()
    decoding.convert({"inner": {}}, shape)

sys.setswitchinterval(1e-6)
for n in range(300):
    inner = defstruct(f"Inner{n}", [(f"field{k}", "int | str | None", None) for k in range(20)])
    shape = defstruct(f"Outer{n}", [("inner", inner), ("also", inner | None, None)])
    barrier = threading.Barrier(2)
    threads = [threading.Thread(target=meet, args=(shape, barrier)) for _ in range(2)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
"""


def test_two_threads_may_meet_a_type_at_once() -> None:
    done = subprocess.run([sys.executable, "-c", AT_ONCE], capture_output=True, check=False)
    assert (done.returncode, done.stderr) == (0, b"")


def test_nothing_else_makes_records() -> None:
    """Whatever goes past this module could still be learning a type."""
    bare = re.compile(r"msgspec\.convert\(|Decoder\(\w*\.?[A-Z]\w*\)|json\.decode\([^)]*type=")
    folder = Path(kfwd.__file__).parent
    found = {
        path.name
        for path in folder.rglob("*.py")
        if bare.search(path.read_text()) and path.name != "decoding.py"
    }
    assert found == set()


def test_a_decoder_is_made_once() -> None:
    assert decoding.decoder(Snapshot) is decoding.decoder(Snapshot)


def test_strings_count_as_numbers_only_where_that_is_asked() -> None:
    assert decoding.convert({"a": "1"}, dict[str, int], strict=False) == {"a": 1}
    with pytest.raises(msgspec.ValidationError):
        decoding.convert({"a": "1"}, dict[str, int])
