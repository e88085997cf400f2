"""An editor that writes what it was told to."""

from __future__ import annotations

from pathlib import Path


def editor(folder: Path, *texts: str) -> str:
    """A program that writes `texts`, one each time it is called; the last one again and again."""
    for number, text in enumerate(texts):
        (folder / f"text{number}").write_text(text)
    script, count = folder / "editor", folder / "count"
    script.write_text(
        f"#!/bin/sh\nn=$(cat {count} 2>/dev/null || echo 0)\n"
        f"[ $n -lt {len(texts) - 1} ] && echo $((n+1)) > {count}\n"
        f'cat {folder}/text$n > "$1"\n'
    )
    script.chmod(0o755)
    return str(script)
