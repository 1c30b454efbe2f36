"""Faults on the control surface: add, list, remove, and see what they will do."""

from __future__ import annotations

import json
from collections.abc import Callable, Sequence
from shlex import quote
from typing import Any, TypeAlias

from flask import Blueprint, Response
from msgspec.structs import replace

from mockserver.errors import UsageError
from mockserver.faults.fields import FIELDS
from mockserver.faults.rules import Counter, Fault, Hit, expired, plan
from mockserver.faults.sentence import sentence
from mockserver.faults.text import Known, from_json, from_text, to_json, to_text, with_free_id
from mockserver.journal.work import Work
from mockserver.service.assembly import Mock, known_names
from mockserver.state.world import World
from mockserver.web.guard import (
    AdminRefusal,
    body_json_or_text,
    chosen_world,
    chosen_worlds,
    flag,
    json_response,
    told,
    whole_number,
)

_CELLS = 50
_Row: TypeAlias = Callable[[World, Fault], dict[str, Any]]


def register(admin: Blueprint, mock: Mock) -> None:
    def row(world: World, fault: Fault) -> dict[str, Any]:
        came = "--fault" if replace(fault, enabled=True) in mock.faults else "control surface"
        return {**_row(world, fault), "from": came}

    _reading(admin, mock, row)
    _writing(admin, mock, row)
    _deleting(admin, mock)


def _reading(admin: Blueprint, mock: Mock, row: _Row) -> None:
    @admin.get("/__admin/faults")
    def list_faults() -> Response:
        """List the faults, how many requests matched each, and how many it struck."""
        rows = [row(world, fault) for world in chosen_worlds(mock) for fault, _ in world.faults]
        return json_response({"faults": rows, "meta": {"total": len(rows)}})

    @admin.get("/__admin/faults/<fault_id>")
    def read_fault(fault_id: str) -> Response:
        """Show one fault."""
        world = chosen_world(mock)
        return json_response(row(world, _find(world, fault_id)))

    @admin.get("/__admin/faults/plan")
    def fault_plan() -> Response:
        """Tell what each fault will do to the next 50 requests that match it; ?n=N for another number."""
        world, number = chosen_world(mock), whole_number("n", 1, 10_000) or _CELLS
        work = Work(mock.settings.max_control_work)
        for fault, _ in world.faults:
            work.spend(number * (_PLANNED + len(fault.schedule.at or ()) // 50))
        rows = {row[0].id: [_hit(hit) for hit in _plan(world, *row, number)] for row in world.faults}
        return json_response({"world": world.name, "seed": world.seed, "plan": rows})


def _writing(admin: Blueprint, mock: Mock, row: _Row) -> None:
    @admin.post("/__admin/faults")
    def add_fault() -> Response:
        """Add a fault, as JSON or as text: "500 first=2"; with ?dry=true only tell what it would do."""
        world, others = chosen_world(mock), [old.id for old, _ in chosen_world(mock).faults]
        if flag("dry"):
            return json_response(_foreseen(mock, world, body_json_or_text(), others))
        fault = with_free_id(_read(mock, body_json_or_text()), others)
        world.add_fault(fault)
        return json_response(row(world, fault), 201)

    @admin.put("/__admin/faults/<fault_id>")
    def put_fault(fault_id: str) -> Response:
        """Add a fault under an id, or replace the one that has it; {"enabled": false} only switches that one off."""
        world, document = chosen_world(mock), body_json_or_text()
        if isinstance(document, dict) and document.keys() == {"enabled"}:
            _switch(world, fault_id, document["enabled"])
            return json_response(row(world, _find(world, fault_id)))
        fault = _read(mock, {**({"text": document} if isinstance(document, str) else document), "id": fault_id})
        world.add_fault(fault)
        return json_response(row(world, fault))


def _foreseen(mock: Mock, world: World, document: Any, others: Sequence[str]) -> dict[str, Any]:
    """Say what a rule would do, or what is wrong with it: while somebody writes one, neither is a failure."""
    try:
        fault = with_free_id(_read(mock, document), others)
    except UsageError as problem:
        return {"error": told(problem), "hint": problem.hint}
    hits = plan(fault, Counter(), seed=world.seed, world=world.name, count=_CELLS)
    rule = {**to_json(fault), "text": to_text(fault)}
    return {"rule": rule, "sentence": sentence(fault), "plan": [_hit(hit) for hit in hits]}


def _switch(world: World, fault_id: str, enabled: Any) -> None:
    if not isinstance(enabled, bool):
        raise AdminRefusal(422, f"enabled is {str(enabled)[:40]!r}", "write true or false")
    if not world.switch_fault(fault_id, enabled=enabled):
        raise _unknown(world, fault_id)


def _deleting(admin: Blueprint, mock: Mock) -> None:
    @admin.delete("/__admin/faults")
    def delete_faults() -> Response:
        """Remove every fault, also those that the server was started with."""
        for world in chosen_worlds(mock):
            world.clear_faults()
        return json_response({"status": "deleted"})

    @admin.delete("/__admin/faults/<fault_id>")
    def delete_fault(fault_id: str) -> Response:
        """Remove one fault."""
        world = chosen_world(mock)
        if not world.remove_fault(fault_id):
            raise _unknown(world, fault_id)
        return json_response({"status": "deleted"})


_PLANNED = 100  # steps for each planned request: it is also written

# What text is put under by those who have not read that it is "text".
_MISNAMED = ("spec", "fault", "rule")


def _read(mock: Mock, document: dict[str, Any] | str) -> Fault:
    """Read a rule as JSON; as text, which may stand under "text" beside an "id"; or say how text is sent."""
    # Anew each time, for clients and dialect may have been read again.
    known = known_names(mock.settings, mock.tree, mock.fixtures)
    if isinstance(document, str):
        return from_text(document, known=known)
    text = document.get("text")
    if isinstance(text, str):
        return from_text(_with_id(text, document), known=known)
    for name, value in document.items():
        if isinstance(value, str) and name not in FIELDS and (name in _MISNAMED or _is_text_form(value, known)):
            hint = f"for a fault as text send {json.dumps({'text': value}, ensure_ascii=False)}"
            raise UsageError(f"the key {json.dumps(name)} is unknown here", place="fault", hint=hint)
    return from_json(document, known=known)


def _with_id(text: str, document: dict[str, Any]) -> str:
    if unread := sorted(document.keys() - {"text", "id"}):
        hint = "write all of it as text, or all of it as match, effect and schedule"
        raise UsageError(f"the key {json.dumps(unread[0])} can't stand beside a text", place="fault", hint=hint)
    fault_id = document.get("id")
    return text if fault_id is None else f"{text} rule={quote(str(fault_id))}"


def _is_text_form(text: str, known: Known) -> bool:
    try:
        from_text(text, known=known)
    except UsageError:
        return False
    return True


def _plan(world: World, fault: Fault, created: float, number: int) -> list[Hit | None]:
    if expired(fault, created_at=created, now=world.clock.now().timestamp()):
        return [None] * number
    counter = world.counters.get(fault.id, Counter())
    return plan(fault, counter, seed=world.seed, world=world.name, count=number)


def _row(world: World, fault: Fault) -> dict[str, Any]:
    counter = world.counters.get(fault.id, Counter())
    return {
        **to_json(fault),
        "world": world.name,
        "matched": counter.n,
        "hits": counter.hits,
        "enabled": fault.enabled,
        "text": to_text(fault),
        "sentence": sentence(fault),
    }


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
