"""A proxy auto-configuration file: which hosts a browser asks the gateway for. Pure.

The language is JavaScript with a function of a fixed name; see
https://developer.mozilla.org/docs/Web/HTTP/Guides/Proxy_servers_and_tunneling.
"""

from __future__ import annotations

import json

from kfwd.resolve import hosts
from kfwd.resolve.landscape import Landscape
from kfwd.resolve.names import DOMAIN, address_of

TYPE = "application/x-ns-proxy-autoconfig"

_SCRIPT = """\
var suffixes = %(suffixes)s;
var names = %(names)s;
function FindProxyForURL(url, host) {
  host = host.toLowerCase().replace(/\\.$/, "");
  if (names.hasOwnProperty(host)) return "%(proxy)s";
  for (var i = 0; i < suffixes.length; i++) {
    if (host.slice(-suffixes[i].length) === suffixes[i]) return "%(proxy)s";
  }
  return "DIRECT";
}
"""


def script(known: Landscape, host: str, port: str) -> str:
    """The file. `host` and `port` are where the client reaches the gateway.

    Names of the cluster's DNS, ClusterIPs, and the hosts of rules go to the gateway; `.localhost`
    names need no proxy.
    """
    ruled = known.rules.hosts()
    suffixes = [".svc", f".svc{DOMAIN}", f".pod{DOMAIN}"]
    suffixes += [name[1:] for name in ruled if hosts.is_wildcard(name)]
    names = [name for name in ruled if not hosts.is_wildcard(name)]
    for service in (known.services or {}).values():
        addresses = service.spec.cluster_ips or (service.spec.cluster_ip or "",)
        names += [ip for text in addresses if (ip := address_of(text)) is not None]
    authority = f"[{host}]:{port}" if ":" in host else f"{host}:{port}"
    return _SCRIPT % {
        "suffixes": _json(suffixes),
        "names": _json(dict.fromkeys(sorted(set(names)), 1)),
        "proxy": f"PROXY {authority}",
    }


def _json(value: object) -> str:
    """JSON that is a JavaScript literal in any place."""
    return json.dumps(value, ensure_ascii=True).replace("<", "\\u003c")
