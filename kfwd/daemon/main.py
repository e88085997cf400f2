"""The daemon's process: alone by its lock, up in the right order, down on a signal.

Listeners are bound before anything that takes long is loaded or asked: an application may connect
as soon as the process runs, and waits instead of being refused.
"""

from __future__ import annotations

import asyncio
import contextlib
import gc
import logging
import os
import secrets
import signal
import sys
import threading
from collections.abc import Coroutine, Iterator, Mapping
from typing import TYPE_CHECKING, Any

from kfwd import __version__, open_files
from kfwd.api_model import UpRequest
from kfwd.daemon import profiles, state
from kfwd.daemon.daemon import Daemon
from kfwd.daemon.factory import Inherited
from kfwd.daemon.fd_store import Restored
from kfwd.daemon.handover.take import Heir
from kfwd.daemon.health import DAEMON, about
from kfwd.daemon.lock import Control, Lock, bind_control
from kfwd.daemon.logs import Logs
from kfwd.daemon.managed import Managed
from kfwd.daemon.state import Saved
from kfwd.daemon.store import Store
from kfwd.errors import ExitCode, KfwdError
from kfwd.model import DaemonView, utcnow
from kfwd.paths import Paths, find, prepare_folder
from kfwd.service import environment
from kfwd.service.activation import passed
from kfwd.service.notify import without_own
from kfwd.tasks import either

if TYPE_CHECKING:
    from kfwd.daemon.api.server import Server

log = logging.getLogger(__name__)

LINGER_S = 1.0
"""How long after a hand-over who connected just before is told to ask the next daemon."""

FILES = 4096
"""Descriptors that the kernel has room for from the start."""

EXIT_S = 3.0
"""How long threads that hang (a name that is looked up, a file server) may delay the end."""


def run(
    env: Mapping[str, str] | None = None,
    *,
    record: bool = True,
    debug: bool = False,
    channel: int | None = None,
) -> int:
    """Be the daemon until a signal or `POST /v1/stop`; returns the exit code.

    `record`: PATH and the proxy variables in `env` are those of a person, and are kept for the
    daemons that a service manager starts. Without it the ones that were kept count. `channel` is a
    descriptor that leads to the daemon that this one takes over from.
    """
    env = os.environ if env is None else env
    try:
        paths = prepare(env)
        open_files.raise_limit()
        open_files.make_room(FILES)
        heir = Heir.receive(channel, paths) if channel is not None else None
        lock = heir.lock if heir else Lock.acquire(paths.lock)
    except KfwdError as error:
        return complain(error)
    logs = Logs(paths.log_file, debug=debug)
    try:
        with contextlib.ExitStack() as end, asyncio.Runner() as runner:
            code = outcome(runner, serve(paths, env, logs, lock, heir, record=record))
            end.enter_context(at_most(EXIT_S, code))
        return code
    finally:
        lock.release()
        logs.close()


def outcome(runner: asyncio.Runner, serving: Coroutine[Any, Any, int]) -> int:
    """The exit code; why it failed is said before threads that hang are waited for."""
    try:
        return runner.run(serving)
    except KfwdError as error:
        log.error("%s", error.text)
        return complain(error)


@contextlib.contextmanager
def at_most(seconds: float, code: int) -> Iterator[None]:
    """End the process with this exit code if that takes longer."""
    last_resort = threading.Timer(seconds, os._exit, (code,))
    last_resort.daemon = True
    last_resort.start()
    try:
        yield
    finally:
        last_resort.cancel()


def complain(error: KfwdError) -> int:
    """Say on stderr what is wrong and what to do."""
    sys.stderr.write(f"kfwd: {error.text}\n")
    if error.hint:
        sys.stderr.write(f"hint: {error.hint}\n")
    return ExitCode.FAILED


def prepare(env: Mapping[str, str]) -> Paths:
    """The folders, made where they are missing. Raises `KfwdError` when one cannot be."""
    paths = find(env)
    prepare_folder(paths.runtime)
    try:
        paths.create()
    except OSError as error:
        raise KfwdError(
            f"the folder {error.filename} cannot be made: {error.strerror}",
            hint="KFWD_CONFIG_DIR, KFWD_STATE_DIR and KFWD_LOG_DIR choose others",
            code="folder-unusable",
        ) from error
    return paths


async def serve(
    paths: Paths,
    env: Mapping[str, str],
    logs: Logs,
    lock: Lock,
    heir: Heir | None = None,
    *,
    record: bool,
) -> int:
    """Everything between the lock and its release."""
    saved, unreadable = state.load(paths.state_file)
    seen = env if record else environment.completed(env, paths.state)
    before = heir or Restored(passed(env, os.getpid()), paths)
    control = before.control or Control(bind_control(paths.socket), ours=True)
    daemon = make(paths, saved or Saved(), seen, logs, before.sockets)
    managed = Managed(env, before.names)
    try:
        if heir is None:
            daemon.history.begin_anew()
        for wanted in heir.attached if heir else ():
            daemon.attached.inherit(wanted)
        await daemon.start(accepting=heir is None)
        with stopped_by_signals(daemon, managed):
            if unreadable is not None:
                daemon.store.set_problem("state", about(DAEMON, unreadable))
                log.error("%s", unreadable.text)
                await start_anew(daemon)
            person = env if record else None
            await answer(daemon, control, lock, managed=managed, before=before, person=person)
    finally:
        stuck = await close(daemon, control, lock, managed)
    log.info("stopped%s", f"; these did not: {', '.join(stuck)}" if stuck else "")
    return ExitCode.OK


