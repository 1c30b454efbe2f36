"""The control surface under /__admin: resets, worlds, snapshots and clocks. WireMock's shapes where it has one."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from datetime import UTC, datetime
from typing import Any, Final

from flask import Blueprint, Response

from mockserver.errors import UsageError
from mockserver.journal.view import iso
from mockserver.service.assembly import Mock
from mockserver.service.door import VendorDoor
from mockserver.service.reload import Reload
from mockserver.state.clock import system_now
from mockserver.state.overlay import Overlay
from mockserver.state.world import World
from mockserver.web import faults, index, numbers, profile_views, profiles, reasons, reports, status
from mockserver.web.guard import (
    AdminRefusal,
    body_json,
    chosen_world,
    chosen_worlds,
    json_response,
    usage_error,
    with_proper_phrase,
)
from mockserver.web.requests import trying, views


def control_surface(mock: Mock, door: VendorDoor, reload: Reload) -> Blueprint:
    """Return the blueprint of everything that the vendor does not have."""
    admin = Blueprint("admin", __name__)
    admin.register_error_handler(UsageError, usage_error)
    admin.after_app_request(with_proper_phrase)
    index.register(admin, door, {"part": tuple(_RESETS)})
    status.register(admin, mock, reload)
    _resets(admin, mock)
    profiles.register(admin, mock)
    profile_views.register(admin, mock)
    _worlds(admin, mock)
    _snapshots(admin, mock)
    _clock(admin, mock)
    faults.register(admin, mock)
    views.register(admin, mock)
    trying.register(admin, mock, door)
    numbers.register(admin, mock)
    reports.register(admin)
    reasons.register(admin, mock)
    return admin


_RESETS: Final[Mapping[str, Callable[[World], None]]] = {
    "profiles": lambda world: world.profiles.reset(),
    "faults": lambda world: world.reset_faults(),
    "journal": lambda world: world.journal.clear(),
}


def _resets(admin: Blueprint, mock: Mock) -> None:
    @admin.post("/__admin/reset")
    def reset() -> Response:
        """Go back to the fixtures: profiles, faults, journal and clock."""
        for world in chosen_worlds(mock):
            world.reset()
        return json_response({"status": "reset"})

    @admin.post("/__admin/reset/<part>")
    def reset_part(part: str) -> Response:
        """Go back to the fixtures in one part alone."""
        if part not in _RESETS:
            raise AdminRefusal(404, f"there is no reset of {part!r}", f"reset {', '.join(_RESETS)}, or all")
        for world in chosen_worlds(mock):
            _RESETS[part](world)
        return json_response({"status": "reset"})


def _worlds(admin: Blueprint, mock: Mock) -> None:
    @admin.get("/__admin/namespaces")
    def list_worlds() -> Response:
        """List the worlds, and what each holds."""
        clean = mock.service.secrets.text
        rows = [_world_row(world) | {"name": clean(world.name)} for world in mock.worlds.all()]
        now = system_now().isoformat()
        return json_response({"namespaces": rows, "evictions": mock.worlds.evictions, "machineNow": now})

    @admin.post("/__admin/namespaces")
    def make_world() -> Response:
        """Make a world; needed under --strict-worlds only, for others are made on first use."""
        name = body_json().get("name")
        if not isinstance(name, str):
            raise AdminRefusal(422, "a namespace needs a name", 'send {"name": "my-test"}')
        return json_response({"name": mock.worlds.create(name).name}, 201)

    @admin.delete("/__admin/namespaces/<name>")
    def delete_world(name: str) -> Response:
        """Remove a world with all its state; the default one is reset instead."""
        if not mock.worlds.delete(name):
            raise AdminRefusal(404, f"there is no namespace {name!r}", "GET /__admin/namespaces lists them")
        return json_response({"status": "deleted"})


def _world_row(world: World) -> dict[str, Any]:
    newest = next(iter(world.journal.newest()), None)
    return {
        "name": world.name,
        "changedProfiles": world.profiles.changed_count,
        "requests": len(world.journal),
        "faults": len(world.faults),
        "snapshots": sorted(world.snapshots),
        "journalBytes": world.journal.bytes_used,
        "lastUsed": None if newest is None else iso(newest.received or newest.at),
        "clock": _clock_json(world),
        "journalDropped": world.journal.dropped,
    }


def _snapshots(admin: Blueprint, mock: Mock) -> None:
    @admin.post("/__admin/snapshots/<name>")
    def take_snapshot(name: str) -> Response:
        """Keep the world's profiles as they are now under a name, in place of what it kept before."""
        world = chosen_world(mock)
        world.snapshots[name] = world.profiles.snapshot()
        return json_response({"name": name}, 201)

    @admin.post("/__admin/snapshots/<name>/restore")
    def restore(name: str) -> Response:
        """Bring the profiles of a snapshot back, as often as wanted."""
        world = chosen_world(mock)
        world.profiles.restore(_snapshot(world, name))
        return json_response({"name": name, "status": "restored"})

    @admin.get("/__admin/snapshots")
    def list_snapshots() -> Response:
        """List the names of the world's snapshots."""
        return json_response({"snapshots": sorted(chosen_world(mock).snapshots)})

    @admin.get("/__admin/snapshots/<name>")
    def show_snapshot(name: str) -> Response:
        """Say how many profiles a snapshot has that differ from the fixtures."""
        overlay = _snapshot(chosen_world(mock), name)
        return json_response({"name": name, "changedProfiles": len(overlay.bodies)})

    @admin.delete("/__admin/snapshots/<name>")
    def delete_snapshot(name: str) -> Response:
        """Forget a snapshot."""
        world = chosen_world(mock)
        _snapshot(world, name)
        del world.snapshots[name]
        return json_response({"status": "deleted"})


