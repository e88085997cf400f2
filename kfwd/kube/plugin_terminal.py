"""A person's terminal becomes a context's login plugin: `python -m kfwd.kube.plugin_terminal`.

A program of its own, so that the command line can run a plugin as kubectl does without knowing what
a kubeconfig holds, and the plugin's arguments and variables pass through nobody's hands.
"""

from __future__ import annotations

import os
import signal
import sys
from collections.abc import Mapping, Sequence

from kfwd.errors import KfwdError
from kfwd.kube import exec_plugin, kubeconfig

NOT_STARTED = 126
"""Exit status where there was no plugin to run; stderr says why."""


def main(arguments: Sequence[str], env: Mapping[str, str]) -> int:
    """`CONTEXT FILE...`: become the plugin of that context; returns only when that fails.

    Its credential goes to stdout. As in client-go, it may ask where stdin is a terminal.
    """
    name, *files = arguments
    try:
        context = kubeconfig.load(files).context(name)
        call = exec_plugin.invocation(context, env, terminal=os.isatty(0))
        _become(call, context)
    except KfwdError as error:
        lines = [f"kfwd: {error.text}", *([f"hint: {error.hint}"] if error.hint else [])]
        sys.stderr.write("".join(f"{line}\n" for line in lines))
    return NOT_STARTED


def _become(call: exec_plugin.Invocation, context: kubeconfig.Context) -> None:
    if not call.interactive:
        os.dup2(os.open(os.devnull, os.O_RDONLY), 0)
    signal.signal(signal.SIGPIPE, signal.SIG_DFL)  # Python ignores it, and that is inherited
    try:
        os.execvpe(call.argv[0], call.argv, call.env)  # noqa: S606  # that is the point
    except OSError as error:
        raise exec_plugin.not_started(context, call.env, error) from None


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:], os.environ))
