"""One PATCH: request parts and a world in; status, headers, bytes and a story out. No framework in sight."""

from __future__ import annotations

import logging
import traceback
from collections.abc import Callable, Collection, Iterator, Mapping, Sequence
from datetime import datetime
from functools import lru_cache
from typing import Any, NamedTuple

import orjson

from mockserver.auth.signing import Client, assumptions, require, valid_between, verify
from mockserver.auth.tokens import authenticate
from mockserver.errors import ApiError, BadRequest, MalformedBody, NotFound, Unauthorized
from mockserver.faults.rules import Hit
from mockserver.formats.error_body import error_body
from mockserver.formats.json_write import write_json
from mockserver.formats.negotiation import AnswerFormat
from mockserver.formats.profile_body import open_profile, write_profile
from mockserver.formats.xml_write import profile_writer
from mockserver.journal.log import Exchange
from mockserver.patch.apply import apply_patch
from mockserver.profile.keys import Key, alternate_ids, fold
from mockserver.profile.members import MemberTree
from mockserver.service.body import is_xml, read_operations, reason_without_operations
from mockserver.service.due_fault import PREFERRED, due_fault, preferred_code, requested_fault, strike
from mockserver.service.request import Addressed, Head, Policy, Request, Signed
from mockserver.service.routes import Route
from mockserver.state.clock import stopwatch
from mockserver.state.profiles import Changed, Update, profile_unknown
from mockserver.state.world import World
from mockserver.story.story import Story

NO_CACHE: tuple[tuple[str, str], ...] = (("Cache-Control", "no-cache"), ("Pragma", "no-cache"), ("Expires", "-1"))
_log = logging.getLogger(__name__)


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
    fault: str | None = None
    delivery: Delivery | None = None


class Patched(NamedTuple):
    """What a patch showed beside its result: leniencies, and whether the profile may hold a member never returned."""

    tolerated: Collection[str] = ()
    may_hide: bool = True


_STRICT = Patched()  # that dialect knows no leniency


class Handling:
    """The facts that accumulate while one request is handled, for the story and the journal."""

    __slots__ = ("fault", "now", "operations", "rests_on", "started", "update", "user")

    def __init__(self, now: datetime) -> None:
        self.started = stopwatch()
        self.now = now
        self.operations: list[Any] | None = None
        self.update: Update | None = None
        self.user: str | None = None
        self.fault: Hit | None = None
        self.rests_on: tuple[str, ...] = ()


