"""One target under libFuzzer, by Atheris: `python -m tests.fuzz.child TARGET [FLAG|FOLDER]...`."""

from __future__ import annotations

import sys

import atheris

from tests.fuzz import target


def main() -> None:
    name, *rest = sys.argv[1:]
    with atheris.instrument_imports(include=["kfwd"]):
        check = target.load(name).check
    atheris.Setup([sys.argv[0], *rest], lambda data: check(data) and None)
    atheris.Fuzz()


if __name__ == "__main__":
    main()
