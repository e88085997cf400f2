"""One entry: put, delete, pause, resume, restart, look into."""

from __future__ import annotations

from msgspec import Struct

from kfwd.api_doctor import Hops
from kfwd.api_history import History
from kfwd.api_model import ConnectionList, EntryRequest, EntryResult, Removed, Taken
from kfwd.daemon.api.history import Since
from kfwd.daemon.api.route import Call, Nothing, Route
from kfwd.errors import UsageError
from kfwd.model import ADHOC, Wanted

Plain = Call[Nothing, Nothing]


class PutQuery(Struct, frozen=True, forbid_unknown_fields=True):
    taken: Taken = "replace"


async def put_entry(call: Call[PutQuery, EntryRequest]) -> EntryResult:
    """Add or change an ad-hoc entry."""
    if call.params["profile"] != ADHOC:
        raise UsageError(
            f"only ad-hoc entries ({ADHOC}/NAME) can be put", hint="edit the profile's file"
        )
    return EntryResult(id=await call.daemon.put(call.params["name"], call.query.taken, call.body))


async def delete_entry(call: Plain) -> Removed:
    """End an ad-hoc entry for good."""
    was = await call.daemon.remove(call.entry)
    return Removed(id=was.id, request=_again(was))


def _again(was: Wanted) -> EntryRequest:
    context = was.context
    return EntryRequest(spec=was.spec, kubeconfig=context.kubeconfig, context=context.name)


async def pause_entry(call: Plain) -> EntryResult:
    """Free its ports and end its connections."""
    await call.daemon.pause(call.entry, True)
    return EntryResult(id=call.entry)


async def resume_entry(call: Plain) -> EntryResult:
    """Undo a pause."""
    await call.daemon.pause(call.entry, False)
    return EntryResult(id=call.entry)


async def restart_entry(call: Plain) -> EntryResult:
    """Stop it and start it anew."""
    await call.daemon.restart(call.entry)
    return EntryResult(id=call.entry)


async def get_connections(call: Plain) -> ConnectionList:
    """Its connections, now."""
    found = call.daemon.entry(call.entry).connections()
    return ConnectionList(connections=await call.daemon.callers.named(found))


async def get_hops(call: Plain) -> Hops:
    """What it needs, each thing on its own: listener, context, pod, session, back end."""
    return Hops(id=call.entry, facts=call.daemon.entry(call.entry).parts())


async def get_history(call: Call[Since, Nothing]) -> History:
    """What happened to it, lately or since a time."""
    call.daemon.entry(call.entry)
    return History(history=await call.daemon.history.of(call.entry, call.query.since))


ENTRY = "/v1/entries/{profile}/{name}"
ROUTES = (
    Route("PUT", ENTRY, put_entry, EntryResult, query=PutQuery, body=EntryRequest),
    Route("DELETE", ENTRY, delete_entry, Removed),
    Route("POST", f"{ENTRY}/pause", pause_entry, EntryResult),
    Route("POST", f"{ENTRY}/resume", resume_entry, EntryResult),
    Route("POST", f"{ENTRY}/restart", restart_entry, EntryResult),
    Route("GET", f"{ENTRY}/connections", get_connections, ConnectionList),
    Route("GET", f"{ENTRY}/hops", get_hops, Hops),
    Route("GET", f"{ENTRY}/history", get_history, History, query=Since),
)