class Service:
    """Handles the PATCH for all worlds; holds only what was compiled at start."""

    def __init__(
        self,
        tree: MemberTree,
        clients: Mapping[str, Client],
        policy: Policy,
        numbers: Iterator[int],
        nearest_id: Callable[[Key], str] = lambda _: "",
    ) -> None:
        self.tree = tree
        self.clients = clients
        self.policy = policy
        self.write_xml: Callable[[bytes], str] = profile_writer(tree, policy.dialect)
        self._numbers = numbers
        self._nearest_id = nearest_id
        self._hidden = tuple(name for name, member in tree.root.members.items() if not member.returned)
        # A success has no facts of its own to tell, so all of one reason share a story; the journal reads the
        # operations again from a JSON body when somebody looks.
        self._successes: dict[str, Story] = {}

    def answer(self, request: Request, world: World) -> Answer:
        """Answer one request and journal it; never raises."""
        handling = Handling(world.clock.now())
        try:
            answer = self._success(self._handle(request, world, handling), request.head, handling)
        except ApiError as refusal:
            if (
                refusal.rule == "profile-unknown"
                and request.head.route.key
                and (near := self._nearest_id(request.head.route.key))
            ):
                refusal.hint = f"Did you mean {near}? GET /__admin/profiles lists what there is."
            answer = self.refuse(refusal, request.head.form, handling.operations)
        except Exception:
            answer = self.bug(request.head.form)
        if handling.fault is not None and handling.fault.connection and not handling.fault.applies:
            # Whatever the answer would have said, the client will see a broken connection.
            answer = answer._replace(story=Story("fault-injected"))
        return self._finish(request, world, handling, answer)

    def refuse_early(self, refusal: ApiError, head: Head, world: World) -> Answer:
        """Answer and journal a request that a door refuses before the service sees it."""
        answer = self.refuse(refusal, head.form)
        return self._finish(Request(head, b""), world, Handling(world.clock.now()), answer)

    def _handle(self, request: Request, world: World, handling: Handling) -> Update:
        head = request.head
        addressed = head.addressed or self._address(head)
        if world.faults or addressed.requested is not None:
            handling.fault = due_fault(request, world, addressed.requested, self.policy, self.tree)
        hit = handling.fault
        if hit is not None and not hit.applies:
            strike(hit)
        self._authorize(request, addressed, handling, world)
        if head.route.key is None:
            refuse_blank_parameters(head.route)
        operations = handling.operations = read_operations(request, self.policy, self.tree)
        key = head.route.key
        if key is None or addressed.client is None:
            raise self._no_profile(addressed)
        if hit is not None and not hit.applies:
            return self._unsaved(key, world, operations, handling)
        update = handling.update = world.profiles.update(key, lambda before: self._change(before, operations, handling))
        if hit is not None:
            strike(hit)
        return update

    def _address(self, head: Head) -> Addressed:
        """Find out whom a head is about, and note it there; raise BadRequest for a fault that can't be understood."""
        # A world's suffix is none of the account's id, but the vendor has no suffixes.
        segment = head.route.client
        client = self.clients.get(fold(segment if self.policy.pure else segment.partition("~")[0]))
        addressed = head.addressed = Addressed(client, requested_fault(head, self.policy))
        return addressed

    def _unsaved(self, key: Key, world: World, operations: list[Any], handling: Handling) -> Update:
        """Return what the patch would make of the profile; a broken connection carries it, and nothing stays."""
        before = world.profiles.read(key)
        if before is None:
            raise profile_unknown()
        changed = self._change(before, operations, handling)
        return Update(before, changed.body, changed.facts)

    def _authorize(self, request: Request, addressed: Addressed, handling: Handling, world: World) -> None:
        head = request.head
        if not self.policy.auth:
            handling.user = head.user
            return
        if head.token is not None:
            user = authenticate(head.token, client=addressed.client, now=handling.now, key=self.policy.token_key)
        else:
            signed = head.signed
            if signed is None or not signed.since <= handling.now <= signed.until:
                signed = head.signed = self._verify(request, addressed.client, handling.now, world)
            user, handling.rests_on = signed.user, signed.rests_on
        handling.user = user.user_id
        assert head.operation is not None, "a door refuses what is no operation"
        require(user, head.operation.permission)

    def _verify(self, request: Request, client: Client | None, now: datetime, world: World) -> Signed:
        """Check the signature; a refusal's story says which part of the header is wrong."""
        head, allow_unkeyed = request.head, self.policy.allow_unkeyed
        header = head.headers.get("authorization")
        try:
            user = verify(header, client=client, client_id=head.route.client, now=now, allow_unkeyed=allow_unkeyed)
        except Unauthorized as refusal:
            # Imported with the first refusal: its tables would slow every start.
            from mockserver.auth.diagnosis import explain

            found = explain(
                header,
                client=client,
                client_id=head.route.client,
                clients=self.clients,
                now=now,
                allow_unkeyed=allow_unkeyed,
                frozen=world.clock.frozen,
            )
            refusal.why, refusal.hint = f"{found.sentence} (cause: {found.cause})", found.hint
            raise
        return Signed(user, assumptions(header), *valid_between(header, client))

    def _no_profile(self, addressed: Addressed) -> ApiError:
        if addressed.client is None:
            return self._unknown("client-unknown", "The requested client was not found.")
        return self._unknown("profile-unknown", "The requested profile was not found.")

    def _unknown(self, rule: str, message: str, hint: str = "") -> ApiError:
        if self.policy.unknown_status == 400:
            return BadRequest(message, rule="unknown-as-400", why=message, hint=hint)
        return NotFound(message, rule=rule, hint=hint)

    def _change(self, before: bytes, operations: list[Any], handling: Handling) -> Changed:
        if self.policy.dialect.strict_rfc:
            return self._change_strictly(before, operations, handling)
        document, tolerated = open_profile(before), set[str]()
        policy = self.policy
        apply_patch(operations, document, self.tree, policy.dialect, tolerated, document.reach, policy.max_patch_work)
        facts = Patched(tolerated, not document.keys().isdisjoint(self._hidden))
        if not document.changed():
            return Changed(before, None, facts)
        if self.policy.dialect.follows_page:
            document["Edited"] = self._stamped(document.reach("Edited"), handling)
        after = self._fitting(write_profile(document))
        return Changed(after, None if document.untouched("AlternateIds") else alternate_ids(document), facts)

    def _change_strictly(self, before: bytes, operations: list[Any], handling: Handling) -> Changed:
        policy = self.policy
        copy = orjson.loads(before)
        document = apply_patch(operations, copy, self.tree, policy.dialect, most_work=policy.max_patch_work)
        if write_profile(document) == before:
            return Changed(before, None, _STRICT)
        document["Edited"] = self._stamped(document.get("Edited"), handling)
        return Changed(self._fitting(write_profile(document)), alternate_ids(document), _STRICT)

    def _fitting(self, profile: bytes) -> bytes:
        if len(profile) > self.policy.max_profile:
            raise BadRequest(
                "The profile would be too large.",
                rule="profile-too-large",
                why=f"The patched profile has {len(profile)} bytes; {self.policy.max_profile} are allowed.",
                hint="Remove something first, or start with a larger --max-profile.",
            )
        return profile

    def _stamped(self, edited: dict[str, Any] | None, handling: Handling) -> dict[str, Any]:
        """Note who changes the profile and when, in UTC (documented; the date's format and the name are assumed)."""
        edited = edited or dict(self.tree.root.members["Edited"].template)
        edited["ModifiedDate"] = handling.now.isoformat(timespec="milliseconds").removesuffix("+00:00") + "Z"
        edited["ModifiedBy"] = handling.user or "anonymous"
        return edited

    def _success(self, update: Update, head: Head, handling: Handling) -> Answer:
        reason = "patch-applied" if update.after is not update.before else "patch-changed-nothing"
        if not handling.operations:
            reason = reason_without_operations(head)
        story = self._successes.get(reason) or self._successes.setdefault(reason, Story(reason))
        facts: Patched = update.facts
        if handling.rests_on or facts.tolerated or (handling.operations and is_xml(head)):
            story = Story(reason, None, handling.operations, (*handling.rests_on, *sorted(facts.tolerated)))
        body = self._render(update.after, head.form, may_hide=facts.may_hide)
        return Answer(200, [head.form.header, *NO_CACHE], body, story)

    def _render(self, profile: bytes, form: AnswerFormat, *, may_hide: bool) -> bytes:
        if form.is_xml:
            return form.encode(self.write_xml(profile))
        body = self.without_hidden(profile) if may_hide else profile
        return body if form.encoding == "utf-8" else form.encode(body.decode())

    def without_hidden(self, profile: bytes) -> bytes:
        """Return the profile's JSON as the vendor prints it: ReasonCode is kept, but never returned (documented)."""
        if not any(f'"{name}"'.encode() in profile for name in self._hidden):
            return profile
        return write_json({name: value for name, value in orjson.loads(profile).items() if name not in self._hidden})

    def refuse(self, refusal: ApiError, form: AnswerFormat, operations: Sequence[Any] | None = None) -> Answer:
        """Render a refusal as the vendor's error: the one place that does."""
        if refusal.rule == "profile-unknown":
            refusal = self._unknown(refusal.rule, str(refusal), refusal.hint)
        body = error_body(refusal.message, refusal.model_state, form)
        headers = [form.header] if refusal.message is not None else []
        headers += [*NO_CACHE, *refusal.headers.items()]
        return Answer(refusal.status, headers, body, Story(refusal.rule, refusal, operations))

    def bug(self, form: AnswerFormat) -> Answer:
        """Answer 500 for an exception that nobody planned; the traceback goes to the log, never to the client."""
        _log.error("internal error:\n%s", traceback.format_exc())
        failure = ApiError("An error has occurred.", rule="internal-error")
        return self.refuse(failure, form)

    def _finish(self, request: Request, world: World, handling: Handling, answer: Answer) -> Answer:
        number = f"{next(self._numbers):08x}"
        hit = handling.fault
        struck = f"{hit.rule}#{hit.n}" if hit is not None else None
        if not self.policy.pure:
            answer.headers.extend((("X-Mock-Request-Id", number), *_told(answer.story.reason, answer.story.rests_on)))
            if struck is not None:
                answer.headers.extend(_fault_headers(struck, request.head))
        self._journal(request, world, handling, answer, number, struck)
        if hit is None:
            return answer
        delivery = Delivery(hit.delay_s, hit.connection) if hit.delay_s or hit.connection else None
        return answer._replace(fault=hit.rule, delivery=delivery)

    def _journal(
        self, request: Request, world: World, handling: Handling, answer: Answer, number: str, struck: str | None
    ) -> None:
        head, update = request.head, handling.update
        kept = head.kept
        before, after = (update.before, update.after) if update is not None else (None, None)
        exchange = Exchange(
            id=number,
            world=world.name,
            at=handling.now,
            duration_s=stopwatch() - handling.started,
            method=head.method,
            target=kept.target,
            headers=kept.headers,
            body=request.body,
            status=answer.status,
            answer_headers=answer.headers,
            answer_body=answer.body,
            story=answer.story,
            user=handling.user,
            fault=struck,
            before=before,
            after=after,
            key=kept.key,
        )
        if kept.body_too:
            world.journal.keep(exchange, kept.size)
        else:
            world.journal.append(exchange)


def refuse_blank_parameters(route: Route) -> None:
    """Refuse a URL whose value is blank, in its path or in a query that overrides it: it binds to null (library)."""
    parameters = {
        "clientId": route.client,
        "alternateIdType": route.alternate_id_type,
        "alternateId": route.alternate_id,
    }
    blank = [name for name, value in parameters.items() if not (value or "").strip()]
    if blank:
        why = f"The URL gives no {' and no '.join(blank)}."
        raise MalformedBody([f"{name}.String" for name in blank], rule="parameter-blank", why=why, hint="Fill it in.")


@lru_cache(maxsize=256)
def _told(reason: str, rests_on: tuple[str, ...]) -> tuple[tuple[str, str], ...]:
    """Return the headers that tell the story of an answer in short."""
    return ("X-Mock-Explain", reason), ("X-Mock-Provenance", Story(reason, rests_on=rests_on).provenance)


def _fault_headers(struck: str, head: Head) -> list[tuple[str, str]]:
    headers = [("X-Mock-Fault", struck)]
    if struck.startswith(f"{PREFERRED}#"):
        headers.append(("Preference-Applied", f"code={preferred_code(head.headers['prefer'])}"))
    return headers
