"""The life of a profile: who may see an inactive one, what the account holds it to, and who changed it when."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from datetime import datetime
from typing import Any, Final

import msgspec

from mockserver.auth.signing import Client
from mockserver.errors import BadRequest, MalformedBody, NotFound
from mockserver.formats.profile_body import OpenProfile, open_profile
from mockserver.profile.account_rules import COLLECTIONS, hold
from mockserver.profile.members import MemberTree
from mockserver.service.operations import Operation
from mockserver.service.request import Policy
from mockserver.service.routes import Route

_write = msgspec.json.Encoder().encode
INACTIVE: Final = msgspec.Raw(b"false")
"""How an inactive profile's IsActive is written."""


def profile_inactive(profile: OpenProfile, route: Route) -> NotFound:
    """Return the 404 for an inactive profile: only its ProfileId leads to it (documented)."""
    number = profile.reach("ProfileId")
    # Where the PATCH by alternate id is served alone, the call that would bring the profile back is not.
    activate = (
        f"Send POST /{route.client}/Profile/{number}/Activate, or start" if "GET" in route.operations else "Start"
    )
    return NotFound(
        "The requested profile was not found.",
        rule="profile-inactive",
        why=f"The profile is inactive: nothing but its ProfileId {number} leads to it.",
        hint=f"{activate} with --inactive found.",
    )


def not_a_number(text: str) -> BadRequest:
    """Return the refusal of a ProfileId that is none, as the stack binds a number (assumed)."""
    why = f"{text[:100]!r} is no ProfileId."
    return BadRequest("The request is invalid.", rule="profile-id-not-a-number", why=why, hint="Send a whole number.")


def refuse_blank_parameters(route: Route, operation: Operation) -> None:
    """Refuse a URL whose value is blank, in its path or in a query that overrides it: it binds to null (library)."""
    given = {
        "clientId": route.client,
        "alternateIdType": route.alternate_id_type,
        "alternateId": route.alternate_id,
        "profileId": route.profile_id,
    }
    blank = [name for name, value in given.items() if f"{{{name}}}" in operation.route and not (value or "").strip()]
    if blank:
        why = f"The URL gives no {' and no '.join(blank)}."
        raise MalformedBody([f"{name}.String" for name in blank], rule="parameter-blank", why=why, hint="Fill it in.")


def fitting(profile: bytes, policy: Policy) -> bytes:
    """Return what a change makes of a profile; raise BadRequest if that is too large."""
    if len(profile) > policy.max_profile:
        raise BadRequest(
            "The profile would be too large.",
            rule="profile-too-large",
            why=f"The changed profile has {len(profile)} bytes; {policy.max_profile} are allowed.",
            hint="Remove something first, or start with a larger --max-profile.",
        )
    return profile


def live_as_patched(profile: OpenProfile, before: bool) -> bool:
    """Make a patch of /IsActive do what Activate does, and tell whether there was one (assumed)."""
    if profile["IsActive"] is before:
        return False
    if profile["IsActive"]:
        profile.pop("ReasonCode", None)
    return True


HoldsRules = Callable[[bytes | None, Mapping[str, Any]], bool]


def holds_rules(policy: Policy, client: Client) -> HoldsRules | None:
    """Return what holds a change to the account's rules, given the bytes before and the profile after; None if off."""
    if not (policy.account_rules if client.account_rules is None else client.account_rules):
        return None

    def held(before: bytes | None, after: Mapping[str, Any]) -> bool:
        known = {} if before is None else open_profile(before).reached(*COLLECTIONS)
        return hold(known, {name: after[name] for name in COLLECTIONS}, client.types, policy.second_default)

    return held


def stamped(edited: dict[str, Any] | None, tree: MemberTree, now: datetime, user: str | None) -> dict[str, Any]:
    """Note who changes something and when, in UTC (documented; the date's format and the name are assumed)."""
    noted = edited or dict(tree.root.members["Edited"].template)
    noted["ModifiedDate"] = shown_moment(now)
    noted["ModifiedBy"] = user or "anonymous"
    return noted


def stamped_new(tree: MemberTree, now: datetime, user: str | None) -> dict[str, Any]:
    """Note who makes something and when."""
    noted = stamped(None, tree, now, user)
    return noted | {"CreateDate": noted["ModifiedDate"], "CreatedBy": noted["ModifiedBy"]}


def shown_moment(moment: datetime) -> str:
    """Write an aware moment in UTC as the profile's dates are written here (assumed)."""
    # Measured: datetime.isoformat takes four times as long.
    seconds = _write(moment)[1 : 1 + len("2024-01-05T10:00:00")]
    return f"{seconds.decode()}.{moment.microsecond // 1000:03}Z"
