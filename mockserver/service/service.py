"""One call of the API: request parts and a world in; status, headers, bytes and a story out. No framework in sight."""

from __future__ import annotations

import logging
import traceback
from collections.abc import Callable, Collection, Iterator, Mapping, Sequence
from datetime import datetime
from functools import cached_property, lru_cache, partial
from typing import TYPE_CHECKING, Any

import orjson
from msgspec import Struct
from msgspec.structs import replace

from mockserver.auth.signing import Client, Signed, require, verify
from mockserver.auth.tokens import authenticate
from mockserver.errors import ApiError, BadRequest, NotFound, Unauthorized
from mockserver.faults.rules import Hit
from mockserver.fixtures.fixture_set import FixtureSet
from mockserver.fixtures.naming import nearest_id
from mockserver.formats.json_write import write_json
from mockserver.formats.negotiation import AnswerFormat
from mockserver.formats.profile_body import open_profile, write_profile
from mockserver.journal.log import REQUEST_ID, Exchange, Overtaken, head_bytes, request_id
from mockserver.journal.redaction import Secrets
from mockserver.patch.apply import apply_patch
from mockserver.profile.account_rules import COLLECTIONS, refuse_read_only
from mockserver.profile.keys import fold, names
from mockserver.profile.members import MemberTree
from mockserver.service import life
from mockserver.service.answer import NO_CACHE, Answer, Delivery, told
from mockserver.service.body import is_xml, read_operations, reason_without_operations
from mockserver.service.due_fault import PREFERRED, due_fault, preferred_code, requested_fault, strike
from mockserver.service.operations import PATCH
from mockserver.service.request import Addressed, Head, Kept, Policy, Request
from mockserver.service.routes import Route
from mockserver.state.clock import stopwatch
from mockserver.state.profiles import Changed, ProfileStore, Update
from mockserver.state.unsaved import Unsaved
from mockserver.state.world import World
from mockserver.story.story import Story

if TYPE_CHECKING:
    from mockserver.service.neighbours import Neighbours

_log = logging.getLogger(__name__)


class Patched(Struct, frozen=True):
    """What a patch showed beside its result: leniencies, and whether the profile may hold a member never returned."""

    tolerated: Collection[str] = ()
    may_hide: bool = True


_STRICT = Patched()  # that dialect knows no leniency


class Handling(Struct):
    """The facts that accumulate while one request is handled, for the story and the journal."""

    now: datetime
    started: float
    operations: list[Any] | None = None
    update: Update | None = None
    before: bytes | None = None  # what the patch met, also if it is refused
    user: str | None = None
    fault: Hit | None = None
    rests_on: tuple[str, ...] = ()
    holds_rules: life.HoldsRules | None = None


