"""What authenticates a user: a token, a name and password, a client certificate.

Here is what a kubeconfig holds itself, in data or in files; plugins and providers hand in grants
of the same shape.
"""

from __future__ import annotations

import base64
from datetime import datetime
from pathlib import Path
from typing import ClassVar

from kfwd.errors import LoginNeeded
from kfwd.kube import small_file
from kfwd.kube.guarded import Guarded
from kfwd.kube.kubeconfig import User, read_certificate


class Grant(Guarded, frozen=True, kw_only=True):
    """Means to authenticate. `client_cert` and `client_key` are PEM; `expires` as it was told.

    `from_files` says that reading again may give something newer.
    """

    shown: ClassVar[frozenset[str]] = frozenset({"expires", "from_files"})
    token: str | None = None
    login: tuple[str, str] | None = None
    client_cert: bytes | None = None
    client_key: bytes | None = None
    expires: datetime | None = None
    from_files: bool = False

    def authorization(self) -> str | None:
        """The value of the Authorization header."""
        if self.token:
            return f"Bearer {self.token}"
        if self.login:
            return "Basic " + base64.b64encode(":".join(self.login).encode()).decode()
        return None


def read(user: User) -> Grant:
    """What `user`'s kubeconfig entry holds or points to. Blocks for small file reads.

    Raises `ConfigError` `certificate-unreadable` and `LoginNeeded` `token-unreadable`.
    """
    files = (user.token_file, user.client_cert_file, user.client_key_file)
    login = (user.username or "", user.password or "")
    return Grant(
        token=_token(user),
        login=login if any(login) else None,
        client_cert=_pem(
            user.client_cert, user.client_cert_file, f'the client certificate of user "{user.name}"'
        ),
        client_key=_pem(
            user.client_key, user.client_key_file, f'the client key of user "{user.name}"'
        ),
        from_files=any(files),
    )


def _pem(data: bytes | None, file: Path | None, what: str) -> bytes | None:
    if data is not None or file is None:
        return data
    return read_certificate(file, what)


def _token(user: User) -> str | None:
    """As client-go: a readable token file wins over a token beside it."""
    if user.token_file is None:
        return user.token
    try:
        token = small_file.read(user.token_file).decode().strip()
    except (OSError, UnicodeDecodeError) as error:
        token, reason = "", getattr(error, "strerror", None) or "not text"
    else:
        reason = "it is empty"
    if token or user.token:
        return token or user.token
    raise LoginNeeded(
        f'the token file of user "{user.name}" cannot be used: {user.token_file}: {reason}',
        code="token-unreadable",
        hint="correct its path in the kubeconfig, or put a token into that file",
    )
