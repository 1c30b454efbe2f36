"""Which fault is due for a request: planned rules, one-request headers and magic alternate ids."""

from __future__ import annotations

from collections.abc import Sequence

from mockserver.auth.signing import CHALLENGE
from mockserver.errors import ApiError, BadRequest, UsageError
from mockserver.faults import rules
from mockserver.faults.rules import Facts, Fault, Hit
from mockserver.patch.apply import operation_type
from mockserver.profile.members import MemberTree
from mockserver.service.body import read_operations
from mockserver.service.operations import PATCH
from mockserver.service.request import Head, Policy, Request
from mockserver.state.world import World, decide_fault

PREFERRED = "prefer"


def requested_fault(head: Head, policy: Policy) -> Fault | None:
    """Return the fault that a request asks for itself, by a control header or a magic id."""
    headers = head.headers
    if not policy.pure:
        if "x-mock-fault" in headers:
            return _one_request(headers["x-mock-fault"])
        if "prefer" in headers and (code := preferred_code(headers["prefer"])) is not None:
            return Fault(id=PREFERRED, effect=rules.Effect(status=code))
    if policy.magic_ids and (magic := head.route.alternate_id) is not None:
        effect = rules.magic_fault(magic)
        return Fault(id=magic.lower(), effect=effect) if effect is not None else None
    return None


def preferred_code(prefer: str) -> int | None:
    """Return the failure that `Prefer: code=403` asks for; what can't be preferred is ignored (RFC 7240)."""
    for preference in prefer.split(","):
        name, _, value = preference.split(";")[0].strip().partition("=")
        text = value.strip().strip('"')
        if name.strip().lower() == "code" and text.isascii() and text.isdigit() and len(text) == len("403"):
            return int(text) if 400 <= int(text) <= 599 else None
    return None


def _one_request(text: str) -> Fault:
    # Imported when the first such header comes: few runs have one, and every start would pay.
    from mockserver.faults.text import Known, from_text

    try:
        fault = from_text(text, known=Known())
        if fault.schedule != rules.Schedule() or fault.match != rules.Match() or fault.expires_in_s is not None:
            raise UsageError(
                "a header is for this one request: schedules and matches mean nothing in it",
                hint="Send the effect alone, e.g. 500 or reset; plan the rest with --fault or POST /__admin/faults.",
            )
        return fault
    except UsageError as problem:
        raise BadRequest(
            "The requested fault can't be understood.",
            rule="request-override-invalid",
            why=problem.problem,
            hint=problem.hint,
        ) from problem


def due_fault(request: Request, world: World, requested: Fault | None, policy: Policy, tree: MemberTree) -> Hit | None:
    """Count the request for every rule of the world and return what is due; the request's own fault comes last."""
    route = request.head.route
    facts = Facts(
        client=route.client.partition("~")[0],
        user=request.head.user,
        alternate_id_type=route.alternate_id_type or "",
        alternate_id=route.alternate_id or "",
        operations=_named_operations(request, world, policy, tree),
        operation=request.head.operation.name if request.head.operation is not None else "",
    )
    decision = decide_fault(world, facts)
    hits = list(decision.hits) if decision is not None else []
    if requested is not None:
        hits.append(rules.due(requested.effect, rule=requested.id, n=1, seed=world.seed, world=world.name))
    return rules.combined(hits)


def _named_operations(request: Request, world: World, policy: Policy, tree: MemberTree) -> Sequence[tuple[str, str]]:
    """Return the (op, path) pairs of a patch if a rule asks about them; a body that can't be read has none."""
    operation = request.head.operation
    patches = operation is None or operation.handler == PATCH.handler
    if not patches or not rules.needs_operations(fault for fault, _ in world.faults):
        return ()
    try:
        operations = read_operations(request, policy, tree)
    except ApiError:
        return ()
    return [(_type(op.get("op", "add")), str(op.get("path") or "")) for op in operations if isinstance(op, dict)]


def _type(name: object) -> str:
    return operation_type(name if name is None or isinstance(name, str) else str(name))


def strike(hit: Hit) -> None:
    """Raise the fault's status, if it has one; a fault at the connection alone leaves the answer to the server."""
    if hit.status is not None:
        raise InjectedFault(hit)


class InjectedFault(ApiError):
    """A planned fault's status, in the vendor's error shape."""

    def __init__(self, hit: Hit) -> None:
        applied = f"Applied, then {hit.status}: the" if hit.applies else "The"
        super().__init__(
            hit.message,
            rule="fault-injected",
            why=f"{applied} planned fault {hit.rule} struck its matching request number {hit.n}.",
            headers=CHALLENGE if hit.status == 401 else None,
        )
        self.status = hit.status or 500  # type: ignore[misc]
