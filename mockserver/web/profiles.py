"""Profiles on the control surface: look at them, and prepare them by the rules of the fixtures."""

from __future__ import annotations

import json
from collections.abc import Iterator, Sequence
from threading import Lock
from typing import Any, NamedTuple

import orjson
from flask import Blueprint, Response, request

from mockserver.auth.signing import Client
from mockserver.fixtures.loading import FixtureSet
from mockserver.fixtures.profiles import ProfileReader, ReadProfile
from mockserver.profile.conformance import Problem
from mockserver.profile.keys import Key, fold, key_of
from mockserver.service.assembly import Mock
from mockserver.service.door import VendorDoor
from mockserver.state.world import World
from mockserver.web.guard import AdminRefusal, body_json, chosen_world, json_response

_TOLD = 10


def register(admin: Blueprint, mock: Mock, door: VendorDoor) -> None:
    """Add the routes."""
    _reading(admin, mock, door)
    _writing(admin, mock, door)


def _reading(admin: Blueprint, mock: Mock, door: VendorDoor) -> None:
    @admin.get("/__admin/profiles")
    def list_profiles() -> Response:
        """List the world's profiles with their ids."""
        world = chosen_world(mock, door)
        rows = [_row(mock, key, body) for key, body in world.profiles.items()]
        return json_response({"profiles": rows, "meta": {"total": len(rows)}})

    @admin.get("/__admin/profiles/<client>/<kind>/<path:identifier>")
    def read_profile(client: str, kind: str, identifier: str) -> Response:
        """Show a profile as the API would, without changing or signing anything."""
        body = chosen_world(mock, door).profiles.read(key_of(client, kind, identifier))
        if body is None:
            raise _no_profile(client, kind, identifier)
        return _profile_response(mock, body)


def _writing(admin: Blueprint, mock: Mock, door: VendorDoor) -> None:
    preparation = _Preparation(mock)

    @admin.put("/__admin/profiles/<client>/<kind>/<path:identifier>")
    def put_profile(client: str, kind: str, identifier: str) -> Response:
        """Make or replace a profile, checked and completed as a fixture is."""
        body_json()
        named = _Named(_client(mock, client), kind, identifier)
        body, created = preparation.put(chosen_world(mock, door), named, request.get_data(cache=True) or b"{}")
        return _profile_response(mock, body, 201 if created else 200)

    @admin.delete("/__admin/profiles/<client>/<kind>/<path:identifier>")
    def delete_profile(client: str, kind: str, identifier: str) -> Response:
        """Remove a profile with all its alternate ids."""
        if not chosen_world(mock, door).profiles.delete(key_of(client, kind, identifier)):
            raise _no_profile(client, kind, identifier)
        return json_response({"status": "deleted"})


def _profile_response(mock: Mock, body: bytes, status: int = 200) -> Response:
    return Response(mock.service.without_hidden(body), status, content_type="application/json")


def _row(mock: Mock, key: Key, body: bytes) -> dict[str, Any]:
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


def _client(mock: Mock, client_id: str) -> Client:
    client = mock.fixtures.clients.get(fold(client_id))
    if client is None:
        known = ", ".join(known.client_id for known in mock.fixtures.clients.values())
        raise AdminRefusal(404, f"there is no client {client_id!r}", f"the clients are {known}")
    return client


class _Named(NamedTuple):
    """What a URL names, the alternate id as it was sent."""

    client: Client
    kind: str
    identifier: str


def _profile_id(body: bytes) -> Any:
    return orjson.loads(body)["ProfileId"]


class _ProfileIds:
    """Finds the profiles that have a ProfileId; the fixtures', which may be a hundred thousand, are read once."""

    def __init__(self, fixtures: FixtureSet) -> None:
        self._fixtures = fixtures
        self._clients = [fold(owner) for owner in fixtures.owners]
        self._slots = {
            (client, _profile_id(body)): slot
            for slot, (client, body) in enumerate(zip(self._clients, fixtures.bodies, strict=True))
        }

    def holders(self, world: World, client: str, profile_id: int) -> Iterator[bytes]:
        """Yield the profiles of a client, by its folded id, that have a ProfileId."""
        overlay = world.profiles.snapshot()
        slot = self._slots.get((client, profile_id))
        if slot is not None and slot not in overlay.bodies:
            yield self._fixtures.bodies[slot]
        clients = {slot: key[0] for key, slot in overlay.index.items()}
        clients.update((slot, self._clients[slot]) for slot in overlay.bodies if slot < len(self._clients))
        # Looked for as bytes first, for a world may have thousands of its own.
        written = b'"ProfileId":%d' % profile_id
        for slot, body in overlay.bodies.items():
            if body and written in body and clients.get(slot) == client and _profile_id(body) == profile_id:
                yield body


