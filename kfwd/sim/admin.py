"""`/sim/...`: what only a simulated cluster has, for those who test against it.

`GET`/`PATCH /sim/faults`; `POST /sim/cut` `{"how"}` ends upgraded connections; `POST /sim/compact`
forgets the watch history; `POST /sim/users` `{"name", "groups"}` answers `{"token"}`, and
`POST /sim/revoke` `{"token"}` ends one.
"""

from __future__ import annotations

from typing import Any

import msgspec

from kfwd import decoding
from kfwd.sim.auth import ADMINS, AUTHENTICATED, Tokens, User, forbidden
from kfwd.sim.exchange import Answer, json_answer
from kfwd.sim.faults import Faults
from kfwd.sim.requests import Info
from kfwd.sim.sessions import Sessions
from kfwd.sim.status import bad_request, method_not_allowed, no_such_path
from kfwd.sim.store import Store

_CUTS = frozenset({"eof", "reset", "backend"})


class Admin:
    """Answers the admin endpoint; only members of `system:masters` may ask."""

    def __init__(self, store: Store, tokens: Tokens, faults: Faults, sessions: Sessions) -> None:
        self._store = store
        self._tokens = tokens
        self._faults = faults
        self._sessions = sessions
        faults.on_change(self._follow)

    def _follow(self) -> None:
        if self._faults.ends_watches:
            self._store.end_watches(expired=True)

    def answer(self, user: User, method: str, path: str, body: bytes) -> Answer:
        """Answer one request. Raises StatusError."""
        if ADMINS not in user.groups:
            raise forbidden(user, Info(verb=method.lower(), path=path))
        match method, path.strip("/").split("/")[1:]:
            case "GET", ["faults"]:
                return Answer(body=self._faults.json())
            case "PATCH", ["faults"]:
                return self._merge(body)
            case "POST", ["cut"]:
                return self._cut(_mapping(body))
            case "POST", ["compact"]:
                self._store.compact()
                return json_answer({"oldest": str(self._store.oldest)})
            case "POST", ["users"]:
                return self._user(_mapping(body))
            case "POST", ["revoke"]:
                self._tokens.revoke(str(_mapping(body).get("token")))
                return json_answer({})
            case _, ["faults" | "cut" | "compact" | "users" | "revoke"]:
                raise method_not_allowed()
        raise no_such_path()

    def _merge(self, body: bytes) -> Answer:
        try:
            self._faults.merge(body)
        except ValueError as error:
            raise bad_request(str(error)) from error
        return Answer(body=self._faults.json())

    def _cut(self, asked: dict[str, Any]) -> Answer:
        how = asked.get("how", "eof")
        if how not in _CUTS:
            raise bad_request(f"how is one of {', '.join(sorted(_CUTS))}, not {how!r}")
        return json_answer({"sessions": self._sessions.cut(how)})

    def _user(self, asked: dict[str, Any]) -> Answer:
        name = asked.get("name")
        if not isinstance(name, str) or not name:
            raise bad_request("a user needs a name")
        groups = tuple(str(group) for group in asked.get("groups", ()))
        token = self._tokens.issue(User(name, (*groups, AUTHENTICATED)))
        return json_answer({"token": token}, 201)


def _mapping(body: bytes) -> dict[str, Any]:
    try:
        return decoding.decode(body or b"{}", dict[str, Any])
    except msgspec.MsgspecError as error:
        raise bad_request(str(error)) from error
