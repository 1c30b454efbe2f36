"""The control surface under /__admin: state, worlds, snapshots and clocks. WireMock's shapes where it has one."""

from __future__ import annotations

from datetime import UTC, datetime
from typing import Any

import orjson
from flask import Blueprint, Response

from mockserver.assembly import Mock
from mockserver.core.conformance import complete, problems
from mockserver.core.keys import Key, alternate_ids, fold, key_of
from mockserver.errors import UsageError
from mockserver.store.world import World
from mockserver.web import admin_faults, admin_journal, admin_status
from mockserver.web.admin_guard import AdminRefusal, body_json, chosen_world, chosen_worlds, guard, json_response, usage
from mockserver.web.vendor import VendorDoor
from mockserver.wire.json_body import write_json


def control_surface(mock: Mock, door: VendorDoor) -> Blueprint:
    """Return the blueprint of everything that the vendor does not have."""
    admin = Blueprint("admin", __name__)
    admin.before_request(lambda: guard(mock))
    admin.register_error_handler(UsageError, _refuse_usage)
    _resets(admin, mock, door)
    _profiles(admin, mock, door)
    _worlds(admin, mock, door)
    _snapshots(admin, mock, door)
    _clock(admin, mock, door)
    admin_status.register(admin, mock)
    admin_faults.register(admin, mock, door)
    admin_journal.register(admin, mock, door)
    return admin


def _refuse_usage(problem: UsageError) -> Response:
    from mockserver.web.admin_guard import admin_error

    refusal = usage(problem)
    return admin_error(refusal.status, refusal.why, refusal.hint)


def _resets(admin: Blueprint, mock: Mock, door: VendorDoor) -> None:
    parts = {
        "profiles": lambda world: world.profiles.reset(),
        "faults": lambda world: world.reset_faults(),
        "journal": lambda world: world.journal.clear(),
    }

    @admin.post("/__admin/reset")
    @admin.post("/__admin/reset/<part>")
    def reset(part: str | None = None) -> Response:
        if part is not None and part not in parts:
            raise AdminRefusal(404, f"there is no reset of {part!r}", f"reset {', '.join(parts)}, or all")
        for world in chosen_worlds(mock, door):
            parts[part](world) if part else world.reset()
        return json_response({"status": "reset"})


def _profiles(admin: Blueprint, mock: Mock, door: VendorDoor) -> None:
    @admin.get("/__admin/profiles")
    def list_profiles() -> Response:
        world = chosen_world(mock, door)
        rows = [_profile_row(mock, key, body) for key, body in world.profiles.items()]
        return json_response({"profiles": rows, "meta": {"total": len(rows)}})

    @admin.get("/__admin/profiles/<client>/<kind>/<path:identifier>")
    def read_profile(client: str, kind: str, identifier: str) -> Response:
        body = chosen_world(mock, door).profiles.read(key_of(client, kind, identifier))
        if body is None:
            raise _no_profile(client, kind, identifier)
        return Response(mock.service.without_hidden(body), content_type="application/json")

    @admin.put("/__admin/profiles/<client>/<kind>/<path:identifier>")
    def put_profile(client: str, kind: str, identifier: str) -> Response:
        key = key_of(client, kind, identifier)
        body, ids = _checked_profile(mock, client, key, body_json())
        created = chosen_world(mock, door).profiles.put(key[0], body, ids)
        return Response(mock.service.without_hidden(body), 201 if created else 200, content_type="application/json")

    @admin.delete("/__admin/profiles/<client>/<kind>/<path:identifier>")
    def delete_profile(client: str, kind: str, identifier: str) -> Response:
        if not chosen_world(mock, door).profiles.delete(key_of(client, kind, identifier)):
            raise _no_profile(client, kind, identifier)
        return json_response({"status": "deleted"})


def _profile_row(mock: Mock, key: Key, body: bytes) -> dict[str, Any]:
    profile = orjson.loads(body)
    client = mock.fixtures.clients.get(key[0])
    return {
        "client": client.client_id if client else key[0],
        "profileId": profile.get("ProfileId"),
        "isActive": profile.get("IsActive"),
        "alternateIds": profile.get("AlternateIds"),
    }


def _no_profile(client: str, kind: str, identifier: str) -> AdminRefusal:
    return AdminRefusal(404, f"there is no profile {client}/{kind}/{identifier}", "GET /__admin/profiles lists them")


