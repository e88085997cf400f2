"""Every error people meet: a stable code, a sentence, a hint, and an exit code.

The class says whose fault it is, and so whether to try again:

* `UsageError`, `NotFound`, `ProfileInvalid`, `ConfigError`: a person must change something.
* `LoginNeeded`, `Forbidden`: who we are is not enough; a login or a rule must change.
* `Unreachable`, `ApiError`, `UpgradeFailed`, `SessionLost`: the network or the cluster; try again.
* `ProtocolError`: the peer broke a protocol; that connection is over, nothing else.
"""

from __future__ import annotations

from enum import IntEnum
from typing import ClassVar, Final

import msgspec

from kfwd.masking import mask

NOT_JSON: Final = (msgspec.MsgspecError, UnicodeDecodeError, RecursionError)
"""What a decoder raises for bytes that are not the JSON they should be: text that is not UTF-8 and
brackets without end are no `MsgspecError`."""


class ExitCode(IntEnum):
    """What a command's exit status means (design section 6)."""

    OK = 0
    FAILED = 1
    USAGE = 2
    NO_DAEMON = 3
    NOT_FOUND = 4
    PROFILE_INVALID = 5
    NOT_READY = 6
    NOT_ALLOWED = 7


class KfwdError(Exception):
    """An error with a stable kebab-case `code`, a sentence and, where there is one, a way out.

    Both may quote somebody else: what looks like a secret in them is masked.
    """

    code: str = "failed"
    exit_code: ClassVar[ExitCode] = ExitCode.FAILED

    def __init__(self, text: str, *, hint: str | None = None, code: str | None = None) -> None:
        self.text = mask(text)
        super().__init__(self.text)
        self.hint = hint and mask(hint)
        if code is not None:
            self.code = code


class UsageError(KfwdError):
    """A command or request that cannot be understood."""

    code = "usage"
    exit_code = ExitCode.USAGE


class DaemonUnreachable(KfwdError):
    """No daemon answers on the control socket."""

    code = "daemon-unreachable"
    exit_code = ExitCode.NO_DAEMON


class DaemonReplaced(KfwdError):
    """Another process is the daemon now; what was asked for was not begun. Asking again helps."""

    code = "daemon-replaced"


class NotFound(KfwdError):
    """No such entry, profile or object."""

    code = "not-found"
    exit_code = ExitCode.NOT_FOUND


class ProfileInvalid(KfwdError):
    """One or more faults in a profile file; `text` has a `file:line:column: message` per line."""

    code = "profile-invalid"
    exit_code = ExitCode.PROFILE_INVALID


class NotReady(KfwdError):
    """Something was not ready in the time it was given."""

    code = "not-ready"
    exit_code = ExitCode.NOT_READY


class ConfigError(KfwdError):
    """A kubeconfig that is missing, unreadable or contradicts itself."""

    code = "kubeconfig-invalid"


class UnknownContext(ConfigError):
    """A context that no kubeconfig has."""

    code = "unknown-context"
    exit_code = ExitCode.NOT_FOUND


class LoginNeeded(KfwdError):
    """The server does not know us, or a credential cannot be had."""

    code = "login-needed"
    exit_code = ExitCode.NOT_ALLOWED


class Forbidden(KfwdError):
    """The server knows us and says no (RBAC)."""

    code = "forbidden"
    exit_code = ExitCode.NOT_ALLOWED


DENIED_CODES: Final = frozenset({Forbidden.code, "portforward-forbidden"})
"""Codes of problems that a rule (RBAC) has to be changed for."""


class Unreachable(KfwdError):
    """DNS, TCP, TLS or a proxy on the way failed before the API server could answer."""

    code = "unreachable"


class ApiError(KfwdError):
    """An answer of the API server outside 2xx; `status` is the HTTP status."""

    code = "api-error"

    def __init__(
        self,
        text: str,
        *,
        status: int,
        reason: str = "",
        retry_after_s: float | None = None,
        hint: str | None = None,
        code: str | None = None,
    ) -> None:
        super().__init__(text, hint=hint, code=code)
        self.status = status
        self.reason = reason
        self.retry_after_s = retry_after_s


class UpgradeFailed(ApiError):
    """A request to upgrade was answered with something other than a usable 101.

    `status` is the HTTP status, or 0 when the server closed the connection or said nothing.
    """

    code = "upgrade-failed"


class SessionLost(KfwdError):
    """An upgraded connection ended under its streams."""

    code = "session-lost"


class ProtocolError(KfwdError):
    """The peer sent bytes that its protocol does not allow."""

    code = "protocol-error"


class WebSocketError(ProtocolError):
    """A WebSocket frame that is not allowed; `close_code` is what RFC 6455 wants to be told."""

    def __init__(self, text: str, *, close_code: int = 1002) -> None:
        super().__init__(text)
        self.close_code = close_code


class HttpError(ProtocolError):
    """An HTTP message that is not allowed; `status` is what a server answers it with."""

    code = "http-invalid"

    def __init__(self, text: str, *, status: int = 400) -> None:
        super().__init__(text)
        self.status = status
