"""A small stand-in for the real API, written apart from the package: what runs on real targets is tested against it.

It plays the page and the vendor's software as far as these tests need, on loopback, with faults to switch on.
"""

from __future__ import annotations

import base64
import copy
import hashlib
import hmac
import http.client
import json
import re
import threading
from collections.abc import Iterator
from contextlib import closing, contextmanager
from datetime import UTC, datetime
from pathlib import Path
from typing import Any
from urllib.parse import unquote, urlsplit

from tests.verify.counting_server import CountingServer
from tests.verify.target.planted import Faults, Quirks, Refused, Seen

VECTORS = Path(__file__).parents[2] / "vectors"
PROFILE: dict[str, Any] = json.loads((VECTORS / "base_profile.json").read_text(encoding="utf-8"))
CLIENT, USER, SECRET = "ACME01", "editor@acme.example", "fake-vendor-secret"
READER, READER_SECRET = "reader@acme.example", "fake-vendor-reader-secret"
KEY = ("CRM", "C-000417")
OTHER = ("CRM", "C-000999")
WRONG_DATE = "The specified date does not match an expected ISO 8601 format"
READ_ONLY = ("profileid", "edited", "consents", "reasoncode")
NUMBERS = ("ProfileId", "PhoneNumberNumeric")
LENGTHS = {"customertype": 100, "defaultlocale": 15}
JSON_TYPES = ("application/json", "text/json", "application/json-patch+json")
HEADERS = {"Cache-Control": "no-cache", "Pragma": "no-cache", "Expires": "-1"}


