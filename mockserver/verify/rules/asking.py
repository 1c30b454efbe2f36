"""What a step of a rule asks: its request, made from what the profile should hold by then."""

from __future__ import annotations

import gzip
import json
import re
from collections.abc import Mapping
from datetime import UTC, datetime
from typing import Any
from urllib.parse import urlencode

from mockserver.verify.authorization import application_text, authorization, basic
from mockserver.verify.calls import Account, Bench, Call, Headers, Key, by_profile_id, quoted
from mockserver.verify.checks import Unreadable
from mockserver.verify.contract import copied
from mockserver.verify.conversation import PATCH_TYPE, SHAPELESS, Conversation, hidden_as
from mockserver.verify.pointers import value_at
from mockserver.verify.rules.reading import Step

_REPEATED = re.compile(r"%%(\d+)\*(.*?)%%", re.DOTALL)
_LONG = re.compile(r"\$\{long:(\d+)\}")
_APPLICATION = re.compile(r"\$\{oauth:([^}]+)\}")
_PLACEHOLDER = re.compile(r"\$\{(/[^}]*)\}")


class Asking:
    """Turns steps into calls, and knows what they may refer to: `state` is what the profile should hold now."""

    def __init__(self, talk: Conversation, key: Key) -> None:
        self.talk = talk
        self.bench = talk.bench
        self.key = self.home = key
        self.user = talk.bench.account.user_id
        self.state: dict[str, Any] = {}
        self.origin: dict[str, Any] = {}
        self.presented: str | None = None
        self.created = ("0", "0")

    def _call(self, step: Step) -> Call:
        at = self._filled(step.at)
        key = (at.get("client", self.key[0]), at.get("type", self.key[1]), at.get("id", self.key[2]))
        key = self._named(key, step.at.get("profile"))
        if step.world:
            key = (f"{key[0]}~{self.talk.world}{'' if step.world == 'same' else '-other'}", *key[1:])
        body = self._body(step)
        path = step.path and self._path(step.path, key)
        if not (path or step.at or self.bench.finds_inactive) and (number := hidden_as(self.state)) is not None:
            path = by_profile_id(key, number)
        signs_itself = is_ordinary(step) and key[0] in self.bench.accounts
        headers = self._headers(step, key, explicit=not signs_itself)
        if step.chunked:
            body = b"".join(b"%x\r\n%s\r\n" % (len(part), part) for part in _parts(body)) + b"0\r\n\r\n"
            headers = (*headers, ("Transfer-Encoding", "chunked"))
        return Call(
            step.method,
            key,
            headers,
            body,
            signed=signs_itself,
            may_change=bool(step.after),
            path=path,
            refused=step.expect >= 400,
            connection=step.connection,
            copies=step.pipelined,
        )

    def _path(self, text: str, key: Key) -> str:
        names = dict(zip(("client", "type", "id"), quoted(key), strict=True))
        before, created = self.created
        return text.format(**names, profile=self.state["ProfileId"], before=before, created=created)

    def _named(self, key: Key, name: str | None) -> Key:
        if name == "absent" and self.bench.absent:
            return self.bench.absent[0]
        chosen = {"neighbour": neighbour(self.bench), "stranger": stranger(self.bench)}.get(name or "")
        return chosen or key

    def _body(self, step: Step) -> bytes:
        if step.patch is not None:
            text = json.dumps(self._filled(step.patch), ensure_ascii=False)
        else:
            text = step.body if step.body is not None else step.xml if step.xml is not None else ""
            text = _REPEATED.sub(lambda match: match[2] * int(match[1]), text)
            text = _PLACEHOLDER.sub(lambda match: json.dumps(self._held(match[1])), text)
            if "${oauth:" in text and (app := self.bench.oauth) is not None:
                text = _APPLICATION.sub(lambda match: application_text(app, f"{{{match[1]}}}"), text)
        if step.encode == "gzip":
            return gzip.compress(text.encode(), mtime=0)
        return text.encode(step.encode, "surrogatepass")

    def _headers(self, step: Step, key: Key, *, explicit: bool) -> Headers:
        content_type = step.content_type
        if content_type == "":
            content_type = "application/xml" if step.xml is not None else PATCH_TYPE
        rows = [("Content-Type", content_type), ("Accept", step.accept), *step.headers.items()]
        if step.signed and explicit:
            self.presented = self._authorization(step, key)
            rows += [("Authorization", self.presented)]
        return tuple((name, str(value)) for name, value in rows if value is not None)

    def _authorization(self, step: Step, key: Key) -> str | None:
        how = dict(step.authorization or {})
        if "/oauth/" in (step.path or ""):
            return basic(self.bench.oauth, **how) if self.bench.oauth else None
        of = how.pop("of", None)
        if of == "before":
            return self.presented
        if of == "token":
            return self._token(how, self.bench.reader if step.user == "reader" else None)
        return authorization(self._signer(step), key[0], datetime.now(UTC), how)

    def _token(self, how: Mapping[str, Any], user: Account | None) -> str:
        """Ask for a bearer token as an application does, and return the header that presents it."""
        assert self.bench.oauth is not None, "rules with tokens need an application"
        form = {"grant_type": "client_credentials", "scope": f"{self.key[0]}/{(user or self.bench.account).user_id}"}
        headers = (("Content-Type", "application/x-www-form-urlencoded"), ("Authorization", basic(self.bench.oauth)))
        call = Call("POST", self.key, headers, urlencode(form).encode(), signed=False, path="/oauth/token")
        reply = self.talk.send(call, check=False)
        try:
            token = json.loads(reply.body)["access_token"]
        except (ValueError, KeyError, TypeError):
            raise Unreadable(f"the token endpoint answered {reply.status} without an access_token") from None
        return str(how.get("header", "Bearer {token}")).format(token=token)

    def _signer(self, step: Step) -> Account:
        chosen = {"reader": self.bench.reader, "retired": self.bench.retired}.get(step.user)
        client_id = step.at.get("client", self._named(self.key, step.at.get("profile"))[0])
        return chosen or self.bench.accounts.get(client_id.partition("~")[0], self.bench.account)

    def _own_entry(self) -> Mapping[str, Any]:
        """Return the alternate id that the URL names, as the profile spells it."""
        wanted = (self.home[1].lower(), self.home[2].lower())
        entries = [entry for entry in self.origin["AlternateIds"] or () if entry]
        pairs = ((entry, (entry["AlternateIdType"], entry["AlternateId"])) for entry in entries)
        return next(entry for entry, pair in pairs if all(pair) and (pair[0].lower(), pair[1].lower()) == wanted)

    def _held(self, pointer: str) -> Any:
        """Return what the profile should hold there, None where there is nothing."""
        try:
            return value_at(self.state, pointer)
        except SHAPELESS:
            return None

    def _filled(self, value: Any) -> Any:
        """Replace ${/Pointer} by what stands there in the profile as it should be now."""
        if isinstance(value, str):
            whole = _PLACEHOLDER.fullmatch(value)
            if whole:
                return copied(self._held(whole[1]))
            value = _LONG.sub(lambda match: "x" * int(match[1]), value)
            if value == "${user}":
                return self.user
            if value == "${self}":
                return self._own_entry()
            if value == "${neighbour}" and (other := neighbour(self.bench)):
                return {"AlternateIdType": other[1], "AlternateId": other[2]}
            return _PLACEHOLDER.sub(lambda match: str(self._held(match[1])), value)
        if isinstance(value, list):
            return [self._filled(item) for item in value]
        return {name: self._filled(item) for name, item in value.items()} if isinstance(value, Mapping) else value


def is_ordinary(step: Step) -> bool:
    """Say whether a step is signed as every other request is, by the user who may change profiles."""
    elsewhere = "/oauth/" in (step.path or "")
    return step.signed and step.user == "editor" and step.authorization is None and not elsewhere


def neighbour(bench: Bench) -> Key | None:
    """Return another profile of the account, if there is one to use."""
    return next((key for key in bench.profiles[1:] if key[0] == bench.profiles[0][0]), None)


def stranger(bench: Bench) -> Key | None:
    """Return a profile of another account, if there is one to use."""
    return next((key for key in bench.profiles[1:] if key[0] != bench.profiles[0][0]), None)


def _parts(body: bytes) -> list[bytes]:
    middle = max(len(body) // 2, 1)
    return [part for part in (body[:middle], body[middle:]) if part]