class Service:
    """Handles every operation for all worlds; holds only what was compiled at start."""

    def __init__(
        self, tree: MemberTree, fixtures: FixtureSet, policy: Policy, numbers: Iterator[int], secrets: Secrets
    ) -> None:
        self.mark = object()  # tells this service from others, for those who keep something and must not keep all of it
        self.tree = tree
        self.clients: Mapping[str, Client] = fixtures.clients
        self.policy = policy
        self.secrets = secrets
        self._fixtures = fixtures
        self._neighbours: Neighbours | None = None
        self._numbers = numbers
        self._nearest_id = lru_cache(maxsize=256)(partial(nearest_id, fixtures))
        self._logs_less = policy.log in ("refusals", "off")
        self._hidden = tuple(name for name, member in tree.root.members.items() if not member.returned)
        # A success has no facts of its own to tell, so all of one reason share a story; the journal reads the
        # operations again from a JSON body when somebody looks.
        self._successes: dict[str, Story] = {}

    @cached_property
    def write_xml(self) -> Callable[[bytes], bytes]:
        """What writes a profile as XML in UTF-8."""
        # Imported and made with the first: many servers write none.
        from mockserver.formats.xml_write import profile_writer

        return profile_writer(self.tree, self.policy.dialect)

    def answer(self, request: Request, world: World) -> Answer:
        """Answer one request and journal it; never raises."""
        while True:
            try:
                return self._answer(request, world)
            except Overtaken:  # others changed what the request was computed from
                continue

    def _answer(self, request: Request, world: World) -> Answer:
        handling = Handling(world.clock.now(), stopwatch())
        try:
            answer = self._handle(request, world, handling)
        except ApiError as refusal:
            key = request.head.route.key
            if refusal.rule == "profile-unknown" and key is not None and (near := self._nearest_id(key)):
                refusal.hint = f"Did you mean {near}? GET /__admin/profiles lists what there is."
            answer = self.refuse(refusal, request.head.form, handling.operations)
        except Exception:
            answer = self.bug(request.head.form)
        if handling.fault is not None and handling.fault.connection and not handling.fault.applies:
            # Whatever the answer would have said, the client will see a broken connection.
            answer = replace(answer, story=Story("fault-injected"))
        return self._finish(request, world, handling, answer)

    def refuse_early(self, refusal: ApiError, head: Head, world: World) -> Answer:
        """Answer and journal a request that a door refuses before the service sees it."""
        handling, answer = Handling(world.clock.now(), stopwatch()), self.refuse(refusal, head.form)
        try:
            return self._finish(Request(head, b""), world, handling, answer)
        except Overtaken:
            return self.refuse_early(refusal, head, world)

    def _handle(self, request: Request, world: World, handling: Handling) -> Answer:
        head = request.head
        addressed = head.addressed or self._address(head)
        if world.faults or addressed.requested is not None:
            handling.fault = due_fault(request, world, addressed.requested, self.policy, self.tree)
        hit = handling.fault
        if hit is not None and not hit.applies:
            strike(hit)
        self._authorize(request, addressed, handling, world)
        if head.route.key is None and head.operation is not None:
            life.refuse_blank_parameters(head.route, head.operation)
        saved = hit is None or hit.applies
        # Otherwise a broken connection carries what the request would make of the profile, and nothing stays.
        profiles = world.profiles if saved else Unsaved(world.profiles)
        handler = self._patch if head.operation is None or head.operation.handler == PATCH.handler else self._neighbour
        answer, update = handler(request, profiles, addressed, handling)
        if saved:
            handling.update = update
        if hit is not None and saved:
            strike(hit)
        return answer

    def _patch(
        self, request: Request, profiles: ProfileStore | Unsaved, addressed: Addressed, handling: Handling
    ) -> tuple[Answer, Update | None]:
        head, operations = request.head, read_operations(request, self.policy, self.tree)
        handling.operations = operations
        route = head.route
        if route.key is None or addressed.client is None:
            raise self._no_profile(addressed, route)
        if route.profile_id is not None:
            handling.rests_on = (*handling.rests_on, "operation-inferred")
        handling.holds_rules = life.holds_rules(self.policy, addressed.client)
        if handling.holds_rules is not None:
            refuse_read_only(operations)
        update = profiles.update(route.key, partial(self._change, operations, route, handling))
        return self._success(update, head, handling), update

    def _neighbour(
        self, request: Request, profiles: ProfileStore | Unsaved, addressed: Addressed, handling: Handling
    ) -> tuple[Answer, Update | None]:
        # Imported with the first of them: many servers see none.
        from mockserver.service.neighbours import Call, Neighbours

        self._neighbours = self._neighbours or Neighbours(self.tree, self.policy, self._fixtures.index)
        if addressed.client is None:
            raise self._no_profile(addressed, request.head.route)
        assert request.head.operation is not None, "a door refuses what is no operation"
        call = Call(request, profiles, addressed.client, handling.user, handling.now, doubts=set())
        outcome = self._neighbours.answer(request.head.operation.handler, call)
        form, headers, body = request.head.form, [*NO_CACHE, *outcome.headers], outcome.body
        if outcome.profile is not None:
            body = self._render(outcome.profile, form, may_hide=True)
        story = Story(outcome.reason, rests_on=(*handling.rests_on, *sorted(call.doubts)))
        headers = headers if body is None else [form.header, *headers]
        return Answer(outcome.status, headers, body or b"", story), outcome.update

    def _address(self, head: Head) -> Addressed:
        """Find out whom a head is about, and note it there; raise BadRequest for a fault that can't be understood."""
        # A world's suffix is none of the account's id, but the vendor has no suffixes.
        segment = head.route.client
        client = self.clients.get(fold(segment if self.policy.pure else segment.partition("~")[0]))
        addressed = head.addressed = Addressed(client, requested_fault(head, self.policy))
        return addressed

    def _authorize(self, request: Request, addressed: Addressed, handling: Handling, world: World) -> None:
        head = request.head
        if not self.policy.auth:
            handling.user = head.user
            return
        if head.token is not None and "," not in head.token:
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
        head, policy = request.head, self.policy
        header = head.headers.get("authorization")
        try:
            return verify(
                header,
                client=client,
                client_id=head.route.client,
                now=now,
                allow_unkeyed=policy.allow_unkeyed,
                dates=policy.dates,
            )
        except Unauthorized as refusal:
            # Imported with the first refusal: its tables would slow every start.
            from mockserver.auth.diagnosis import explain

            found = explain(
                header,
                client=client,
                client_id=head.route.client,
                clients=self.clients,
                now=now,
                allow_unkeyed=policy.allow_unkeyed,
                dates=policy.dates,
                frozen=world.clock.frozen,
            )
            refusal.why, refusal.hint = f"{found.sentence} (cause: {found.cause})", found.hint
            raise

    def _no_profile(self, addressed: Addressed, route: Route) -> ApiError:
        if addressed.client is None:
            return self._unknown("client-unknown", "The requested client was not found.")
        if route.profile_id is not None:
            return life.not_a_number(route.profile_id)
        return self._unknown("profile-unknown", "The requested profile was not found.")

    def _unknown(self, rule: str, message: str, hint: str = "") -> ApiError:
        if self.policy.unknown_status == 400:
            return BadRequest(message, rule="unknown-as-400", why=message, hint=hint)
        return NotFound(message, rule=rule, hint=hint)

    def _change(self, operations: list[Any], route: Route, handling: Handling, before: bytes) -> Changed:
        handling.before = before
        document = open_profile(before)
        tolerated: set[str] = set()
        active = document.get("IsActive") != life.INACTIVE
        if not active and self.policy.hides_inactive and route.profile_id is None:
            raise life.profile_inactive(document, route)
        if self.policy.dialect.strict_rfc:
            return self._change_strictly(before, operations, handling)
        policy = self.policy
        apply_patch(operations, document, self.tree, policy.dialect, tolerated, document.reach, policy.max_patch_work)
        facts = Patched(tolerated, not document.keys().isdisjoint(self._hidden))
        if not document.changed():
            return Changed(before, None, facts)
        if handling.holds_rules is not None and handling.holds_rules(before, document.reached(*COLLECTIONS)):
            tolerated.add("account-default-moved")
        if policy.hides_inactive and not document.untouched("IsActive") and life.live_as_patched(document, active):
            tolerated.add("is-active-patched")
        if self.policy.dialect.follows_page:
            document["Edited"] = life.stamped(document.reach("Edited"), self.tree, handling.now, handling.user)
        after = life.fitting(document.write(), policy)
        same = document.untouched("AlternateIds", "ProfileId")
        return Changed(after, None if same else names(document.reached("AlternateIds", "ProfileId")), facts)

    def _change_strictly(self, before: bytes, operations: list[Any], handling: Handling) -> Changed:
        policy = self.policy
        copy = orjson.loads(before)
        document = apply_patch(operations, copy, self.tree, policy.dialect, most_work=policy.max_patch_work)
        if write_profile(document) == before:
            return Changed(before, None, _STRICT)
        if handling.holds_rules is not None:
            handling.holds_rules(before, document)
        document["Edited"] = life.stamped(document.get("Edited"), self.tree, handling.now, handling.user)
        return Changed(life.fitting(write_profile(document), policy), names(document), _STRICT)

    def _success(self, update: Update, head: Head, handling: Handling) -> Answer:
        reason = "patch-applied" if update.after is not update.before else "patch-changed-nothing"
        if not handling.operations:
            reason = reason_without_operations(head)
        story = self._successes.get(reason) or self._successes.setdefault(reason, Story(reason))
        facts: Patched = update.facts
        assert update.after is not None, "a patch deletes nothing"
        if handling.rests_on or facts.tolerated or (handling.operations and is_xml(head)):
            story = Story(reason, None, handling.operations, (*handling.rests_on, *sorted(facts.tolerated)))
        body = self._render(update.after, head.form, may_hide=facts.may_hide)
        return Answer(200, [head.form.header, *NO_CACHE], body, story)

    def _render(self, profile: bytes, form: AnswerFormat, *, may_hide: bool) -> bytes:
        body = self.write_xml(profile) if form.is_xml else self.without_hidden(profile) if may_hide else profile
        return body if form.encoding == "utf-8" else form.encode(body.decode())

    def without_hidden(self, profile: bytes) -> bytes:
        """Return the profile's JSON as the vendor prints it: ReasonCode is kept, but never returned (documented)."""
        if not any(f'"{name}"'.encode() in profile for name in self._hidden):
            return profile
        return write_json({name: value for name, value in orjson.loads(profile).items() if name not in self._hidden})

    def refuse(self, refusal: ApiError, form: AnswerFormat, operations: Sequence[Any] | None = None) -> Answer:
        """Render a refusal as the vendor's error: the one place that does."""
        # Imported with the first refusal: every start would pay for it.
        from mockserver.formats.error_body import error_body

        if refusal.rule == "profile-unknown":
            refusal = self._unknown(refusal.rule, str(refusal), refusal.hint)
        if refusal.rule == "profile-inactive" and self.policy.unknown_status == 400:
            refusal = BadRequest(str(refusal), rule=refusal.rule, why=refusal.why, hint=refusal.hint)
        body = error_body(refusal.message, refusal.model_state, form)
        headers = [form.header] if refusal.message is not None else []
        headers += [*NO_CACHE, *refusal.headers.items()]
        return Answer(refusal.status, headers, body, Story(refusal.rule, refusal, operations))

    def bug(self, form: AnswerFormat) -> Answer:
        """Answer 500 for an exception that nobody planned; the traceback goes to the log, never to the client."""
        _log.error("internal error:\n%s", self.secrets.text(traceback.format_exc()))
        return self.refuse(ApiError("An error has occurred.", rule="internal-error"), form)

    def _finish(self, request: Request, world: World, handling: Handling, answer: Answer) -> Answer:
        number = request_id(next(self._numbers))
        hit, rule, struck = handling.fault, None, None
        if hit is not None:
            rule = self.secrets.text(hit.rule)
            struck = f"{rule}#{hit.n}"
        if not self.policy.pure:
            answer.headers.extend(((REQUEST_ID, number), *told(answer.story.reason, answer.story.rests_on)))
            if struck is not None:
                answer.headers.extend(_fault_headers(struck, request.head))
        try:
            exchange = self._journal(request, world, handling, answer, number, struck)
        except ApiError as refusal:  # a shared store took neither the change nor the exchange
            handling.update = None
            return self._finish(request, world, handling, self.refuse(refusal, request.head.form, handling.operations))
        story = answer.story
        if hit is None and self._logs_less and story.refusal is None and not story.rests_on and not story.silent:
            return answer
        if self._istold(exchange):
            answer = replace(answer, exchange=exchange)
        if hit is None:
            return answer
        delivery = Delivery(hit.delay_s, hit.connection) if hit.delay_s or hit.connection else None
        return replace(answer, fault=rule, delivery=delivery)

    def _istold(self, exchange: Exchange) -> bool:
        log = self.policy.log
        return log == "all" or (log != "off" and (exchange.surprising or (log == "changes" and exchange.changed)))

    def _journal(
        self, request: Request, world: World, handling: Handling, answer: Answer, number: str, struck: str | None
    ) -> Exchange:
        head, update = request.head, handling.update
        kept = head.kept or self._kept(head)
        before, after = (handling.before, handling.before) if update is None else (update.before, update.after)
        received, frozen = world.clock.received()
        user = handling.user if self.policy.auth else kept.user
        exchange = Exchange(  # in the order of its fields: naming each would take a microsecond
            number, world.name, handling.now, stopwatch() - handling.started,
            kept.method, kept.target, kept.headers, request.body,
            answer.status, answer.headers, answer.body, answer.story,
            user, struck, before, after, kept.key, received, frozen, handling.fault, kept.operation,
        )  # fmt: skip
        numbered = world.journal.append(exchange, kept.size)
        if numbered is None:
            return exchange
        answer.headers[:] = [(name, numbered if name == REQUEST_ID else value) for name, value in answer.headers]
        return replace(exchange, id=numbered)

    def _kept(self, head: Head) -> Kept:
        route, secrets, target = head.route, self.secrets, head.target
        key = route.client, route.alternate_id_type or "", route.alternate_id or route.profile_id or ""
        if (shown := secrets.text(target)) != target:
            key = secrets.text(key[0]), secrets.text(key[1]), secrets.text(key[2])
        headers = secrets.headers(head.headers.items())
        user = None if self.policy.auth else head.user and secrets.text(head.user)
        operation = head.operation.name if head.operation is not None else None
        size = head_bytes(shown, headers)
        kept = head.kept = Kept(secrets.text(head.method), shown, headers, size, key, user, operation)
        return kept


def _fault_headers(struck: str, head: Head) -> list[tuple[str, str]]:
    headers = [("X-Mock-Fault", struck)]
    if struck.startswith(f"{PREFERRED}#"):
        headers.append(("Preference-Applied", f"code={preferred_code(head.headers['prefer'])}"))
    return headers
