"""Why an address could not be reached, in words. Pure: values of errors in, sentences out."""

from __future__ import annotations

import asyncio
import errno
import ipaddress
import os
import socket
import ssl
from http import HTTPStatus

from kfwd.errors import KfwdError
from kfwd.kube.tls import EXPIRED, NAME_MISMATCH, NOT_YET_VALID, UNKNOWN_ISSUER

_NO_ROUTE = {errno.EHOSTUNREACH, errno.ENETUNREACH, errno.EHOSTDOWN, errno.ENETDOWN}
_CUT = {errno.ECONNRESET, errno.ECONNABORTED, errno.EPIPE}


def failure(error: BaseException, host: str, port: int, within_s: float) -> str:
    """What came of an attempt on `host` and `port` that was given `within_s` seconds."""
    if isinstance(error, KfwdError):
        return error.text
    if isinstance(error, ssl.SSLError):
        return tls(error, host)
    if isinstance(error, TimeoutError) or _errno(error) == errno.ETIMEDOUT:
        return f"no answer within {within_s:g} s{_far(host)}"
    if isinstance(error, socket.gaierror):
        return f"no DNS: the name {host} is not known here"
    if _errno(error) == errno.ECONNREFUSED:
        return f"refused: nothing listens on port {port} of {host}, or a firewall says no"
    if _errno(error) in _NO_ROUTE:
        return f"no route to {host}{_far(host)}"
    if _errno(error) in _CUT:
        return "the connection was cut"
    if isinstance(error, asyncio.IncompleteReadError):
        return "it closed the connection without an answer"
    number = _errno(error)
    return os.strerror(number).lower() if number else str(error) or type(error).__name__


def tls(error: ssl.SSLError, host: str) -> str:
    """What is wrong with a server's TLS."""
    code = getattr(error, "verify_code", None)
    if code in NAME_MISMATCH:
        return f"TLS name: its certificate is not for {host}"
    if code in UNKNOWN_ISSUER:
        return "TLS: nobody whom this machine trusts has signed its certificate"
    if code == EXPIRED:
        return "TLS: its certificate has expired"
    if code == NOT_YET_VALID:
        return "TLS: its certificate is not valid yet"
    if error.reason == "WRONG_VERSION_NUMBER":
        return "it does not speak TLS"
    return f"TLS: {(error.reason or str(error)).lower().replace('_', ' ')}"


def not_allowed(verb: str, resource: str, namespace: str) -> str:
    """What RBAC says no to."""
    return f"not allowed: {verb} {resource} in namespace {namespace} (RBAC)"


def status(code: int) -> str:
    """`answers 404 Not Found`."""
    try:
        return f"answers {code} {HTTPStatus(code).phrase}"
    except ValueError:
        return f"answers {code}"


def _far(host: str) -> str:
    """Why an address may be out of reach, where the address itself says so."""
    try:
        address = ipaddress.ip_address(host)
    except ValueError:
        return ""
    if address.is_global or address.is_loopback:
        return ""
    return f": {host} is a private address, it takes a VPN or a place in its network"


def _errno(error: BaseException) -> int | None:
    return error.errno if isinstance(error, OSError) else None
