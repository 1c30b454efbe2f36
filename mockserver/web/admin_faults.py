"""Faults on the control surface: add, list, remove, and see what they will do."""

from __future__ import annotations

from typing import Any

from flask import Blueprint, Response, request

from mockserver.assembly import Mock, known_names
from mockserver.core.fault_text import Known, from_json, from_text, to_json, with_free_id
from mockserver.core.faults import Counter, Fault, Hit, plan
from mockserver.store.world import World
from mockserver.web.admin_guard import AdminRefusal, body_json, chosen_world, chosen_worlds, json_response
from mockserver.web.vendor import VendorDoor


def register(admin: Blueprint, mock: Mock, door: VendorDoor) -> None:
    """Add the routes."""
    known = known_names(mock.tree, mock.fixtures)

    @admin.get("/__admin/faults")
    def list_faults() -> Response:
        rows = [_row(world, fault) for world in chosen_worlds(mock, door) for fault, _ in world.faults]
        return json_response({"faults": rows, "meta": {"total": len(rows)}})

    @admin.post("/__admin/faults")
    def add_fault() -> Response:
        world = chosen_world(mock, door)
        fault = with_free_id(_read(body_json(), known), [old.id for old, _ in world.faults])
        world.add_fault(fault)
        return json_response(_row(world, fault), 201)

    @admin.put("/__admin/faults/<fault_id>")
    def put_fault(fault_id: str) -> Response:
        world = chosen_world(mock, door)
        fault = _read({**body_json(), "id": fault_id}, known)
        world.add_fault(fault)
        return json_response(_row(world, fault))

    @admin.get("/__admin/faults/<fault_id>")
    def read_fault(fault_id: str) -> Response:
        world = chosen_world(mock, door)
        return json_response(_row(world, _find(world, fault_id)))

    @admin.delete("/__admin/faults")
    def delete_faults() -> Response:
        for world in chosen_worlds(mock, door):
            world.clear_faults()
        return json_response({"status": "deleted"})

    @admin.delete("/__admin/faults/<fault_id>")
    def delete_fault(fault_id: str) -> Response:
        world = chosen_world(mock, door)
        if not world.remove_fault(fault_id):
            raise _unknown(world, fault_id)
        return json_response({"status": "deleted"})

    @admin.get("/__admin/faults/plan")
    def fault_plan() -> Response:
        world, number = chosen_world(mock, door), _count(request.args.get("n", "50"))
        rows = {fault.id: [_hit(hit) for hit in _plan(world, fault, number)] for fault, _ in world.faults}
        return json_response({"world": world.name, "seed": world.seed, "plan": rows})


def _read(document: dict[str, Any], known: Known) -> Fault:
    """Read a rule as JSON, or as text under "text"."""
    text = document.get("text")
    return from_text(text, known=known) if isinstance(text, str) else from_json(document, known=known)


def _plan(world: World, fault: Fault, number: int) -> list[Hit | None]:
    counter = world.counters.get(fault.id, Counter())
    return plan(fault, counter, seed=world.seed, world=world.name, count=number)


def _row(world: World, fault: Fault) -> dict[str, Any]:
    counter = world.counters.get(fault.id, Counter())
    return {**to_json(fault), "world": world.name, "matched": counter.n, "hits": counter.hits}


def _hit(hit: Hit | None) -> dict[str, Any] | None:
    if hit is None:
        return None
    return {
        "n": hit.n,
        "status": hit.status,
        "connection": hit.connection,
        "delay_ms": hit.delay_s * 1000,
        "when": hit.when,
    }


def _find(world: World, fault_id: str) -> Fault:
    for fault, _ in world.faults:
        if fault.id == fault_id:
            return fault
    raise _unknown(world, fault_id)


def _unknown(world: World, fault_id: str) -> AdminRefusal:
    known = ", ".join(fault.id for fault, _ in world.faults) or "none"
    return AdminRefusal(404, f"there is no fault {fault_id!r}", f"the faults are: {known}")


def _count(text: str) -> int:
    if not text.isascii() or not text.isdigit() or len(text) > len("10000") or not 1 <= int(text) <= 10_000:
        raise AdminRefusal(422, f"n is {text[:40]!r}", "write a number from 1 to 10000")
    return int(text)
