"""The calls around the PATCH that a walk makes, and what each must do to a profile: a model of its life."""

from __future__ import annotations

import json
from collections.abc import Mapping
from random import Random
from typing import Any, NamedTuple

from mockserver.verify.calls import Call, Key, by_profile_id
from mockserver.verify.conversation import hidden_as

STATUSES = {"read": 200, "deactivate": 200, "activate": 200, "consent": 201, "create": 201, "delete": 204}
"""What a step can do beside patching, and how that is answered."""
MADE = "Walk"
_JSON = ("Content-Type", "application/json")
_CONSENT = {"ConsentType": "Walk", "ConsentVersion": "1", "Locale": "en-US"}
_CONSENT_STATUSES = ("Granted", "Denied", "Revoked", "NotSet")


class Act(NamedTuple):
    """One call around the PATCH.

    `by_id`: a reading names the profile by its ProfileId, which is all that leads to an inactive one. `number` is the
    status of a consent, or tells one new profile or reason from the others.
    """

    name: str
    by_id: bool = True
    number: int = 1

    def call(self, key: Key, profile: Mapping[str, Any], accept: str | None = None) -> Call:
        """Return the request for a profile as it is before."""
        path = by_profile_id(key, profile.get("ProfileId"))
        headers = (("Accept", accept),) if accept else ()
        if self.name == "read":
            return Call("GET", key, headers, b"", path=path if self.by_id else None)
        if self.name == "delete":
            return Call("DELETE", key, headers, b"", path=path, may_change=True)
        places = {
            "create": f"/{key[0]}/Profile",
            "consent": f"/{key[0]}/Consents/{profile.get('ProfileId')}",
            "deactivate": f"{path}/Deactivate",
            "activate": f"{path}/Activate",
        }
        body = self._body(key)
        sent = headers if body is None else (_JSON, *headers)
        content = b"" if body is None else json.dumps(body).encode()
        return Call("POST", key, sent, content, path=places[self.name], may_change=True)

    def _body(self, key: Key) -> Any:
        if self.name == "create":
            return {"AlternateIds": [{"AlternateIdType": key[1], "AlternateId": key[2]}]}
        if self.name == "consent":
            return {"Consents": [{**_CONSENT, "ConsentStatus": self.number}]}
        return {"Reason": f"reason {self.number}"} if self.name == "deactivate" else None

    def status(self, profile: Mapping[str, Any]) -> int:
        """Return the status that is due for a profile as it is before."""
        return 404 if self.name == "read" and not self.by_id and hidden_as(profile) is not None else STATUSES[self.name]

    def applied(self, profile: Mapping[str, Any], found: Mapping[str, Any]) -> dict[str, Any]:
        """Return the profile afterwards; what only the server can know of a consent is taken from what was found."""
        if self.name == "deactivate":
            return {**profile, "IsActive": False, "ReasonCode": f"reason {self.number}"}
        if self.name == "activate":
            return {**profile, "IsActive": True, "ReasonCode": None}
        if self.name == "consent":
            added = (found.get("Consents") or [{}])[-1]
            mine = {**added, **_CONSENT, "ConsentStatus": _CONSENT_STATUSES[self.number - 1]}
            return {**profile, "Consents": [*(profile.get("Consents") or ()), mine]}
        return dict(profile)


def draw(random: Random) -> Act:
    """Draw what a step does beside patching."""
    return Act(random.choice(tuple(STATUSES)), random.random() < 0.5, random.randint(1, 4))