class FakeVendor:
    """The server's state and switches; `running()` starts it on a free port of loopback."""

    def __init__(self) -> None:
        self.faults, self.quirks = Faults(), Quirks()
        self.seen: list[Seen] = []
        self.commits = 0
        self.asked_for = "", ""
        self.lock = threading.RLock()
        other = copy.deepcopy(PROFILE) | {
            "ProfileId": 70099999,
            "AlternateIds": [{"AlternateIdType": OTHER[0], "AlternateId": OTHER[1]}],
        }
        self.profiles: list[dict[str, Any]] = [copy.deepcopy(PROFILE), other]
        self.url = ""

    @property
    def profile(self) -> dict[str, Any]:
        return self.profiles[0]

    def lasting(self, number: int = 0) -> dict[str, Any]:
        """Return a profile without Edited, which no restore can bring back."""
        return {name: copy.deepcopy(value) for name, value in self.profiles[number].items() if name != "Edited"}

    @contextmanager
    def running(self) -> Iterator[FakeVendor]:
        server = self._server = CountingServer(self.answer)
        thread = threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.01}, daemon=True)
        thread.start()
        self.url = f"http://127.0.0.1:{server.server_address[1]}/Profiles"
        try:
            yield self
        finally:
            server.shutdown()
            server.server_close()
            thread.join()

    def settle(self) -> None:
        """Wait until whatever was sent has been dealt with, also what a killed client had sent."""
        # Connections are accepted in their order: once this one is answered, nothing waits before it.
        with closing(http.client.HTTPConnection(urlsplit(self.url).netloc, timeout=10)) as own:
            own.request("SETTLE", "/")
            own.getresponse().read()
        with self._server.ended:
            assert self._server.ended.wait_for(lambda: self._server.open == 0, timeout=10)

    # -- one request --------------------------------------------------------------------------------------------------

    def answer(self, request: Seen) -> tuple[int, dict[str, str], bytes] | None:
        """Return status, headers and body; None cuts the connection."""
        with self.lock:
            self.asked_for = request.headers.get("accept", ""), request.headers.get("content-type", "")
            self.seen.append(request)
            number, faults = len(self.seen), self.faults
            if faults.before_request is not None:
                faults.before_request(number, self)
            if faults.stopped_from is not None and number >= faults.stopped_from:
                return None
            if number in faults.throttle:
                return 429, {"Retry-After": faults.throttle[number]}, b""
            if number in faults.redirect:
                return 302, {"Location": faults.redirect[number]}, b""
            try:
                return self._patched(request)
            except Refused as refusal:
                return self._reply(refusal.status, {"Message": refusal.message + self.quirks.message_suffix})
            except ConnectionAbortedError:
                return None

    def _patched(self, request: Seen) -> tuple[int, dict[str, str], bytes]:
        parts = [unquote(part) for part in urlsplit(request.path).path.removeprefix("/Profiles").split("/")]
        if len(parts) in (4, 5) and parts[2] == "Profile":
            return self._by_number(request, parts)
        if len(parts) != 7 or [part.lower() for part in (parts[2], parts[3], parts[5])] != [
            "profile", "alternateidtype", "alternateid",
        ]:  # fmt: skip
            raise Refused(404, f"No HTTP resource was found that matches the request URI '{request.path}'.")
        if request.method == "GET" and self.quirks.has_get:
            self._user(request.headers.get("authorization"), parts[1])
            return self._reply(200, self._shown(self._find(parts[1], parts[4], parts[6])))
        if request.method != "PATCH":
            raise Refused(405, f"The requested resource does not support http method '{request.method}'.")
        user = self._user(request.headers.get("authorization"), parts[1])
        profile = self._find(parts[1], parts[4], parts[6])
        content_type = request.headers.get("content-type", "").partition(";")[0]
        if content_type not in JSON_TYPES:
            raise Refused(415, f"The request entity's media type '{content_type}' is not supported for this resource.")
        if user == READER:
            raise Refused(403, "The user does not have permission to access the requested resource.")
        return self._apply(request, profile, user)

    def _by_number(self, request: Seen, parts: list[str]) -> tuple[int, dict[str, str], bytes]:
        """Answer what names a profile by its ProfileId, which leads to inactive ones too."""
        user = self._user(request.headers.get("authorization"), parts[1])
        profile = next((row for row in self.profiles if str(row["ProfileId"]) == parts[3]), None)
        if profile is None:
            raise Refused(404, "The profile was not found.")
        if len(parts) == 4:
            return self._apply(request, profile, user)
        active = {"Activate": True, "Deactivate": False}[parts[4]]
        self._commit(profile, {**copy.deepcopy(profile), "IsActive": active}, user)
        return 200, dict(HEADERS), b""

    def _apply(self, request: Seen, profile: dict[str, Any], user: str) -> tuple[int, dict[str, str], bytes]:
        try:
            operations = request.operations
            if not all(isinstance(operation, dict) for operation in operations):
                raise TypeError
        except (ValueError, TypeError):
            raise Refused(400, "The request is invalid.") from None
        changed = profile if self.quirks.not_atomic else copy.deepcopy(profile)
        old = copy.deepcopy(profile)
        if any(row["op"] != "test" and row["path"] in self.quirks.refuses_paths for row in operations):
            raise Refused(400, "The property could not be updated.")
        for operation in operations:
            self._operate(changed, operation)
        if self.quirks.checks_all and len(changed["CustomerType"] or "") > LENGTHS["customertype"]:
            raise Refused(400, "CustomerType is too long.")
        if self.quirks.lowers:
            lower(changed, self.quirks.lowers)
        if self.quirks.tidies:
            changed = json.loads(json.dumps(changed).replace('""', "null"))
        if self.quirks.stamps_readings or changed != profile or (self.quirks.not_atomic and request.changes):
            self._commit(profile, changed, user)
        return self._reply(200, self._shown(old if self.quirks.answers_old else profile))

    def _commit(self, profile: dict[str, Any], changed: dict[str, Any], user: str) -> None:
        number = self.commits + 1
        if number in self.faults.drop_before_commit:
            self.commits += 1
            raise ConnectionAbortedError
        if self.quirks.stamps:
            stamp = datetime.now(UTC).strftime(self.quirks.stamps)
            by = self.quirks.modified_by or user
            changed["Edited"] = {**(changed["Edited"] or {}), "ModifiedBy": by, "ModifiedDate": stamp}
            if self.quirks.stamps_creation:
                changed["Edited"] |= {"CreatedBy": by, "CreateDate": stamp}
            if self.quirks.writes_created_by:
                changed["Edited"]["CreatedBy"] = "the system"
        index = next(place for place, row in enumerate(self.profiles) if row is profile)
        profile.update(copy.deepcopy(changed))
        self.profiles[index] = profile
        for other in self.profiles if self.quirks.spills else ():
            other[self.quirks.spills] = copy.deepcopy(profile[self.quirks.spills])
        self.commits = number
        if self.faults.after_commit is not None:
            self.faults.after_commit(number, self)
        if number in self.faults.drop_after_commit:
            raise ConnectionAbortedError
        if number in self.faults.error_after_commit:
            raise Refused(500, "An error has occurred.")

    def _user(self, header: str | None, client: str) -> str:
        if not header:
            raise Refused(401, "Missing Authorization Header")
        match = re.fullmatch(r"PNAUTHINFO3-HMAC-SHA256 Credential=(.+)/([^/ ]+) Signature=(\S+)", header)
        if match is None:
            raise Refused(401, "Unable to authenticate request")
        user, stamp, signature = match.groups()
        self._check_time(stamp)
        secret = {USER: SECRET, READER: READER_SECRET}.get(user, "")
        digest = hmac.new(secret.encode(), f"{client}:{user}:{stamp}".encode(), hashlib.sha256).digest()
        if not secret or base64.b64encode(digest).decode() != signature:
            raise Refused(401, "Unable to authenticate request")
        return user

    def _check_time(self, stamp: str) -> None:
        try:
            moment = datetime.fromisoformat(stamp)
        except ValueError:
            raise Refused(401, WRONG_DATE) from None
        age_s = (datetime.now(UTC) - moment.replace(tzinfo=moment.tzinfo or UTC)).total_seconds()
        if "T" not in stamp or age_s < 0:
            raise Refused(401, WRONG_DATE)
        if age_s > 900:
            raise Refused(401, "The difference between the issued timestamp and the current time is too large")

    def _find(self, client: str, kind: str, identifier: str) -> dict[str, Any]:
        wanted = (kind.lower(), identifier.lower())
        for profile in self.profiles if client == CLIENT else ():
            for entry in profile["AlternateIds"] or ():
                if (str(entry["AlternateIdType"]).lower(), str(entry["AlternateId"]).lower()) == wanted:
                    if profile["IsActive"] is not True:
                        raise Refused(404, "The profile was not found.")
                    return profile
        if self.quirks.finds_anything:
            return self.profiles[0]
        raise Refused(404, "The profile was not found.")

    # -- operations, as the vendor's software does them ---------------------------------------------------------------

    def _operate(self, profile: dict[str, Any], operation: dict[str, Any]) -> None:
        name, path = str(operation.get("op", "add")).strip().lower(), str(operation["path"])
        segments = [part.replace("~1", "/").replace("~0", "~") for part in path.split("/") if part]
        if name not in ("add", "replace", "remove", "test"):
            raise Refused(400, f"Invalid JsonPatch operation '{operation.get('op')}'.")
        if not segments or (
            segments[0].lower() in READ_ONLY and name != "test" and not self.quirks.nothing_is_read_only
        ):
            raise Refused(self.quirks.status_for_read_only, f"{path} is read-only.")
        holder: Any = profile
        for segment in segments[:-1]:
            holder = holder[self._place(holder, segment)]
            if holder is None:
                raise Refused(
                    400, f"For operation '{name}', the target location specified by path '{path}' was not found."
                )
        last = segments[-1]
        if name == "remove" and self.quirks.ignores_removes:
            return
        if isinstance(holder, list):
            self._on_entry(holder, last, name, operation, path)
        elif isinstance(holder, dict):
            self._on_member(holder, self._place(holder, last), name, operation)
        else:
            raise Refused(400, f"The target location specified by path segment '{last}' was not found.")

    def _place(self, holder: Any, segment: str) -> Any:
        if isinstance(holder, list):
            try:
                index = int(segment)
            except ValueError:
                raise Refused(400, f"The path segment '{segment}' is invalid for an array index.") from None
            if not 0 <= index < len(holder):
                raise Refused(
                    400,
                    f"The index value provided by path segment '{segment}' is out of bounds of the array size.",
                )
            return index
        found = next((name for name in holder if name.lower() == segment.lower()), None) if holder else None
        if found is None:
            raise Refused(400, f"The target location specified by path segment '{segment}' was not found.")
        return found

    def _on_entry(self, holder: list[Any], last: str, name: str, operation: dict[str, Any], path: str) -> None:
        value = operation.get("value")
        if name == "add" and (last == "-" or last == str(len(holder))):
            holder.insert(0 if self.quirks.dash_prepends and last == "-" else len(holder), value)
            return
        index = self._place(holder, str(len(holder) - 1) if last == "-" else last)
        if name == "add":
            holder.insert(index, value)
        elif name == "remove":
            del holder[index]
        elif name == "replace":
            holder[index] = value
        else:
            self._test(holder[index], value, path)

    def _on_member(self, holder: dict[str, Any], name: str, op: str, operation: dict[str, Any]) -> None:
        value = operation.get("value")
        if op == "test":
            self._test(holder[name], value, name)
            return
        kind = bool if name.startswith(("Is", "Registration", "Preserve")) else int if name in NUMBERS else str
        if op == "remove":
            value = {bool: False, int: 0}.get(kind)
        if not self.quirks.checks_all and isinstance(value, str) and len(value) > LENGTHS.get(name.lower(), len(value)):
            raise Refused(400, f"{name} is too long.")
        if kind is not str and type(value) is not kind:
            raise Refused(400, f"The value '{value}' is invalid for target location.")
        if op != "remove" and name in self.quirks.refuses_members:
            raise Refused(400, f"The value '{value}' is invalid for target location.")
        holder[name] = str(value) if isinstance(value, (int, float)) and kind is str else value

    def _test(self, current: Any, value: Any, path: str) -> None:
        if not self.quirks.keeps_tests_loose and json.dumps(current, sort_keys=True) != json.dumps(
            value, sort_keys=True
        ):
            segment = path.rsplit("/", 1)[-1]
            raise Refused(
                self.quirks.status_for_tests,
                f"The current value '{current}' at path '{segment}' is not equal to the test value '{value}'.",
            )

    def _media_type(self) -> str:
        """Return the type that the answer is in: as asked for by Accept, else that of the request."""
        types = [value.partition(";")[0] for value in self.asked_for]
        return next((value for value in types if value in JSON_TYPES), JSON_TYPES[0])

    # -- answers ------------------------------------------------------------------------------------------------------

    def _shown(self, profile: dict[str, Any]) -> dict[str, Any]:
        shown = {**(_tidied(profile) if self.quirks.shows_tidied else profile), **self.quirks.value_changes}
        shown.pop(self.quirks.without_member, None)
        name, hidden = self.quirks.hides
        if shown.get(name):
            shown[name] = [{key: item for key, item in row.items() if key != hidden} for row in shown[name]]
        if self.quirks.extra_member:
            shown[self.quirks.extra_member] = "more"
        return shown

    def _reply(self, status: int, document: Any) -> tuple[int, dict[str, str], bytes]:
        headers = {**HEADERS, "Content-Type": self.quirks.content_type or self._media_type() + self.quirks.charset}
        if status == 401:
            headers["WWW-Authenticate"] = 'PNAUTHINFO3 realm="https://pm.mypreferences.com"'
        if status == 405:
            headers["Allow"] = "PATCH"
        if status >= 400 and self.quirks.empty_errors:
            del headers["Content-Type"]
            return status, headers, b""
        for name, value in self.quirks.header_changes.items():
            headers.pop(name, None)
            if value is not None:
                headers[name] = value
        return status, headers, json.dumps(document, ensure_ascii=False, separators=(",", ":")).encode()


def _tidied(value: Any) -> Any:
    if isinstance(value, dict):
        return {name: _tidied(item) for name, item in value.items()}
    if isinstance(value, list):
        return [_tidied(item) for item in value] or None
    return value.strip() if isinstance(value, str) else value


def lower(value: Any, name: str) -> None:
    """Give the texts of a member small letters, wherever it occurs."""
    for key, item in value.items() if isinstance(value, dict) else enumerate(value) if isinstance(value, list) else ():
        if key == name and isinstance(item, str):
            value[key] = item.lower()
        lower(item, name)
