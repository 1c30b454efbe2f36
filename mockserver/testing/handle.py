"""The object behind the `mypreferences` fixture: one world of a mock server."""

from __future__ import annotations

import re
from collections.abc import Callable, Iterable, Mapping
from datetime import datetime, timedelta
from pathlib import Path
from typing import Any, Final
from urllib.parse import urlencode

from mockserver.auth.signing import issued_now, sign
from mockserver.errors import UsageError
from mockserver.state.clock import system_now
from mockserver.testing.accounts import Accounts
from mockserver.testing.client import TIMEOUT_S, Client
from mockserver.testing.control import Control
from mockserver.testing.entries import Entry, journal_text, read_entry
from mockserver.testing.fault import Fault
from mockserver.testing.response import send
from mockserver.testing.strays import Strays
from mockserver.testing.unserved import NO_WORLD, Expectations, UnservedRequests, complaint

__tracebackhide__ = True  # a failing test's report ends at the test's own line

_SNAPSHOT: Final = "snapshot"
_NOTHING_CAME: Final = (
    "Requests come here that carry mypreferences.headers, or whose client's id is mypreferences.client_id."
)


class MyPreferences:
    """A test's own world: profiles, faults, journal and clock that no other test sees. Safe in threads."""

    def __init__(
        self,
        control: Control,
        accounts: Accounts,
        expected: Expectations,
        strays: Strays | None,
        on_close: Callable[[], None],
        url: str | None = None,
        ca: Path | None = None,
    ) -> None:
        self._control = control
        self._accounts = accounts
        self._expected = expected
        self._strays = strays
        self._watch = strays.watch() if strays else None
        self._on_close = on_close
        # A server of our own follows this machine's clock until a test moves it; another one is asked each time.
        self._asks_clock = strays is None
        self._before_reset: list[Entry] = []
        self._at_close: list[Entry] | None = None
        self.url = url or control.url
        self.ca = ca  # what clients have to trust, if the url is https
        self.world: str = control.world or ""

    # -- for applications and other HTTP clients ----------------------------------------------------------------------

    @property
    def headers(self) -> dict[str, str]:
        """The header that leads a request to this world; none to a server's only world."""
        return {"X-Mock-Namespace": self.world} if self.world else {}

    @property
    def client_id(self) -> str:
        """The first client's id with the world's name, for applications that can't send a header."""
        return self.client_id_of(None)

    def client_id_of(self, client: str | None) -> str:
        """Return a client's id with the world's name behind it."""
        client_id = self._accounts.client(client).client_id
        return f"{client_id}~{self.world}" if self.world else client_id

    def sign(
        self,
        client: str | None = None,
        user: str | None = None,
        *,
        secret: str | None = None,
        timestamp: str | None = None,
        algorithm: str = "SHA256",
        keyed: bool = True,
    ) -> str:
        """Return an Authorization header's value, by the world's clock.

        `client` is signed as given, so with the world's name if the URL has it. Without a `secret`, the user's own.
        """
        if secret is None or user is None:
            account = self._accounts.user(self._accounts.client(client), user)
            user, secret = account.user_id, secret or account.secrets[0]
        client = client or self._accounts.client().client_id
        return sign(client, user, secret, timestamp or issued_now(self.now()), algorithm=algorithm, keyed=keyed)

    def client(
        self, user: str | None = None, client: str | None = None, *, oauth: bool = False, timeout_s: float = TIMEOUT_S
    ) -> Client:
        """Return a client that signs each request, or with `oauth` sends a bearer token, fetched now."""
        account = self._accounts.client(client)
        client_id = client or account.client_id
        if oauth:
            header = f"Bearer {self._token(client_id, user)}"
            return Client(self.url, client_id, lambda: header, self.headers, timeout_s, self.ca)
        user_id = self._accounts.user(account, user).user_id
        return Client(self.url, client_id, lambda: self.sign(client_id, user_id), self.headers, timeout_s, self.ca)

    def _token(self, client_id: str, user: str | None) -> str:
        application, user_id = self._accounts.application(self._accounts.client(client_id), user)
        form = {
            "grant_type": "client_credentials",
            "client_id": application.client_id,
            "client_secret": application.secret,
            "scope": f"{client_id}/{user_id}",
        }
        headers = {**self.headers, "Content-Type": "application/x-www-form-urlencoded"}
        answer = send(self.url, "POST", "/oauth/token", headers, urlencode(form).encode(), TIMEOUT_S, self.ca)
        if answer.status != 200:
            raise UsageError(
                f"no token for {user_id}: {answer.text}", hint="do server and tests use the same fixtures?"
            )
        return str(answer.json()["access_token"])

    # -- state --------------------------------------------------------------------------------------------------------

    def profile(self, alternate_id_type: str, alternate_id: str, *, client: str | None = None) -> dict[str, Any]:
        """Return a profile; raise UsageError if there is none."""
        path = ("profiles", self._accounts.client(client).client_id, alternate_id_type, alternate_id)
        document: dict[str, Any] = self._control("GET", *path)
        return document

    def put_profile(
        self, alternate_id_type: str, alternate_id: str, document: Mapping[str, Any], *, client: str | None = None
    ) -> dict[str, Any]:
        """Make or replace a profile and return it with its defaults; raise UsageError for one against the contract."""
        path = ("profiles", self._accounts.client(client).client_id, alternate_id_type, alternate_id)
        stored: dict[str, Any] = self._control("PUT", *path, document=dict(document))
        return stored

    def create(self, document: Mapping[str, Any], *, client: str | None = None) -> dict[str, Any]:
        """Create a profile by the API's own call and return it with its ProfileId; raise UsageError if refused."""
        answer = self.client(client=client).create(document)
        if answer.status != 201:
            raise UsageError(f"no profile was created: {answer.status} {answer.text}", hint=str(answer.reason))
        created: dict[str, Any] = answer.json()
        return created

    def fault(self, rule: str | Mapping[str, Any]) -> Fault:
        """Plan a fault, as text such as "500 first=2" or as JSON data; it lasts as long as the test or its `with`."""
        document = {"text": rule} if isinstance(rule, str) else dict(rule)
        return Fault(self._control, self._control("POST", "faults", document=document)["id"])

    def snapshot(self, name: str = _SNAPSHOT) -> None:
        """Remember all profiles."""
        self._control("POST", "snapshots", name)

    def restore(self, name: str = _SNAPSHOT) -> None:
        """Go back to the remembered profiles; raise UsageError if there are none of that name."""
        self._control("POST", "snapshots", name, "restore")

    def reset(self) -> None:
        """Go back to the fixtures: profiles, faults, journal and clock. What could not be served still counts."""
        self._before_reset += self._unserved(self.requests)
        self._control("POST", "reset")
        self._asks_clock = self._strays is None

    # -- time ---------------------------------------------------------------------------------------------------------

    def now(self) -> datetime:
        """Return the world's time."""
        return datetime.fromisoformat(self._control("GET", "clock")["now"]) if self._asks_clock else system_now()

    def freeze(self, at: str | datetime | None = None) -> None:
        """Stop the world's clock at a moment, by default now; one without a zone is UTC."""
        moment = at.isoformat() if isinstance(at, datetime) else at
        self._move_clock({"freeze": True if moment is None else moment})

    def advance(self, seconds: float | timedelta) -> None:
        """Move the world's clock, frozen or not."""
        self._move_clock({"advance": seconds.total_seconds() if isinstance(seconds, timedelta) else seconds})

    def _move_clock(self, command: Mapping[str, Any]) -> None:
        self._control("PUT", "clock", document=command)
        self._asks_clock = True

    # -- what happened ------------------------------------------------------------------------------------------------

    @property
    def requests(self) -> list[Entry]:
        """Every request that reached this world, in order of arrival, since the last reset."""
        if self._at_close is not None:
            return self._at_close
        return [read_entry(event) for event in reversed(self._control("GET", "requests")["requests"])]

    def verify(self, expected: Mapping[str, Any] | None = None, **fields: Any) -> None:
        """Raise AssertionError, with the nearest misses, unless requests came as expected; UsageError for nonsense.

        As keywords or as the control surface's JSON: `op="replace", path="/IsActive", exactly=1`,
        `event={"profile": "CRM/C-1", "path": "/IsActive", "became": False}`, `sequence=[{"op": "add"}, {…}]`.
        """
        __tracebackhide__ = True
        spec = {**(expected or {}), **{_camel_case(name): value for name, value in fields.items()}}
        verdict = self._control("POST", "verify", document=spec, allow=406)
        if not verdict["passed"]:
            raise AssertionError("\n".join([verdict["message"], *([] if self.requests else [_NOTHING_CAME])]))

    def allow(self, *reasons: str) -> None:
        """Expect requests that the mock can't serve, by reason, * for any letters; raise UsageError for a wrong one."""
        self._expected.allow(reasons)

    def journal_text(self) -> str:
        """Return the journal for reading."""
        return journal_text(self.world or "default", self.requests)

    # -- the end ------------------------------------------------------------------------------------------------------

    def close(self) -> None:
        """Delete the world; raise UnservedRequests for what the mock could not serve and nobody expected."""
        if self._at_close is not None:
            return
        try:
            strays = self._strays.end(self._watch) if self._strays and self._watch else []
            self._at_close = entries = self.requests
            if self.world:
                self._control("DELETE", "namespaces", self.world, allow=404)
        finally:
            self._on_close()
        unserved = [*self._before_reset, *self._unserved(entries)]
        nameless = strays if self._expected.violated_by(NO_WORLD) else []
        if unserved or nameless:
            raise UnservedRequests(complaint(self.world, unserved, nameless))

    def _unserved(self, entries: Iterable[Entry]) -> list[Entry]:
        return [entry for entry in entries if self._expected.violated_by(entry.reason)]


def _camel_case(name: str) -> str:
    return re.sub(r"_([a-z])", lambda match: match[1].upper(), name)
