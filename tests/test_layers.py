"""The shape of the source: every module has a test module, no file grows without end."""

from __future__ import annotations

from pathlib import Path

ROOT = Path(__file__).parent.parent
MODULES = sorted(
    path.relative_to(ROOT / "kfwd")
    for path in (ROOT / "kfwd").rglob("*.py")
    if path.name not in {"__init__.py", "__main__.py"}
)


def test_every_module_has_a_test_module() -> None:
    missing = [
        str(module)
        for module in MODULES
        if not (ROOT / "tests" / module.parent / f"test_{module.name}").exists()
    ]
    assert missing == []


def test_files_stay_short() -> None:
    long = [
        f"{module}: {lines}"
        for module in MODULES
        if (lines := len((ROOT / "kfwd" / module).read_text().splitlines())) > 400
    ]
    assert long == []
