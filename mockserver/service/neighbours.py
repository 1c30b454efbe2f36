"""The calls around the PATCH: read, create, deactivate, activate and delete a profile, add consents, count tags.

Imported with the first such request, for many servers see none.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Mapping, Sequence
from datetime import datetime
from typing import Any, NamedTuple

import msgspec

from mockserver.auth.signing import Client
from mockserver.errors import BadRequest, MalformedBody
from mockserver.fixtures.fixture_set import Index
from mockserver.fixtures.profiles import account_defaults
from mockserver.formats.json_write import write_json
from mockserver.formats.profile_body import open_profile, write_profile
from mockserver.formats.xml_text import escape_text
from mockserver.formats.xml_write import INSTANCE_NAMESPACE
from mockserver.patch.dialect import refuse_too_long
from mockserver.profile.conformance import complete, problems
from mockserver.profile.conversion import ConversionError, convert
from mockserver.profile.keys import BY_PROFILE_ID, Key, fold, names
from mockserver.profile.members import Member, MemberTree
from mockserver.service.body import is_xml, read_document
from mockserver.service.consents import consents_from
from mockserver.service.life import INACTIVE, fitting, holds_rules, not_a_number, profile_inactive, stamped, stamped_new
from mockserver.service.request import Policy, Request
from mockserver.state.profiles import Changed, ProfileStore, Update, profile_unknown
from mockserver.state.unsaved import Unsaved


class Call(NamedTuple):
    """A request that may be answered: who asks for what, when, and the profiles that it is about.

    `doubts` collects the rules that its answer rests on.
    """

    request: Request
    profiles: ProfileStore | Unsaved
    client: Client
    user: str | None
    now: datetime
    doubts: set[str]

    @property
    def key(self) -> Key:
        """The key of the profile in the URL; raises BadRequest where there can be none."""
        route = self.request.head.route
        if route.key is None and route.profile_id is not None:
            raise not_a_number(route.profile_id)
        if route.key is None:
            raise profile_unknown()
        return route.key


class Outcome(NamedTuple):
    """What an answer is made of: a profile as JSON, or a body that is written already, or neither."""

    status: int
    reason: str
    profile: bytes | None = None
    body: bytes | None = None
    update: Update | None = None
    headers: Sequence[tuple[str, str]] = ()


class Neighbours:
    """Handles these calls for all worlds."""

    def __init__(self, tree: MemberTree, policy: Policy, known: Index) -> None:
        self.tree = tree
        self.policy = policy
        self._known = known
        self._highest: dict[str, int] = {}

    def answer(self, handler: str, call: Call) -> Outcome:
        """Answer a call by the handler that the table of operations names."""
        return _HANDLERS[handler](self, call)

    def read(self, call: Call) -> Outcome:
        """Answer with the profile, an inactive one by its ProfileId alone."""
        body = call.profiles.read(call.key)
        if body is None:
            raise profile_unknown()
        if self.policy.hides_inactive and call.key[1] != BY_PROFILE_ID:
            profile = open_profile(body)
            if profile.get("IsActive") == INACTIVE:
                raise profile_inactive(profile, call.request.head.route)
        return Outcome(200, "profile-read", body)

    def create(self, call: Call) -> Outcome:
        """Add a profile with the account's defaults under the next ProfileId, all or nothing."""
        sent = self._document(call, self.tree.root, "profile")
        if sent is None:
            raise MalformedBody(["profile"], rule="document-missing", why="There is no profile.", hint="Send one.")
        given = self._writable(sent)
        refuse_too_long(given, self.tree.root, "")
        profile = complete(given, self.tree.root, account_defaults(call.client))
        profile["Edited"] = stamped_new(self.tree, call.now, call.user)
        held = holds_rules(self.policy, call.client)
        if held is not None and held(None, profile):
            call.doubts.add("account-default-moved")
        client = fold(call.client.client_id)

        def make(number: int) -> Changed:
            profile["ProfileId"] = self._first_free(client) + number
            return Changed(fitting(write_profile(profile), self.policy), names(profile))

        update = call.profiles.create(client, make)
        place = call.request.head.target.partition("?")[0].rstrip("/")
        location = ("Location", f"{place}/{profile['ProfileId']}")
        return Outcome(201, "profile-created", update.after, update=update, headers=[location])

    def deactivate(self, call: Call) -> Outcome:
        """Hide the profile from everything but its ProfileId, and keep the reason."""
        sent = self._document(call, self.tree.documents["ReasonCode"], "reasonCode")
        given = self._converted(sent, self.tree.documents["ReasonCode"], "reasonCode") or {}
        refuse_too_long(given, self.tree.documents["ReasonCode"], "/Reason")
        return self._live(call, "profile-deactivated", active=False, reason=given.get("Reason"))

    def activate(self, call: Call) -> Outcome:
        """Bring the profile back and erase the reason."""
        return self._live(call, "profile-activated", active=True, reason=None)

    def _live(self, call: Call, done: str, *, active: bool, reason: str | None) -> Outcome:
        def change(before: bytes) -> Changed:
            profile = open_profile(before)
            # Both are reached for: what is set without that would be kept as if it were JSON already.
            if profile.reached("IsActive", "ReasonCode") == {"IsActive": active, "ReasonCode": reason}:
                return Changed(before)
            profile.update(IsActive=active, ReasonCode=reason)
            if reason is None:
                del profile["ReasonCode"]
            profile["Edited"] = stamped(profile.reach("Edited"), self.tree, call.now, call.user)
            return Changed(fitting(profile.write(), self.policy))

        return Outcome(200, done, update=call.profiles.update(call.key, change))

    def delete(self, call: Call) -> Outcome:
        """Remove the profile; its alternate ids are free again, its ProfileId is not."""
        before = call.profiles.delete(call.key)
        if before is None:
            raise profile_unknown()
        return Outcome(204, "profile-deleted", update=Update(before, None))

    def consents(self, call: Call) -> Outcome:
        """Add consents to the profile, each with a note of who added it."""
        member = self.tree.documents["CreateCustomerConsentList"]
        sent = self._document(call, member, "consents")
        added = consents_from(sent, member, by_name=is_xml(call.request.head), now=call.now)
        template = self.tree.root.members["Consents"].item.template  # type: ignore[union-attr]
        edited = stamped_new(self.tree, call.now, call.user)

        def change(before: bytes) -> Changed:
            profile = open_profile(before)
            rows = [{**template, **consent, "Edited": edited} for consent in added]
            profile["Consents"] = [*(profile.reach("Consents") or ()), *rows]
            profile["Edited"] = stamped(profile.reach("Edited"), self.tree, call.now, call.user)
            return Changed(fitting(profile.write(), self.policy))

        return Outcome(201, "consents-created", update=call.profiles.update(call.key, change))

    def tags(self, call: Call) -> Outcome:
        """Count on how many of the client's profiles each tag is."""
        client = fold(call.client.client_id)
        counts = Counter[str]()
        for key, body in call.profiles.items():
            if key[0] == client:
                counts.update({tag.Name for tag in _read_tags(body).ProfileTags or () if tag and tag.Name})
        form = call.request.head.form
        text = _tags_xml(counts, self.tree.xml_namespace) if form.is_xml else _tags_json(counts)
        return Outcome(200, "tags-counted", body=form.encode(text))

    def _document(self, call: Call, member: Member, parameter: str) -> dict[str, Any] | None:
        sent, strict = read_document(call.request, self.policy, member, self.tree.xml_namespace, parameter)
        unfit = sent is not None and not is_xml(call.request.head) and any(problems(sent, member))
        if unfit or not strict:
            call.doubts.add("tolerated-document")
        return sent

    def _converted(self, value: Any, member: Member, parameter: str) -> Any:
        try:
            return None if value is None else convert(value, member, dates=None)
        except ConversionError:
            raise unfit_document(value, member, parameter) from None

    def _writable(self, sent: Mapping[str, Any]) -> dict[str, Any]:
        """Return what a profile may say of itself: what the API sets is left out (assumed), consents are refused."""
        given = {}
        for name, value in sent.items():
            member = self.tree.root.find(name)
            if member is not None and member.name == "Consents" and value:
                raise BadRequest("Consents are not supported when creating a Profile.", rule="consents-on-create")
            if member is not None and not member.read_only:
                given[member.name] = self._converted(value, member, "profile")
        return {name: value for name, value in given.items() if value is not None}

    def _first_free(self, client: str) -> int:
        """Return the ProfileId after the highest of the client's fixtures."""
        if client not in self._highest:
            self._highest[client] = self._known.highest(client)
        return self._highest[client] + 1


