"""One PATCH: request parts and a world in; status, headers, bytes and a story out. No framework in sight."""

from __future__ import annotations

import logging
import traceback
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from itertools import count
from typing import Any, NamedTuple

import orjson

from mockserver.core import faults as fault_rules
from mockserver.core.auth import CHALLENGE, Client, User, require, verify
from mockserver.core.auth_diagnosis import explain
from mockserver.core.dialect import Dialect
from mockserver.core.explain import Story
from mockserver.core.fault_text import Known, from_text
from mockserver.core.faults import Facts, Fault, Hit
from mockserver.core.keys import alternate_ids, fold, key_of
from mockserver.core.members import MemberTree
from mockserver.core.oauth import authenticate, bearer_token
from mockserver.core.patch import apply_patch
from mockserver.errors import ApiError, BadRequest, NotFound, RequestTooLarge, Unauthorized, UsageError
from mockserver.store.clock import stopwatch
from mockserver.store.journal import Exchange
from mockserver.store.profiles import Changed, Update
from mockserver.store.world import World, decide_fault
from mockserver.wire.error_body import error_body
from mockserver.wire.json_body import read_patch, read_strict_patch, write_json
from mockserver.wire.negotiation import AnswerFormat, body_format, choose
from mockserver.wire.xml_body import profile_writer, read_xml_patch

PERMISSION = "profile:update"
_EXPLAINED_BODY = 64 * 1024
NO_CACHE: tuple[tuple[str, str], ...] = (("Cache-Control", "no-cache"), ("Pragma", "no-cache"), ("Expires", "-1"))
_log = logging.getLogger(__name__)


class Request(NamedTuple):
    """What a door hands over. `headers` has lower-case names; `client` is the segment as sent, decoded."""

    method: str
    target: str
    client: str
    alternate_id_type: str | None
    alternate_id: str | None
    headers: Mapping[str, str]
    body: bytes


class Delivery(NamedTuple):
    """How the server is to deliver an answer when a fault asks for it: late, or as a broken connection."""

    delay_s: float
    connection: str | None


class Answer(NamedTuple):
    """What goes back to the client, and how."""

    status: int
    headers: list[tuple[str, str]]
    body: bytes
    story: Story
    delivery: Delivery | None = None


@dataclass(frozen=True, slots=True)
class Policy:
    """The settings that a request's handling depends on."""

    dialect: Dialect
    auth: bool = True
    allow_unkeyed: bool = True
    unknown_status: int = 404
    max_body: int = 1 << 20
    max_operations: int = 1000
    magic_ids: bool = True
    pure: bool = False
    token_key: bytes = b""


class Handling:
    """The facts that accumulate while one request is handled, for the story and the journal."""

    __slots__ = ("fault", "operations", "reason", "update", "user")

    def __init__(self) -> None:
        self.operations: list[Any] | None = None
        self.update: Update | None = None
        self.user: str | None = None
        self.fault: Hit | None = None
        self.reason = "internal-error"


