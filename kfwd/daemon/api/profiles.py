"""Profiles: up, down, what up would do, and their files."""

from __future__ import annotations

import asyncio

import msgspec
from msgspec import Struct

from kfwd.api_model import DownRequest, FaultView, Plan, ProfileText, UpRequest, Validation
from kfwd.daemon import profiles
from kfwd.daemon.api.route import Call, Nothing, Route
from kfwd.profiles import store
from kfwd.yamldoc import Fault


class PlanQuery(Struct, frozen=True, forbid_unknown_fields=True):
    profile: tuple[str, ...] = ()
    kubeconfig: tuple[str, ...] = ()


async def post_up(call: Call[Nothing, UpRequest]) -> Plan:
    """Bring profiles up."""
    return await call.daemon.profiles.up(call.body)


async def post_profile_up(call: Call[Nothing, UpRequest]) -> Plan:
    """Bring one profile up."""
    named = (call.params["profile"],)
    return await call.daemon.profiles.up(msgspec.structs.replace(call.body, profiles=named))


async def post_down(call: Call[Nothing, DownRequest]) -> Plan:
    """Take profiles down."""
    return await call.daemon.profiles.down(call.body)


async def post_profile_down(call: Call[Nothing, Nothing]) -> Plan:
    """Take one profile down."""
    return await call.daemon.profiles.down(DownRequest(profiles=(call.params["profile"],)))


async def get_plan(call: Call[PlanQuery, Nothing]) -> Plan:
    """What up would do."""
    request = UpRequest(profiles=call.query.profile, kubeconfig=call.query.kubeconfig)
    return await call.daemon.profiles.plan(request)


async def get_profile(call: Call[Nothing, Nothing]) -> ProfileText:
    """A profile's file as it is."""
    profile = store.read(call.daemon.paths.profiles, call.params["profile"])
    return ProfileText(text=profile.text, name=profile.name)


async def put_profile(call: Call[Nothing, ProfileText]) -> Validation:
    """Replace a profile's file, unless the text has faults."""
    folder, name = call.daemon.paths.profiles, call.params["profile"]
    store.path_of(folder, name)
    faults = await _faults(call, name)
    if not faults:
        await asyncio.to_thread(profiles.replace, folder, name, call.body.text)
    return _validation(faults)


async def post_validate(call: Call[Nothing, ProfileText]) -> Validation:
    """Every fault of a profile's text."""
    return _validation(await _faults(call, call.body.name))


async def _faults(call: Call[Nothing, ProfileText], name: str) -> tuple[Fault, ...]:
    folder, up = call.daemon.paths.profiles, list(call.daemon.saved.profiles)
    return await asyncio.to_thread(profiles.faults_of, folder, name, call.body.text, up)


def _validation(faults: tuple[Fault, ...]) -> Validation:
    return Validation(
        faults=tuple(FaultView(fault.line, fault.column, fault.message) for fault in faults)
    )


PROFILE = "/v1/profiles/{profile}"
ROUTES = (
    Route("POST", "/v1/up", post_up, Plan, body=UpRequest),
    Route("POST", "/v1/down", post_down, Plan, body=DownRequest),
    Route("GET", "/v1/plan", get_plan, Plan, query=PlanQuery),
    Route("POST", f"{PROFILE}/up", post_profile_up, Plan, body=UpRequest),
    Route("POST", f"{PROFILE}/down", post_profile_down, Plan),
    Route("GET", PROFILE, get_profile, ProfileText),
    Route("PUT", PROFILE, put_profile, Validation, body=ProfileText),
    Route("POST", "/v1/validate", post_validate, Validation, body=ProfileText),
)
