"""Logins that a person makes in a terminal: for which context, and what the credential is for."""

from __future__ import annotations

import asyncio
from collections.abc import Collection

from kfwd.api_model import LoginQuery, LoginRequest, LoginResult, LoginTarget
from kfwd.daemon import profiles
from kfwd.daemon.clusters import Clusters
from kfwd.daemon.reach.find import opened
from kfwd.errors import UsageError
from kfwd.kube import exec_plugin, kubeconfig
from kfwd.kube.login_hint import login_hint
from kfwd.model import ContextRef, ContextState


class Logins:
    """`default_kubeconfig` is for callers that name no kubeconfig."""

    def __init__(self, clusters: Clusters, default_kubeconfig: tuple[str, ...]) -> None:
        self._clusters = clusters
        self._default = default_kubeconfig

    async def target(self, query: LoginQuery) -> LoginTarget:
        """The context that is meant.

        Raises `UnknownContext` when there is none of that name, `UsageError` when there are
        several, and when its login is none that a plugin makes; `ConfigError`.
        """
        paths = query.kubeconfig or self._default
        ref = choose(self._clusters.states(), query.context, paths)
        if ref is None:
            ref = await asyncio.to_thread(profiles.find, paths, query.context)
        context = await asyncio.to_thread(kubeconfig.find, ref)
        if context.user.exec is None:
            raise UsageError(
                f'the user of context "{ref.name}" has no login plugin to run',
                hint=login_hint(context),
                code="no-login-plugin",
            )
        return LoginTarget(context=ref.name, kubeconfig=ref.kubeconfig)

    async def take(self, request: LoginRequest) -> LoginResult:
        """Use a plugin's output. Raises `LoginNeeded` when it is none or the server refuses it."""
        ref = ContextRef(kubeconfig=request.kubeconfig, name=request.context)
        with self._clusters.borrow(ref) as context:
            cluster = await opened(context)
            if cluster.context.user.exec is None:
                raise UsageError(f'the user of context "{ref.name}" has no login plugin')
            given = exec_plugin.granted(cluster.context, request.credential.encode())
            await context.log_in(given)
            return LoginResult(
                context=ref.name, state=cluster.state, login_expires=cluster.login_expires
            )


def choose(
    used: Collection[tuple[ContextRef, ContextState]], name: str | None, paths: tuple[str, ...]
) -> ContextRef | None:
    """Which of the contexts in use is meant: the one called `name`, or that needs a login.

    None: another one. Of several, one in the caller's own kubeconfig (`paths`) is preferred.
    Raises `UsageError` when that does not decide.
    """
    if name is None:
        found = [ref for ref, state in used if state is ContextState.LOGIN_NEEDED]
    else:
        found = [ref for ref, _ in used if ref.name == name]
    if len(found) > 1:
        found = [ref for ref in found if name and ref.kubeconfig == paths] or found
    if len(found) > 1:
        listed = sorted(f"{ref.name} ({':'.join(ref.kubeconfig)})" for ref in found)
        raise UsageError("several contexts may be meant", hint=f"say which: {', '.join(listed)}")
    return found[0] if found else None