async def close(daemon: Daemon, control: Control, lock: Lock, managed: Managed) -> list[str]:
    """Close everything, but for what another process has or will have; returns what is stuck."""
    if not lock.mine:
        daemon.leave()
    elif managed.comes_again(daemon):
        for _, door in daemon.doors():
            door.leave()
    stuck = await daemon.close()
    await managed.close()
    if lock.mine and control.ours:
        daemon.paths.socket.unlink(missing_ok=True)
    control.sock.close()
    return stuck


async def start_anew(daemon: Daemon) -> None:
    """Bring up every enabled profile that is valid: what was up is not known."""
    folder = daemon.paths.profiles
    for name in profiles.names(folder):
        try:
            spec = profiles.read_valid(folder, (name,), daemon.saved.profiles)[0]
            if spec.enabled:
                await daemon.profiles.up(UpRequest(kubeconfig=(), profiles=(name,)))
        except KfwdError as error:
            log.warning("profile %s stays down: %s", name, error.text)


def make(
    paths: Paths,
    saved: Saved,
    env: Mapping[str, str],
    logs: Logs,
    inherited: Inherited | None = None,
) -> Daemon:
    """A daemon that is not started; its plugins will see `env`, but for what is ours alone."""
    view = DaemonView(
        pid=os.getpid(), version=__version__, started=utcnow(), socket=str(paths.socket)
    )
    return Daemon(
        paths,
        saved,
        store=Store(view, secrets.token_hex(4)),
        ring=logs.ring,
        env=without_own(env),
        inherited=inherited,
    )


async def answer(
    daemon: Daemon,
    control: Control,
    lock: Lock,
    *,
    managed: Managed,
    before: Heir | Restored,
    person: Mapping[str, str] | None,
) -> None:
    """Serve the control API until the daemon is asked to stop, or another process is the daemon.

    `person` is the environment of one, to be kept once this process is the daemon.
    """
    from kfwd.daemon.api.routes import ALL
    from kfwd.daemon.api.server import Server
    from kfwd.daemon.handover.finish import finish
    from kfwd.daemon.handover.give import Giver
    from kfwd.daemon.place import Place

    server = Server(daemon, ALL)
    giver = Giver(daemon, server, lock, control, managed)
    daemon.hand_over = giver.hand_over
    await server.prepare()
    gc.freeze()  # what is loaded stays: looking at it again holds bytes up for some 20 ms
    try:
        if isinstance(before, Heir):
            await before.take_over(daemon)
        before.close()
        await server.start(control.sock)
        await announce(daemon, managed, person)
        kept = [Place(daemon, server, lock, control).keep()] if control.ours else []
        await either(daemon.stopping.wait(), giver.given.wait(), *kept)
        await giver.call_off()
        log.info("stopping")
        await managed.stopping()
    finally:
        before.close()
        await hang_up(daemon, server, replaced=giver.given.is_set())
    if giver.given.is_set():
        await finish(daemon)


async def announce(daemon: Daemon, managed: Managed, person: Mapping[str, str] | None) -> None:
    """This process is the daemon now."""
    if person is not None:
        await keep(daemon.paths, person)
    await managed.ready(daemon)
    log.info("started: pid %d, %s", os.getpid(), daemon.paths.socket)


async def hang_up(daemon: Daemon, server: Server, *, replaced: bool) -> None:
    """End the streams of the control API, then the API itself."""
    daemon.store.close()
    daemon.ring.close()
    if replaced:
        await asyncio.sleep(LINGER_S)
    await server.close()


async def keep(paths: Paths, env: Mapping[str, str]) -> None:
    """Record the environment of who started this daemon, for one that a service manager starts."""
    try:
        await asyncio.to_thread(environment.record, paths.state, env)
    except OSError as error:
        log.warning("PATH and proxies are not kept for the service: %s", error)


@contextlib.contextmanager
def stopped_by_signals(daemon: Daemon, managed: Managed) -> Iterator[None]:
    """SIGTERM and SIGINT stop the daemon, SIGHUP has it read its files again."""
    loop = asyncio.get_running_loop()
    actions = {
        signal.SIGTERM: lambda: managed.stop(daemon),
        signal.SIGINT: lambda: managed.stop(daemon),
        signal.SIGHUP: lambda: managed.reload_soon(daemon),
    }
    for number, action in actions.items():
        loop.add_signal_handler(number, action)
    try:
        yield
    finally:
        for number in actions:
            loop.remove_signal_handler(number)
