"""`kfwd completion bash|zsh|fish`: the script that makes a shell ask us for words."""

from __future__ import annotations

import click


@click.command()
@click.argument("shell", type=click.Choice(["bash", "zsh", "fish"]))
def completion(shell: str) -> None:
    """Print a completion script: source <(kfwd completion bash)."""
    from click.shell_completion import get_completion_class

    from kfwd.cli.main import COMPLETE_VAR, kfwd

    found = get_completion_class(shell)
    if found is None:
        raise click.UsageError(f"no completion for {shell}")
    print(found(kfwd, {}, "kfwd", COMPLETE_VAR).source())
