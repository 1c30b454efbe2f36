"""A profile seen from other sides: against its fixture, through its requests, as XML and as a fixture file."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any, Final

import orjson
from flask import Blueprint, Response
from werkzeug.http import dump_options_header

from mockserver.journal.log import Exchange
from mockserver.journal.view import difference_json, profile_after, profile_before
from mockserver.profile.keys import Key, alternate_ids, fold, key_of, names
from mockserver.profile.members import Kind, Member, member_at
from mockserver.service.assembly import Mock
from mockserver.state.world import World
from mockserver.web.guard import AdminRefusal, chosen_world, json_response
from mockserver.web.requests.live import rows_of

_MOST_HISTORY: Final = 500
_ONE: Final = "/__admin/profiles/<client>/<kind>/<path:identifier>"
_TYPES: Final = {Kind.LIST: "array"}


def register(admin: Blueprint, mock: Mock) -> None:
    _against_fixture(admin, mock)
    _in_other_forms(admin, mock)

    @admin.get(f"{_ONE}/history")
    def profile_history(client: str, kind: str, identifier: str) -> Response:
        """List the newest requests that named a profile, as rows, oldest first."""
        found = list(_history(chosen_world(mock), key_of(client, kind, identifier)))
        return json_response({"rows": rows_of(mock, reversed(found))})

    @admin.get("/__admin/members")
    def list_members() -> Response:
        """List the members of a profile as the contract has them: type, limit, read-only, default."""
        tree = mock.tree
        members = ((path, member_at(path, tree.root)) for path in tree.paths())
        return json_response([_member(member, path) for path, member in members if member is not None])


def _against_fixture(admin: Blueprint, mock: Mock) -> None:
    @admin.get(f"{_ONE}/difference")
    def profile_difference(client: str, kind: str, identifier: str) -> Response:
        """Show in what a profile differs from its fixture."""
        body = profile_of(mock, client, kind, identifier)
        fixture = fixture_of(mock, key_of(client, kind, identifier), body)
        rows = difference_json(orjson.loads(fixture), orjson.loads(body)) if fixture is not None else []
        return json_response({"difference": rows, "fixture": fixture is not None})

    @admin.post(f"{_ONE}/reset")
    def reset_profile(client: str, kind: str, identifier: str) -> Response:
        """Bring one profile back to its fixture, also a deleted one."""
        world, key = chosen_world(mock), key_of(client, kind, identifier)
        body = world.profiles.read(key)
        fixture = fixture_of(mock, key, body)
        if fixture is None:
            raise AdminRefusal(404, f"{client}/{kind}/{identifier} has no fixture", "DELETE removes a profile")
        # By its ProfileId first, which stays when alternate ids change.
        world.profiles.put(key[0], fixture, names(orjson.loads(fixture))[::-1])
        return json_response({"status": "reset"})


def _in_other_forms(admin: Blueprint, mock: Mock) -> None:
    @admin.get(f"{_ONE}/xml")
    def profile_xml(client: str, kind: str, identifier: str) -> Response:
        """Show a profile as the API would in XML."""
        text = mock.service.write_xml(profile_of(mock, client, kind, identifier))
        return Response(text, content_type="application/xml; charset=utf-8")

    @admin.get(f"{_ONE}/fixture")
    def profile_fixture(client: str, kind: str, identifier: str) -> Response:
        """Give a profile as a file for the fixtures' folder."""
        profile = orjson.loads(profile_of(mock, client, kind, identifier))
        name = "".join(character if character.isalnum() or character in "-_." else "-" for character in identifier)
        headers = {"Content-Disposition": dump_options_header("attachment", {"filename": f"{name[:100]}.json"})}
        text = orjson.dumps(profile, option=orjson.OPT_INDENT_2 | orjson.OPT_APPEND_NEWLINE)
        return Response(text, headers=headers, content_type="application/json")


def profile_of(mock: Mock, client: str, kind: str, identifier: str) -> bytes:
    """Return a profile of the chosen world; raise AdminRefusal if there is none."""
    body = chosen_world(mock).profiles.read(key_of(client, kind, identifier))
    if body is None:
        hint = "GET /__admin/profiles lists them"
        raise AdminRefusal(404, f"there is no profile {client}/{kind}/{identifier}", hint)
    return body


def fixture_of(mock: Mock, key: Key, body: bytes | None) -> bytes | None:
    """Return what the fixtures hold of a profile: found by one of its ids, and known by its ProfileId."""
    profile, fixtures = None if body is None else orjson.loads(body), mock.fixtures
    keys = [key, *((key[0], *pair) for pair in names(profile or {}))]
    for slot in (slot for one in keys if (slot := fixtures.index.get(one)) is not None):
        fixture: bytes = fixtures.bodies[slot]
        if profile is None or orjson.loads(fixture)["ProfileId"] == profile["ProfileId"]:
            return fixture
    return None


def _history(world: World, key: Key) -> Iterator[Exchange]:
    """Yield the requests that named the profile by an id that it has, or had before one of them changed it.

    The newest comes first, so one that gave the profile its present id is met before those under the earlier one.
    """
    body = world.profiles.read(key)
    keys, left = {key, *_keys(key[0], None if body is None else orjson.loads(body))}, _MOST_HISTORY
    for exchange in world.journal.newest():
        if left == 0:
            return
        if exchange.key is None or fold(exchange.key[0].partition("~")[0]) != key[0]:
            continue
        left_ids = _keys(key[0], profile_after(exchange)) if exchange.changed else ()
        if key_of(key[0], *exchange.key[1:]) in keys or not keys.isdisjoint(left_ids):
            left -= 1
            yield exchange
            if exchange.changed:
                keys.update(_keys(key[0], profile_before(exchange)))


def _keys(client: str, profile: Any) -> list[Key]:
    return [(client, *pair) for pair in alternate_ids(profile or {})]


def _member(member: Member, path: str) -> dict[str, Any]:
    return {
        "path": path,
        "type": _TYPES.get(member.kind, member.kind.value),
        "maxLength": member.max_length,
        "readOnly": member.read_only,
        "default": member.default,
    }
