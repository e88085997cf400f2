"""`kfwd demo`: the whole thing against a simulated cluster."""

from __future__ import annotations

import sys

import click

from kfwd.cli.app import App, pass_app


@click.command()
@click.option("--headless", is_flag=True, help="Run every step, check it and end.")
@pass_app
def demo(app: App, headless: bool) -> int:
    """Show the main job on a simulated cluster. On a terminal it is left for you to try."""
    from kfwd.demo import run

    def say(line: str) -> None:
        print(line, flush=True)

    if headless or not sys.stdout.isatty():
        return run.headless(app.env, say)
    return run.interactive(app.env, say)