def _snapshot(world: World, name: str) -> Overlay:
    if name not in world.snapshots:
        names = ", ".join(sorted(world.snapshots)) or "none"
        raise AdminRefusal(404, f"there is no snapshot {name!r}", f"there are: {names}")
    return world.snapshots[name]


def _clock(admin: Blueprint, mock: Mock) -> None:
    @admin.get("/__admin/clock")
    def read_clock() -> Response:
        """Show the world's time."""
        return json_response({**_clock_json(chosen_world(mock)), "machineNow": system_now().isoformat()})

    @admin.put("/__admin/clock")
    def set_clock() -> Response:
        """Freeze the world's clock, advance it by seconds, or reset it to the machine's."""
        world, wanted = chosen_world(mock), body_json()
        unknown = set(wanted) - {"freeze", "advance", "reset"}
        if unknown or not wanted:
            raise AdminRefusal(
                422,
                f"unknown clock command {', '.join(sorted(unknown)) or '(none)'}",
                'send {"freeze": "2026-01-31T12:00:00Z"}, {"freeze": true}, {"advance": 60} or {"reset": true}',
            )
        _move_clock(world, wanted)
        return json_response({**_clock_json(world), "machineNow": system_now().isoformat()})


def _move_clock(world: World, wanted: dict[str, Any]) -> None:
    reset, freeze, seconds = wanted.get("reset", True), wanted.get("freeze", True), wanted.get("advance", 0)
    # All is read before anything moves: what is refused leaves the clock as it was.
    if reset is not True:
        raise AdminRefusal(422, f"reset is {reset!r}", "send true, or leave it out")
    if freeze is False:
        raise AdminRefusal(422, "freeze is False", 'to let the clock go on send {"reset": true}')
    if not isinstance(seconds, (int, float)) or isinstance(seconds, bool) or abs(seconds) > 10**9:
        raise AdminRefusal(422, f"advance is {seconds!r}", "send a number of seconds")
    moment = None if freeze is True else _moment(freeze)
    if "reset" in wanted:
        world.clock.reset()
    if "freeze" in wanted:
        world.clock.freeze(moment)
    if "advance" in wanted:
        try:
            world.clock.advance(seconds)
        except OverflowError as problem:
            raise AdminRefusal(422, str(problem), "the clock runs from the year 1000 to 9000") from problem


def _moment(text: Any) -> datetime:
    try:
        moment = datetime.fromisoformat(str(text))
    except ValueError as problem:
        raise AdminRefusal(422, f"{text!r} is not an ISO 8601 time", "write e.g. 2026-01-31T12:00:00Z") from problem
    moment = moment if moment.tzinfo else moment.replace(tzinfo=UTC)
    if not 1000 < moment.year < 9000:
        raise AdminRefusal(422, f"{text!r} is out of the clock's range", "write a year between 1001 and 8999")
    return moment


def _clock_json(world: World) -> dict[str, Any]:
    clock = world.clock
    return {"now": clock.now().isoformat(), "frozen": clock.frozen, "offsetSeconds": clock.offset_s}
