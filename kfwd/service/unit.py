"""The units of systemd --user (systemd.service(5), systemd.socket(5), systemd.exec(5)). Pure.

Whatever is forbidden here is forbidden to login plugins too, so only what no program that runs as
a person needs is: no sandbox of the file system, none of namespaces (browsers have their own), no
private /tmp (agents have their sockets there). `NoNewPrivileges`, which the filters of system calls
imply, keeps plugins from becoming root; those that come as snaps or call sudo do not run then.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from pathlib import Path

SERVICE = "kfwd.service"
SOCKET = "kfwd.socket"
CONTROL = "control"
"""The name of the control socket among those that the socket unit passes on."""

_SERVICE = """\
[Unit]
Description=kfwd: what runs in Kubernetes, at local addresses
StartLimitIntervalSec=120
StartLimitBurst=20

[Service]
Type=notify
# On `kfwd daemon restart` the process that takes over speaks for itself.
NotifyAccess=all
ExecStart=:{command}
ExecReload=kill -HUP $MAINPID
Restart=on-failure
RestartSec=1
TimeoutStartSec=60
TimeoutStopSec=20
WatchdogSec=60
# Listeners outlive a crash: connections wait for the next process.
FileDescriptorStoreMax=4096
# A login plugin that takes too much memory is ended alone.
OOMPolicy=continue
WorkingDirectory=/
{environment}UMask=0077
LimitCORE=0
{hardening}
[Install]
WantedBy=default.target
"""

_HARDENING = """\
NoNewPrivileges=yes
LockPersonality=yes
RestrictRealtime=yes
RestrictSUIDSGID=yes
RestrictAddressFamilies=AF_UNIX AF_INET AF_INET6 AF_NETLINK
SystemCallArchitectures=native
SystemCallFilter=~@clock @cpu-emulation @module @obsolete @raw-io @reboot @swap
SystemCallErrorNumber=EPERM
"""

_SOCKET = """\
[Unit]
Description=kfwd: the control socket, on which a command starts the daemon

[Socket]
ListenStream={path}
SocketMode=0600
DirectoryMode=0700
FileDescriptorName={name}
Service={service}

[Install]
WantedBy=sockets.target
"""


_QUOTES = "\"'\\"


def service(command: str, environment: Sequence[str] = (), *, privileges: bool = False) -> str:
    """The service unit. `command` and `environment` are quoted already: `command_line`, `assigned`.

    With `privileges` plugins may be set-user-ID programs.
    """
    lines = "".join(f"Environment={each}\n" for each in environment)
    hardening = "" if privileges else _HARDENING
    return _SERVICE.format(command=command, environment=lines, hardening=hardening)


def socket(path: str) -> str:
    """The unit of the control socket at `path`, a path as `plain` or specifiers make it."""
    return _SOCKET.format(path=path, name=CONTROL, service=SERVICE)


def command_line(command: Sequence[str]) -> str:
    """For `ExecStart=:`, which leaves `$` alone.

    systemd starts no program with quotes in its path, but passes anything on to one.
    """
    starter = ("/usr/bin/env",) if set(command[0]) & set(_QUOTES) else ()
    return " ".join(_quoted(word) for word in (*starter, *command))


def assigned(variables: Mapping[str, str]) -> list[str]:
    """For `Environment=`, one a line."""
    return [_quoted(f"{name}={value}") for name, value in variables.items()]


def has_assigned(text: str, variables: Mapping[str, str]) -> bool:
    """Whether a service unit sets all of these."""
    lines = text.splitlines()
    return all(f"Environment={each}" in lines for each in assigned(variables))


def plain(path: Path) -> str:
    """For settings that are one path."""
    return str(path).replace("%", "%%")


def _quoted(word: str) -> str:
    escaped = word.replace("\\", "\\\\").replace('"', '\\"').replace("%", "%%")
    escaped = escaped.replace("\n", "\\n").replace("\t", "\\t")
    return f'"{escaped}"'