class _Preparation:
    """Puts profiles one at a time, so that no two of a client get the same ProfileId.

    Several servers over one store don't wait for each other: put at the same moment through two, both are stored.
    """

    def __init__(self, mock: Mock) -> None:
        self._mock = mock
        self._lock = Lock()
        self._readers: dict[str, ProfileReader] = {}
        self._profile_ids: _ProfileIds | None = None

    def put(self, world: World, named: _Named, raw: bytes) -> tuple[bytes, bool]:
        """Return the stored bytes and whether the profile is new; raise AdminRefusal."""
        with self._lock:
            read = self._reader(named.client).read(raw)
            if isinstance(read, list):
                raise _refusal(read)
            ids = _ids_from(named, read)
            found = list(self._clashes(world, named.client, read, ids))
            if found:
                raise _refusal(found)
            return read.body, world.profiles.put(fold(named.client.client_id), read.body, ids)

    def _reader(self, client: Client) -> ProfileReader:
        # Each takes milliseconds to make.
        if client.client_id not in self._readers:
            self._readers[client.client_id] = ProfileReader(self._mock.tree, client)
        return self._readers[client.client_id]

    def _clashes(
        self, world: World, client: Client, read: ReadProfile, ids: Sequence[tuple[str, str]]
    ) -> Iterator[Problem]:
        """Yield what another profile of the client has already; the one that is replaced may have it."""
        folded = fold(client.client_id)
        owners = [(pair, body) for pair in ids if (body := world.profiles.read((folded, *pair))) is not None]
        replaced = owners[0][1] if owners else None
        for pair, owner in owners:
            if owner != replaced:
                text = f"the alternate id {_written(read.body, pair)} is also that of {_name(client, owner)}"
                yield Problem("/AlternateIds", text, "change one of the two; letter case doesn't tell them apart")
        self._profile_ids = self._profile_ids or _ProfileIds(self._mock.fixtures)
        for holder in self._profile_ids.holders(world, folded, read.profile_id):
            if holder != replaced:
                text = f"the ProfileId {read.profile_id} is also that of {_name(client, holder)}"
                yield Problem("/ProfileId", text, "give each profile of a client its own")


def _refusal(found: Sequence[Problem]) -> AdminRefusal:
    told = found[:_TOLD]
    hints = dict.fromkeys(problem.hint for problem in told)
    return AdminRefusal(422, "; ".join(f"{problem.path}: {problem.text}" for problem in told), "; ".join(hints))


def _ids_from(named: _Named, read: ReadProfile) -> list[tuple[str, str]]:
    """Return the profile's alternate ids, the one from the URL first: it says which profile is replaced."""
    own = fold(named.kind), fold(named.identifier)
    if own not in read.alternate_ids:
        entry = json.dumps({"AlternateIdType": named.kind, "AlternateId": named.identifier}, ensure_ascii=False)
        problem = "the profile does not hold the alternate id of the URL"
        raise AdminRefusal(422, problem, f"put {entry} into AlternateIds")
    return sorted(read.alternate_ids, key=lambda pair: pair != own)


def _name(client: Client, body: bytes) -> str:
    return f"{client.client_id}/{_written(body)}"


def _written(body: bytes, wanted: tuple[str, str] | None = None) -> str:
    """Return an alternate id in the profile's own letter case: the wanted one, else the first."""
    for entry in orjson.loads(body)["AlternateIds"] or ():
        kind, value = (entry or {}).get("AlternateIdType"), (entry or {}).get("AlternateId")
        if kind and value and wanted in (None, (fold(kind), fold(value))):
            return f"{kind}/{value}"
    return "a profile without alternate ids"
