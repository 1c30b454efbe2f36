"""Wrong servers by hand: the calls around the PATCH, and the life of a profile."""
# ruff: noqa: E501 - an edit is as wide as the source that it changes

from __future__ import annotations

from tools.mutants.source import Edit

_HIDDEN = "if self.policy.hides_inactive and call.key[1] != BY_PROFILE_ID:"
_AROUND = "service/neighbours.py"
_STALE_READ = "        body = call.profiles.read(call.key)\n"

LIFE: list[Edit] = [
    # -- reading
    Edit("L-get-shows-inactive", "GET by alternate id shows an inactive profile", _AROUND, _HIDDEN, "if False:"),
    Edit("L-get-hides-from-all", "an inactive profile is found by nothing", _AROUND,
         _HIDDEN, "if self.policy.hides_inactive:"),
    Edit("L-patch-shows-inactive", "PATCH by alternate id finds an inactive profile", "service/service.py",
         "if not active and self.policy.hides_inactive and route.profile_id is None:", "if False:"),
    Edit("L-patch-hides-from-all", "PATCH by ProfileId does not find an inactive profile", "service/service.py",
         "if not active and self.policy.hides_inactive and route.profile_id is None:",
         "if not active and self.policy.hides_inactive:"),
    Edit("L-stale-read", "GET shows what it showed before a write", _AROUND,
         _STALE_READ, "        body = _SHOWN.setdefault((id(call.profiles), call.key), call.profiles.read(call.key))\n",
         extra="\n_SHOWN: dict = {}\n"),
    Edit("L-stale-read-by-id", "GET by ProfileId shows what it showed before a write", _AROUND,
         _STALE_READ,
         "        body = call.profiles.read(call.key)\n"
         "        if call.key[1] == BY_PROFILE_ID and body is not None:\n"
         "            body = _SHOWN.setdefault((id(call.profiles), call.key), body)\n",
         extra="\n_SHOWN: dict = {}\n"),
    # -- deactivate and activate
    Edit("L-activate-keeps-reason", "Activate keeps the reason", _AROUND,
         "profile.update(IsActive=active, ReasonCode=reason)\n            if reason is None:\n                del profile[\"ReasonCode\"]",
         "profile.update(IsActive=active, ReasonCode=reason or profile.reach(\"ReasonCode\"))"),
    Edit("L-deactivate-forgets-reason", "Deactivate forgets the reason", _AROUND,
         'active=False, reason=given.get("Reason"))', "active=False, reason=None)"),
    Edit("L-deactivate-does-nothing", "Deactivate only answers", _AROUND,
         "profile.update(IsActive=active, ReasonCode=reason)", "profile.update(ReasonCode=reason)"),
    Edit("L-activate-deactivates", "Activate makes inactive", _AROUND,
         '"profile-activated", active=True', '"profile-activated", active=False'),
    Edit("L-life-not-stamped", "Deactivate and Activate leave the stamp alone", _AROUND,
         'profile["Edited"] = stamped(profile.reach("Edited"), self.tree, call.now, call.user)\n            return Changed(fitting(profile.write(), self.policy))\n\n        return Outcome(200, done',
         'return Changed(fitting(profile.write(), self.policy))\n\n        return Outcome(200, done'),
    Edit("L-life-204", "Deactivate and Activate answer 204", _AROUND, "return Outcome(200, done", "return Outcome(204, done"),
    Edit("L-reason-unbounded", "a reason may have any length", _AROUND,
         'refuse_too_long(given, self.tree.documents["ReasonCode"], "/Reason")', "pass"),
    # -- delete
    Edit("L-delete-200", "DELETE answers 200", _AROUND, "return Outcome(204,", "return Outcome(200,"),
    Edit("L-delete-does-nothing", "DELETE only answers", _AROUND,
         "before = call.profiles.delete(call.key)", "before = call.profiles.read(call.key)"),
    Edit("L-delete-of-nobody", "DELETE of nobody is answered as any other", _AROUND,
         "if before is None:\n            raise profile_unknown()\n        return Outcome(204,", "return Outcome(204,"),
    # -- create
    Edit("L-create-reuses-an-id", "a new profile gets the ProfileId of a deleted one", "state/profiles.py",
         "for slot in count(overlay.next_slot):", "for slot in count(fixtures):"),
    Edit("L-create-over-another", "a new profile takes an alternate id over", "state/profiles.py",
         "if (owner := self._slot(overlay, key)) is not None and owner != slot:",
         "if (owner := self._slot(overlay, key)) is not None and owner != slot and self._body(overlay, slot):"),
    Edit("L-create-200", "create answers 200", _AROUND, "return Outcome(201, \"profile-created\"", "return Outcome(200, \"profile-created\""),
    Edit("L-create-nowhere", "create does not say where the profile is", _AROUND, "headers=[location]", "headers=[]"),
    Edit("L-create-elsewhere", "create says that the profile is where it was sent to", _AROUND,
         'f"{place}/{profile[\'ProfileId\']}"', 'place'),
    Edit("L-create-without-defaults", "a new profile lacks the account's defaults", _AROUND,
         "complete(given, self.tree.root, account_defaults(call.client))", "complete(given, self.tree.root, {})"),
    Edit("L-create-takes-consents", "consents of a new profile are dropped without a word", _AROUND,
         'member.name == "Consents" and value:', 'member.name == "Consents" and False:'),
    Edit("L-create-strictly", "create reads strict JSON alone", "formats/json_read.py",
         "    return read_object_leniently(body, utf_16=utf_16, depth_limit=DEPTH_LIMIT), False",
         "    raise MalformedBody([\"operations\"], rule=\"body-not-json\", why=\"\")",
         extra="\nfrom mockserver.errors import MalformedBody\n"),
    Edit("L-create-reads-dates", "create writes a text anew that looks like a date", _AROUND,
         "convert(value, member, dates=None)", "convert(value, member)"),
    Edit("L-create-exact-names", "create knows members by their exact names alone", _AROUND,
         "            member = self.tree.root.find(name)", "            member = self.tree.root.members.get(name)"),
    # -- consents
    Edit("L-consent-by-name-in-json", "a consent's status is taken by name in JSON", "service/consents.py",
         "if by_name and value in STATUSES:", "if value in STATUSES:"),
    Edit("L-consent-number-in-xml", "a consent's status is a number in XML too", "service/consents.py",
         "if by_name and value in STATUSES:", "if by_name and str(value).isdecimal():\n        return STATUSES[int(value) - 1]\n    if by_name and value in STATUSES:"),
    Edit("L-consent-from-zero", "a consent's status counts from 0", "service/consents.py",
         "return STATUSES[value - 1]", "return STATUSES[value % 4]"),
    Edit("L-consent-any-length", "a consent's texts may have any length", "service/consents.py",
         "    refuse_too_long(read, member, here)\n", ""),
    Edit("L-consents-replaced", "new consents take the place of the old ones", _AROUND,
         '[*(profile.reach("Consents") or ()), *rows]', "rows"),
    Edit("L-consent-stamp", "a consent does not say who added it", _AROUND,
         '{**template, **consent, "Edited": edited}', "{**template, **consent}"),
    # -- tags, methods, permissions
    Edit("L-tags-of-all", "Tags counts the profiles of every account", _AROUND, "if key[0] == client:", "if key:"),
    Edit("L-tags-by-entry", "Tags counts each tag once", _AROUND, '"Count": counts[name]}', '"Count": 1}'),
    Edit("L-allow-lies", "Allow is always PATCH", "service/door.py", '", ".join(head.route.operations)', '"PATCH"'),
    Edit("L-allow-first", "Allow tells one method of each route", "service/door.py",
         '", ".join(head.route.operations)', "next(iter(head.route.operations))"),
    Edit("L-anybody-deletes", "DELETE needs no permission but reading", "service/operations.py",
         '"profile:delete", "delete"', '"profile:read", "delete"'),
    Edit("L-anybody-creates", "create needs no permission but reading", "service/operations.py",
         '"profile:create", "create"', '"profile:read", "create"'),
]  # fmt: skip
