"""All routes of the control API."""

from __future__ import annotations

from kfwd.daemon.api import (
    attach,
    browse,
    contexts,
    doctor,
    entries,
    history,
    login,
    process,
    profiles,
    requests,
    snapshot,
    target_routes,
)
from kfwd.daemon.api.route import Route

ALL: tuple[Route, ...] = (
    *snapshot.ROUTES,
    *entries.ROUTES,
    *history.ROUTES,
    *attach.ROUTES,
    *requests.ROUTES,
    *profiles.ROUTES,
    *target_routes.ROUTES,
    *browse.ROUTES,
    *login.ROUTES,
    *contexts.ROUTES,
    *doctor.ROUTES,
    *process.ROUTES,
)
