"""Host names of requests and of rules, where `*.` stands for one label or for several."""

from __future__ import annotations


def name_of(authority: str) -> str:
    """The host of a Host header or a URL's authority: lower case, no port, no final dot.

    An IPv6 address loses its brackets.
    """
    if authority.startswith("["):
        return authority[1:].partition("]")[0].lower()
    return authority.partition(":")[0].removesuffix(".").lower()


def port_of(authority: str) -> str:
    """The port of an authority as it is written, or nothing."""
    tail = authority.rpartition("]")[2] if authority.startswith("[") else authority
    return tail.partition(":")[2]


def is_wildcard(pattern: str) -> bool:
    return pattern.startswith("*.")


def fits_ingress(pattern: str, host: str) -> bool:
    """The Ingress rule: `*` is exactly one label."""
    if not is_wildcard(pattern):
        return pattern.lower() == host
    label, _, parent = host.partition(".")
    return bool(label) and parent == pattern[2:].lower()


def fits_gateway(pattern: str, host: str) -> bool:
    """The Gateway API rule: `*` is one label or more. An empty pattern is any host."""
    if not pattern:
        return True
    if not is_wildcard(pattern):
        return pattern.lower() == host
    suffix = pattern[1:].lower()
    return host.endswith(suffix) and len(host) > len(suffix)


def intersection(one: str, other: str) -> str | None:
    """The host names that fit both patterns of the Gateway API, as a pattern; None: there are none.

    Source: https://gateway-api.sigs.k8s.io/reference/spec/#httproutespec, `hostnames`.
    """
    one, other = one.lower(), other.lower()
    for wide, narrow in ((one, other), (other, one)):
        if not wide or wide == narrow:
            return narrow
        if is_wildcard(wide) and narrow.endswith(wide[1:]):
            return narrow
    return None


def specificity(pattern: str) -> tuple[int, int]:
    """A sort key, the most specific first: whole names before wildcards, longer before shorter."""
    exact = bool(pattern) and not is_wildcard(pattern)
    return (-len(pattern) if exact else 0, -len(pattern))
