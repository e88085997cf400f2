"""The daemon's streams: where each is and what its lines mean. Pure."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Generic, TypeVar

import msgspec

from kfwd import api_model, decoding
from kfwd.api_doctor import AnyDoctorEvent, DoctorQuery
from kfwd.client import http
from kfwd.model import AnyEvent

E = TypeVar("E")

# The daemon sends something every 15 s, if only an empty line.
SILENCE_S = 40.0
NOT_KEPT = "requests-not-kept"
"""The code with which `requests` of an entry that serves none fails."""


class Feed(Generic[E]):
    """One stream of JSON lines."""

    def __init__(self, target: str, decoder: msgspec.json.Decoder[E]) -> None:
        self.target = target
        self._decoder = decoder

    def read(self, line: bytes) -> E | None:
        """What a line says; None where it says nothing to this version of kfwd.

        Raises `msgspec.DecodeError` for a line that was cut off.
        """
        if not line:
            return None
        try:
            return self._decoder.decode(line)
        except msgspec.ValidationError:
            return None  # an event of a newer daemon


def entry_path(entry: str) -> str:
    """The path of an entry id, `PROFILE/NAME`."""
    return "/v1/entries/" + "/".join(http.quote(part) for part in entry.split("/", 1))


def events() -> Feed[AnyEvent]:
    """One snapshot, then every change."""
    return Feed("/v1/events", decoding.decoder(AnyEvent))


def attach(entry: str) -> Feed[api_model.AnyAttachEvent]:
    """What `kfwd port-forward` prints; ending it ends the entry."""
    return Feed(f"{entry_path(entry)}/attach", decoding.decoder(api_model.AnyAttachEvent))


def doctor(query: DoctorQuery) -> Feed[AnyDoctorEvent]:
    """Each hop as it is walked, then the diagnosis."""
    given = [("entry", query.entry), ("context", query.context), ("path", query.path)]
    pairs = [(name, value) for name, value in given if value]
    pairs += [("kubeconfig", path) for path in query.kubeconfig]
    return Feed(f"/v1/doctor{http.query(pairs)}", decoding.decoder(AnyDoctorEvent))


def logs(
    *, entry: str | None = None, last: int = 200, follow: bool = False
) -> Feed[api_model.LogLine]:
    """The newest `last` lines of the log, then, with `follow`, each new one."""
    query = [("n", str(last)), *([("entry", entry)] if entry else [])]
    query += [("follow", "1")] if follow else []
    return Feed(f"/v1/logs{http.query(query)}", decoding.decoder(api_model.LogLine))


def requests(entry: str, *, follow: bool = False) -> Feed[api_model.RequestView]:
    """The newest requests that an entry has served, then, with `follow`, each new one."""
    target = f"{entry_path(entry)}/requests" + http.query([("follow", "1")] if follow else [])
    return Feed(target, decoding.decoder(api_model.RequestView))


def objects(
    context: str,
    kubeconfig: Iterable[str],
    *,
    namespace: str | None = None,
    everywhere: bool = False,
    follow: bool = False,
) -> Feed[api_model.ObjectsPage]:
    """What there is in a namespace (None: the context's own) or everywhere, then, with `follow`,
    what changes.
    """
    query = [("kubeconfig", path) for path in kubeconfig]
    query += [("namespace", namespace)] if namespace else []
    query += [(name, "1") for name, on in (("all", everywhere), ("follow", follow)) if on]
    target = f"/v1/contexts/{http.quote(context)}/objects" + http.query(query)
    return Feed(target, decoding.decoder(api_model.ObjectsPage))