def _checked_profile(
    mock: Mock, client_id: str, key: Key, document: dict[str, Any]
) -> tuple[bytes, list[tuple[str, str]]]:
    """Return a complete profile as bytes, and its ids with the one from the URL first."""
    client = mock.fixtures.clients.get(fold(client_id))
    if client is None:
        known = ", ".join(known.client_id for known in mock.fixtures.clients.values())
        raise AdminRefusal(404, f"there is no client {client_id!r}", f"the clients are {known}")
    found = list(problems(document, mock.tree.root))
    if found:
        raise AdminRefusal(422, "; ".join(f"{row.path}: {row.text}" for row in found[:10]), found[0].hint)
    defaults = {"CustomerType": client.default_type, "DefaultLocale": client.default_locale}
    profile = complete(document, mock.tree.root, defaults)
    ids = alternate_ids(profile)
    if key[1:] not in ids:
        hint = f'put {{"AlternateIdType": "{key[1]}", "AlternateId": "{key[2]}"}} into AlternateIds'
        raise AdminRefusal(422, "the profile does not hold the alternate id of the URL", hint)
    return write_json(profile), sorted(ids, key=lambda pair: pair != key[1:])


def _worlds(admin: Blueprint, mock: Mock, door: VendorDoor) -> None:
    @admin.get("/__admin/namespaces")
    def list_worlds() -> Response:
        rows = [
            {
                "name": world.name,
                "changedProfiles": world.profiles.changed_count,
                "requests": len(world.journal),
                "faults": len(world.faults),
                "snapshots": sorted(world.snapshots),
            }
            for world in mock.worlds.all()
        ]
        return json_response({"namespaces": rows, "evictions": mock.worlds.evictions})

    @admin.post("/__admin/namespaces")
    def make_world() -> Response:
        name = body_json().get("name")
        if not isinstance(name, str):
            raise AdminRefusal(422, "a namespace needs a name", 'send {"name": "my-test"}')
        return json_response({"name": mock.worlds.create(name).name}, 201)

    @admin.delete("/__admin/namespaces/<name>")
    def delete_world(name: str) -> Response:
        if not mock.worlds.delete(name):
            raise AdminRefusal(404, f"there is no namespace {name!r}", "GET /__admin/namespaces lists them")
        return json_response({"status": "deleted"})


def _snapshots(admin: Blueprint, mock: Mock, door: VendorDoor) -> None:
    @admin.get("/__admin/snapshots")
    def list_snapshots() -> Response:
        return json_response({"snapshots": sorted(chosen_world(mock, door).snapshots)})

    @admin.get("/__admin/snapshots/<name>")
    def show_snapshot(name: str) -> Response:
        overlay = _snapshot(chosen_world(mock, door), name)
        return json_response({"name": name, "changedProfiles": len(overlay.bodies)})

    @admin.post("/__admin/snapshots/<name>")
    def take_snapshot(name: str) -> Response:
        world = chosen_world(mock, door)
        world.snapshots[name] = world.profiles.snapshot()
        return json_response({"name": name}, 201)

    @admin.delete("/__admin/snapshots/<name>")
    def delete_snapshot(name: str) -> Response:
        world = chosen_world(mock, door)
        _snapshot(world, name)
        del world.snapshots[name]
        return json_response({"status": "deleted"})

    @admin.post("/__admin/snapshots/<name>/restore")
    def restore(name: str) -> Response:
        world = chosen_world(mock, door)
        world.profiles.restore(_snapshot(world, name))
        return json_response({"name": name, "status": "restored"})


def _snapshot(world: World, name: str) -> Any:
    if name not in world.snapshots:
        raise AdminRefusal(404, f"there is no snapshot {name!r}", f"there are: {', '.join(world.snapshots) or 'none'}")
    return world.snapshots[name]


def _clock(admin: Blueprint, mock: Mock, door: VendorDoor) -> None:
    @admin.get("/__admin/clock")
    def read_clock() -> Response:
        return _clock_json(chosen_world(mock, door))

    @admin.put("/__admin/clock")
    def set_clock() -> Response:
        world, wanted = chosen_world(mock, door), body_json()
        unknown = set(wanted) - {"freeze", "advance", "reset"}
        if unknown or not wanted:
            raise AdminRefusal(
                422,
                f"unknown clock command {', '.join(sorted(unknown)) or '(none)'}",
                'send {"freeze": "2026-01-31T12:00:00Z"}, {"freeze": true}, {"advance": 60} or {"reset": true}',
            )
        _move_clock(world, wanted)
        return _clock_json(world)


def _move_clock(world: World, wanted: dict[str, Any]) -> None:
    if wanted.get("reset"):
        world.clock.reset()
    if wanted.get("freeze"):
        world.clock.freeze(None if wanted["freeze"] is True else _moment(wanted["freeze"]))
    if "advance" in wanted:
        seconds = wanted["advance"]
        if not isinstance(seconds, (int, float)) or isinstance(seconds, bool) or abs(seconds) > 10**9:
            raise AdminRefusal(422, f"advance is {seconds!r}", "send a number of seconds")
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


def _clock_json(world: World) -> Response:
    clock = world.clock
    return json_response({"now": clock.now().isoformat(), "frozen": clock.frozen, "offsetSeconds": clock.offset_s})