class Service:
    """Handles the PATCH for all worlds; holds only what was compiled at start."""

    def __init__(self, tree: MemberTree, clients: Mapping[str, Client], policy: Policy) -> None:
        self.tree = tree
        self.clients = clients
        self.policy = policy
        self.write_xml: Callable[[Mapping[str, Any]], str] = profile_writer(tree, policy.dialect)
        self._numbers = count(1)

    def answer(self, request: Request, world: World) -> Answer:
        """Answer one request and journal it; never raises."""
        started = stopwatch()
        form = answer_format(request.headers)
        handling = Handling()
        try:
            body = self._handle(request, world, form, handling)
            answer = self._success(body, form, handling)
        except ApiError as refusal:
            answer = self.refuse(refusal, form, handling.operations)
        except Exception:
            answer = self.bug(form)
        return self._finish(request, world, handling, answer, started)

    def refuse_early(self, refusal: ApiError, request: Request, world: World) -> Answer:
        """Answer and journal a request that a door refuses before the service sees it."""
        answer = self.refuse(refusal, answer_format(request.headers))
        return self._finish(request, world, Handling(), answer, stopwatch())

    def _handle(self, request: Request, world: World, form: AnswerFormat, handling: Handling) -> bytes:
        now = world.clock.now()
        override = self._override(request)
        if world.faults or override is not None:
            self._decide(request, world, override, handling)
        hit = handling.fault
        if hit is not None and not hit.applies:
            self._strike(hit)
        client = self._authorize(request, now, handling)
        operations = handling.operations = self._operations(request)
        key = self._key(request, client)
        update = handling.update = world.profiles.update(
            key, lambda before: self._change(before, operations, handling.user, now)
        )
        if hit is not None:
            self._strike(hit)
        handling.reason = self._reason(request, operations, update)
        return self._render(update.after, form)

    # -- before the patch -------------------------------------------------------------------------------------------

    def _override(self, request: Request) -> Fault | None:
        """Return the fault that this one request asks for, by a magic id or a control header."""
        policy = self.policy
        if not policy.pure:
            if (text := request.headers.get("x-mock-fault")) is not None:
                return self._one_request(text)
            if "code=" in (prefer := request.headers.get("prefer", "")):
                return self._one_request(prefer.split("code=", 1)[1].split(",")[0].split(";")[0].strip())
        if policy.magic_ids and request.alternate_id is not None:
            effect = fault_rules.magic_fault(request.alternate_id)
            return Fault(id=request.alternate_id.lower(), effect=effect) if effect is not None else None
        return None

    def _one_request(self, text: str) -> Fault:
        try:
            return from_text(text, known=Known())
        except UsageError as problem:
            raise BadRequest(
                "The requested fault can't be understood.",
                rule="request-override-invalid",
                why=problem.problem,
                hint=problem.hint,
            ) from problem

    def _decide(self, request: Request, world: World, override: Fault | None, handling: Handling) -> None:
        facts = Facts(
            client=request.client,
            user=claimed_user(request.headers.get("authorization")),
            alternate_id_type=request.alternate_id_type or "",
            alternate_id=request.alternate_id or "",
            operations=self._named_operations(request, world),
        )
        decision = decide_fault(world, facts)
        handling.fault = decision.hit if decision else None
        if override is not None and handling.fault is None:
            handling.fault = fault_rules.decision(override, seed=world.seed, world=world.name, n=1)
        handling.user = facts.user

    def _named_operations(self, request: Request, world: World) -> Sequence[tuple[str, str]]:
        """Return the (op, path) pairs if a rule asks about them; a body that can't be read has none."""
        if not fault_rules.needs_operations(fault for fault, _ in world.faults):
            return ()
        try:
            operations = self._operations(request)
        except ApiError:
            return ()
        return [(str(op.get("op", "add")), str(op.get("path", ""))) for op in operations if op]

    def _strike(self, hit: Hit) -> None:
        if hit.status is not None:
            raise InjectedFault(hit)

    def _authorize(self, request: Request, now: datetime, handling: Handling) -> Client | None:
        client = self.clients.get(fold(request.client.partition("~")[0]))
        if not self.policy.auth:
            return client
        header = request.headers.get("authorization")
        token = bearer_token(header)
        if token is not None:
            user = authenticate(token, client=client, now=now, key=self.policy.token_key)
        else:
            user = self._signer(request, client, now)
        handling.user = user.user_id
        require(user, PERMISSION)
        return client

    def _signer(self, request: Request, client: Client | None, now: datetime) -> User:
        """Return who signed the request; a refusal's story says which part of the header is wrong."""
        header, allow_unkeyed = request.headers.get("authorization"), self.policy.allow_unkeyed
        try:
            return verify(header, client=client, client_id=request.client, now=now, allow_unkeyed=allow_unkeyed)
        except Unauthorized as refusal:
            found = explain(
                header,
                client=client,
                client_id=request.client,
                clients=self.clients,
                now=now,
                allow_unkeyed=allow_unkeyed,
                method=request.method,
                url=request.target,
                body=request.body[:_EXPLAINED_BODY],
            )
            refusal.why, refusal.hint = f"{found.sentence} (cause: {found.cause})", found.hint
            raise

    def _operations(self, request: Request) -> list[Any]:
        policy, body = self.policy, request.body
        if not body:
            raise _null_document()
        if len(body) > policy.max_body:
            raise RequestTooLarge(
                "The request entity is too large.",
                rule="body-too-large",
                why=f"the body has {len(body)} bytes; {policy.max_body} are allowed",
            )
        operations = self._read(request)
        if operations is None:
            raise _null_document()
        if len(operations) > policy.max_operations:
            raise BadRequest(
                "The request has too many operations.",
                rule="too-many-operations",
                why=f"{len(operations)} operations; {policy.max_operations} are allowed",
                hint="send several smaller patches",
            )
        return operations

    def _read(self, request: Request) -> list[Any] | None:
        how = body_format(request.headers.get("content-type"))
        if how.reader == "xml":
            return read_xml_patch(request.body, charset=how.charset, tree=self.tree, dialect=self.policy.dialect)
        if how.reader == "form":
            return []
        if self.policy.dialect.strict_rfc:
            return read_strict_patch(request.body, charset=how.charset)
        return read_patch(request.body, charset=how.charset)

    def _key(self, request: Request, client: Client | None) -> tuple[str, str, str]:
        if client is None:
            raise self._unknown("client-unknown", "The requested client was not found.")
        if request.alternate_id_type is None or request.alternate_id is None:
            raise self._unknown("profile-unknown", "The requested profile was not found.")
        return key_of(client.client_id, request.alternate_id_type, request.alternate_id)

    def _unknown(self, rule: str, message: str) -> ApiError:
        return (NotFound if self.policy.unknown_status == 404 else BadRequest)(message, rule=rule)

    # -- the patch --------------------------------------------------------------------------------------------------

    def _change(self, before: bytes, operations: list[Any], user: str | None, now: datetime) -> Changed:
        document = orjson.loads(before)
        ids = alternate_ids(document)
        document = apply_patch(operations, document, self.tree, self.policy.dialect)
        after = write_json(document)
        if after == before:
            return Changed(before)
        if self.policy.dialect.follows_page:
            stamp(document, self.tree, user, now)
            after = write_json(document)
        new_ids = alternate_ids(document)
        return Changed(after, new_ids if new_ids != ids else None)

    # -- after the patch --------------------------------------------------------------------------------------------

    def _reason(self, request: Request, operations: list[Any], update: Update) -> str:
        if operations:
            return "patch-applied" if update.after is not update.before else "patch-changed-nothing"
        reader = body_format(request.headers.get("content-type")).reader
        return {"xml": "xml-without-operations", "form": "form-without-operations"}.get(reader, "patch-empty")

    def _render(self, profile: bytes, form: AnswerFormat) -> bytes:
        if form.is_xml:
            return form.encode(self.write_xml(orjson.loads(profile)))
        body = self.without_hidden(profile)
        return body if form.encoding == "utf-8" else form.encode(body.decode())

    def without_hidden(self, profile: bytes) -> bytes:
        """Return the profile's JSON as the vendor prints it: ReasonCode is kept, but never returned (documented)."""
        if b'"ReasonCode"' not in profile:
            return profile
        hidden = {name for name, member in self.tree.root.members.items() if not member.returned}
        return write_json({name: value for name, value in orjson.loads(profile).items() if name not in hidden})

    def _success(self, body: bytes, form: AnswerFormat, handling: Handling) -> Answer:
        story = Story(handling.reason, None, handling.operations)
        return Answer(200, [("Content-Type", form.content_type), *NO_CACHE], body, story)

    def refuse(self, refusal: ApiError, form: AnswerFormat, operations: Sequence[Any] | None = None) -> Answer:
        """Render a refusal as the vendor's error: the one place that does."""
        status = refusal.status
        if isinstance(refusal, NotFound) and refusal.rule == "profile-unknown":
            status = self.policy.unknown_status
        body = error_body(refusal.message, refusal.model_state, form)
        headers = [("Content-Type", form.content_type)] if refusal.message is not None else []
        headers += [*NO_CACHE, *refusal.headers.items()]
        return Answer(status, headers, body, Story(refusal.rule, refusal, operations))

    def bug(self, form: AnswerFormat) -> Answer:
        """Answer 500 for an exception that nobody planned; the traceback goes to the log, never to the client."""
        _log.error("internal error:\n%s", traceback.format_exc())
        failure = ApiError("An error has occurred.", rule="internal-error")
        return self.refuse(failure, form)

    def _finish(self, request: Request, world: World, handling: Handling, answer: Answer, started: float) -> Answer:
        number = f"{next(self._numbers):08x}"
        hit = handling.fault
        if not self.policy.pure:
            answer.headers.append(("X-Mock-Request-Id", number))
            answer.headers.append(("X-Mock-Explain", answer.story.reason))
            answer.headers.append(("X-Mock-Provenance", answer.story.provenance))
            if hit is not None:
                answer.headers.append(("X-Mock-Fault", f"{hit.rule}#{hit.n}"))
            if "code=" in request.headers.get("prefer", ""):
                answer.headers.append(("Preference-Applied", request.headers["prefer"]))
        update = handling.update
        world.journal.append(
            Exchange(
                id=number,
                world=world.name,
                at=world.clock.now(),
                duration_s=stopwatch() - started,
                method=request.method,
                target=request.target,
                headers=tuple(request.headers.items()),
                body=request.body,
                status=answer.status,
                answer_headers=tuple(answer.headers),
                answer_body=answer.body,
                story=answer.story,
                user=handling.user,
                fault=f"{hit.rule}#{hit.n}" if hit is not None else None,
                before=update.before if update else None,
                after=update.after if update else None,
                key=(request.client, request.alternate_id_type or "", request.alternate_id or ""),
            )
        )
        if hit is not None and (hit.delay_s or hit.connection):
            return answer._replace(delivery=Delivery(hit.delay_s, hit.connection))
        return answer


