"""The keys of a profile's gateway."""

from __future__ import annotations

from collections.abc import Mapping

from kfwd.profiles.keys import Key
from kfwd.profiles.proxy_keys import PROXY

GATEWAY_KEY = "gateway"
NAME = "gateway"
"""What the entry is called."""

GATEWAY: Mapping[str, Key] = {
    "listen": Key(
        read=PROXY["listen"].read,
        schema=PROXY["listen"].schema,
        about="127.0.0.1:8888 (the default), [::1]:8888, localhost:8888, a port (0 is a free one "
        "that is kept), or unix:/path.",
    ),
    "allow-users": PROXY["allow-users"],
    "requests": PROXY["requests"],
}
