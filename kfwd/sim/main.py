"""`kfwd sim start`: a simulated cluster in the foreground."""

from __future__ import annotations

import argparse
import asyncio
import logging
import signal
import sys
import tempfile
from collections.abc import Sequence
from pathlib import Path

from kfwd import decoding, open_files
from kfwd.errors import ExitCode, KfwdError, UsageError
from kfwd.sim import kubeconfig
from kfwd.sim.cluster import READY_S, Cluster, Options


async def run(options: Options) -> None:
    """Run a cluster until SIGINT or SIGTERM. Prints one line when it is ready.

    The kubeconfig is written once the cluster answers; one that nobody named lies in a temporary
    folder that goes with the cluster. Raises KfwdError, OSError.
    """
    if options.kubeconfig is not None:
        kubeconfig.check(options.kubeconfig)
        await _serve(options, options.kubeconfig)
        return
    with tempfile.TemporaryDirectory(prefix="kfwd-sim-") as folder:
        await _serve(options, Path(folder) / "kubeconfig")


async def _serve(options: Options, path: Path) -> None:
    stop = asyncio.Event()
    loop = asyncio.get_running_loop()
    for number in (signal.SIGINT, signal.SIGTERM):
        loop.add_signal_handler(number, stop.set)
    cluster = _made(options)
    try:
        access = await cluster.start()
        kubeconfig.write(path, access)
        _say(f"simulated cluster ready at {access.url}, kubeconfig {path}, context sim")
        await stop.wait()
    finally:
        await cluster.close()
        for number in (signal.SIGINT, signal.SIGTERM):
            loop.remove_signal_handler(number)


def _made(options: Options) -> Cluster:
    try:
        return Cluster(options)
    except ValueError as error:
        raise UsageError(str(error), code="unknown-fault") from error


def _say(line: str) -> None:
    sys.stdout.write(line + "\n")
    sys.stdout.flush()


def parse(argv: Sequence[str]) -> Options:
    """The options of `start [--port P] [--kubeconfig FILE] [--manifest FILE] [--fault K=V]...`."""
    parser = argparse.ArgumentParser(prog="kfwd sim")
    commands = parser.add_subparsers(required=True)
    start = commands.add_parser("start", help="run a simulated cluster in the foreground")
    start.add_argument("--port", type=int, default=0, help="API port on 127.0.0.1; 0: a free one")
    start.add_argument("--kubeconfig", type=Path, help="write the kubeconfig to this file")
    start.add_argument("--manifest", type=Path, help="Kubernetes YAML to hold instead of the demo")
    start.add_argument("--fault", action="append", default=[], dest="faults", metavar="KEY=VALUE")
    start.add_argument(
        "--ready-delay",
        type=float,
        default=READY_S,
        dest="ready_s",
        metavar="SECONDS",
        help="from running to ready, for pods made later on",
    )
    start.add_argument(
        "--node-net",
        metavar="127.A.B",
        help="where nodes and load balancers have their addresses; by default the first free one",
    )
    start.add_argument("--pod-logs", type=Path, metavar="FILE", help="append what pods log to FILE")
    return decoding.convert(vars(parser.parse_args(argv)), Options)


def main(argv: Sequence[str] | None = None) -> int:
    """Returns the exit status."""
    logging.basicConfig(level=logging.WARNING, format="%(name)s: %(message)s")
    open_files.raise_limit()
    try:
        asyncio.run(run(parse(sys.argv[1:] if argv is None else argv)))
    except KfwdError as error:
        hint = f"\nhint: {error.hint}" if error.hint else ""
        sys.stderr.write(f"kfwd: {error.text}{hint}\n")
        return error.exit_code
    except OSError as error:
        sys.stderr.write(f"kfwd: {error}\n")
        return ExitCode.FAILED
    return ExitCode.OK


if __name__ == "__main__":
    sys.exit(main())