def answer_format(headers: Mapping[str, str]) -> AnswerFormat:
    """Negotiate the answer's format from the request's headers."""
    return choose(
        headers.get("accept"),
        headers.get("accept-charset"),
        headers.get("content-type"),
        headers.get("x-requested-with"),
    )


class InjectedFault(ApiError):
    """A planned fault's status, in the vendor's error shape."""

    def __init__(self, hit: Hit) -> None:
        super().__init__(
            hit.message,
            rule="fault-injected",
            why=f"the planned fault {hit.rule} struck its matching request number {hit.n}",
            headers=CHALLENGE if hit.status == 401 else None,
        )
        self.status = hit.status or 500  # type: ignore[misc]


def _null_document() -> BadRequest:
    return BadRequest("operations is null", rule="body-null")


def claimed_user(header: str | None) -> str | None:
    """Return the user that a signed header claims to be, unchecked; for fault rules and the journal."""
    if not header or "Credential=" not in header:
        return None
    return header.split("Credential=", 1)[1].split(" ", 1)[0].rpartition("/")[0] or None


def stamp(document: dict[str, Any], tree: MemberTree, user: str | None, now: datetime) -> None:
    """Note who changed the profile and when (documented; the date's format and the user's name for it are assumed)."""
    edited = document["Edited"] or dict(tree.root.members["Edited"].template)
    edited["ModifiedDate"] = now.astimezone(UTC).strftime("%Y-%m-%dT%H:%M:%S.%f")[:-3] + "Z"
    edited["ModifiedBy"] = user or "anonymous"
    document["Edited"] = edited