# Of functions, not of an object's methods: that would hold itself, and all fixtures of before, until somebody collects.
_HANDLERS: Mapping[str, Callable[[Neighbours, Call], Outcome]] = {
    "read": Neighbours.read,
    "create": Neighbours.create,
    "deactivate": Neighbours.deactivate,
    "activate": Neighbours.activate,
    "delete": Neighbours.delete,
    "consents": Neighbours.consents,
    "tags": Neighbours.tags,
}


def unfit_document(value: Any, member: Member, parameter: str) -> MalformedBody:
    """Return the refusal of a document that can't be read as what the call takes, with the first thing wrong."""
    found = next(problems(value, member), None)
    why = f"{found.path}: {found.text}" if found else f"The document is no {member.name}."
    return MalformedBody([parameter], rule="document-unfit", why=why, hint=found.hint if found else "")


class _Tag(msgspec.Struct):
    Name: str | None = None


class _Tagged(msgspec.Struct):
    ProfileTags: list[_Tag | None] | None = None


_read_tags = msgspec.json.Decoder(_Tagged).decode


def _tags_json(counts: Mapping[str, int]) -> str:
    rows = [{"Tag": {"Name": name}, "Count": counts[name]} for name in sorted(counts)]
    return write_json({"TagCounts": rows}).decode()


def _tags_xml(counts: Mapping[str, int], namespace: str) -> str:
    """Write the counts as the serialiser would; the names of root and entries are assumed."""
    rows = [
        f"<TagCount><Count>{counts[name]}</Count><Tag><Name>{escape_text(name)}</Name></Tag></TagCount>"
        for name in sorted(counts)
    ]
    start = f'<TagCountList xmlns:i="{INSTANCE_NAMESPACE}" xmlns="{namespace}">'
    entries = f"<TagCounts>{''.join(rows)}</TagCounts>" if rows else "<TagCounts />"
    return f"{start}{entries}</TagCountList>"
