"""Profiles on the control surface: look at them, and prepare them by the rules of the fixtures."""

from __future__ import annotations

from collections.abc import Iterator
from itertools import islice
from typing import Any

import orjson
from flask import Blueprint, Response, request

from mockserver.auth.signing import Client
from mockserver.fixtures.preparation import Preparation
from mockserver.profile.keys import Key, fold, key_of
from mockserver.service.assembly import Mock
from mockserver.web.guard import AdminRefusal, body_json, chosen_world, flag, json_response, whole_number
from mockserver.web.profile_views import profile_of

_Profile = tuple[Key, bytes]


def register(admin: Blueprint, mock: Mock) -> None:
    _writing(admin, mock)

    @admin.get("/__admin/profiles")
    def list_profiles() -> Response:
        """List the world's profiles; ?q=TEXT, ?changed=true for fewer, ?limit=N and ?offset=N for a page."""
        profiles, text = chosen_world(mock).profiles, request.args.get("q", "").strip().lower()
        changed = flag("changed")
        offset, limit = whole_number("offset") or 0, whole_number("limit")
        total = profiles.count
        if text or changed:
            found = (row for row in profiles.items(changed=changed) if _holds(row, text))
            matching = (row for row in found if not changed or _is_changed(mock, *row))
            page, matched = _page(matching, offset, limit)
        else:
            page, matched = list(islice(profiles.items(offset), limit)), total
        rows = [_row(mock, key, body) for key, body in page]
        return json_response({"profiles": rows, "meta": {"total": total, "matched": matched}})

    @admin.get("/__admin/profiles/<client>/<kind>/<path:identifier>")
    def read_profile(client: str, kind: str, identifier: str) -> Response:
        """Show a profile as the API would, without changing or signing anything."""
        return _profile_response(mock, profile_of(mock, client, kind, identifier))


def _writing(admin: Blueprint, mock: Mock) -> None:
    preparation = Preparation(mock.tree)

    @admin.put("/__admin/profiles/<client>/<kind>/<path:identifier>")
    def put_profile(client: str, kind: str, identifier: str) -> Response:
        """Make or replace a profile, checked and completed as a fixture is."""
        body_json()
        raw = request.get_data(cache=True) or b"{}"
        limit = mock.settings.max_profile
        body, created = preparation.put(chosen_world(mock), _client(mock, client), kind, identifier, raw, limit)
        return _profile_response(mock, body, 201 if created else 200)

    @admin.delete("/__admin/profiles/<client>/<kind>/<path:identifier>")
    def delete_profile(client: str, kind: str, identifier: str) -> Response:
        """Remove a profile with all its alternate ids."""
        profile_of(mock, client, kind, identifier)
        chosen_world(mock).profiles.delete(key_of(client, kind, identifier))
        return json_response({"status": "deleted"})


def _profile_response(mock: Mock, body: bytes, status: int = 200) -> Response:
    return Response(mock.service.without_hidden(body), status, content_type="application/json")


def _page(rows: Iterator[_Profile], offset: int, limit: int | None) -> tuple[list[_Profile], int]:
    """Return a part of the rows, and how many there are: all are looked at, none of the others is kept."""
    page, number = list[_Profile](), 0
    for number, row in enumerate(rows, 1):
        if number > offset and (limit is None or len(page) < limit):
            page.append(row)
    return page, number


def _row(mock: Mock, key: Key, body: bytes) -> dict[str, Any]:
    profile = orjson.loads(body)
    client = mock.fixtures.clients.get(key[0])
    name = profile.get("CustomerName") or {}
    first: dict[str, Any] = next(
        (entry for entry in profile.get("AlternateIds") or () if entry and entry["AlternateId"]), {}
    )
    return {
        "client": client.client_id if client else key[0],
        "profileId": profile.get("ProfileId"),
        "isActive": profile.get("IsActive"),
        "alternateIds": profile.get("AlternateIds"),
        "name": " ".join(filter(None, (name.get("FirstName"), name.get("LastName")))),
        "kind": first.get("AlternateIdType"),
        "id": first.get("AlternateId"),
        "changed": _is_changed(mock, key, body),
    }


def _holds(row: _Profile, text: str) -> bool:
    key, body = row
    return text in "/".join(key) or text in body.decode().lower()


def _is_changed(mock: Mock, key: Key, body: bytes) -> bool:
    fixtures = mock.fixtures  # once: while this is worked out, others may be read
    slot = fixtures.index.get(key)
    return slot is None or fixtures.bodies[slot] != body


def _client(mock: Mock, client_id: str) -> Client:
    client = mock.fixtures.clients.get(fold(client_id))
    if client is None:
        known = ", ".join(known.client_id for known in mock.fixtures.clients.values())
        raise AdminRefusal(404, f"there is no client {client_id!r}", f"the clients are {known}")
    return client
