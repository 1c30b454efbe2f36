"""What a report shows of an exchange: everything of a mock, and of anything else only paths, types and hashes."""

from __future__ import annotations

import json
import re
import shlex
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import replace
from typing import Any

from mockserver.verify.calls import Verdict
from mockserver.verify.contract import Contract, Shape
from mockserver.verify.conversation import Exchange
from mockserver.verify.events import CaseFinished
from mockserver.verify.target.redaction import Redactor

_SECRET_HEADERS = {"authorization", "cookie", "set-cookie", "x-mock-admin-token"}
_HIDDEN = "(not shown)"
_LONGEST = 4000
_OPERATION = {"op", "path", "value", "from"}


# Demo secrets protect nothing, but a report may be of somebody's own fixtures.
_FORM_SECRET = re.compile(r"\b((?:client_secret|access_token|refresh_token)\"?\s*[=:]\s*\"?)[^&\"\s]+")


class Shown:
    """Renders exchanges; `openly` is for targets that hold invented data only."""

    def __init__(
        self, contract: Contract, *, openly: bool, url: str = "http://127.0.0.1:8080", redact: Redactor | None = None
    ) -> None:
        self._openly = openly
        self._url = url
        self._redact = redact or Redactor(_names(contract.profile) | {"operations", "Message", "ModelState"})

    def told(self, case: CaseFinished) -> CaseFinished:
        """Return the outcome of a case with problems that may be shown, and exchanges where it did not hold."""
        problems = case.problems if self._openly else tuple(map(self._redact.problem, case.problems))
        return replace(case, problems=problems, exchanges=() if case.verdict is Verdict.HELD else case.exchanges)

    def request(self, exchange: Exchange) -> str:
        """Return the request as text, never with a secret."""
        call = exchange.call
        target = call.target if self._openly else f"…#{self._redact.hash(call.target)}"
        lines = [f"{call.method} {target}", *self._headers(call.headers)]
        if call.signed:
            lines.append("Authorization: (signed by the target's account)")
        return "\n".join([*lines, "", self.body(call.body)])

    def reply(self, exchange: Exchange) -> str:
        """Return the answer as text."""
        if exchange.reply is None:
            return f"no answer: {exchange.failure}"
        reply = exchange.reply
        return "\n".join([str(reply.status), *self._headers(reply.headers.items()), "", self.body(reply.body)])

    def curl(self, exchange: Exchange) -> str:
        """Return a command that sends the request again; the signature is made by `mockserver sign`."""
        call = exchange.call
        url = f"{self._url}{call.target}" if self._openly else "$URL"
        headers = [(name, value) for name, value in call.headers if name.lower() not in _SECRET_HEADERS]
        parts = ["curl", "-i", "-X", call.method, shlex.quote(url) if self._openly else '"$URL"']
        parts += [part for name, value in headers for part in ("-H", shlex.quote(f"{name}: {value}"))]
        signs = any(name.lower() == "authorization" for name, _ in call.headers) or call.signed
        parts += ["-H", '"Authorization: $AUTHORIZATION"'] if signs else []
        parts += ["--data-binary", shlex.quote(self.body(call.body))] if call.body else []
        return " ".join(parts)

    def body(self, body: bytes) -> str:
        """Return a body, or what may be shown of it."""
        if self._openly:
            text = _FORM_SECRET.sub(r"\1[redacted]", body.decode("utf-8", "backslashreplace"))
            return text if len(text) <= _LONGEST else f"{text[:_LONGEST]}… ({len(text)} characters)"
        try:
            return json.dumps(self._hidden(json.loads(body)), ensure_ascii=False)
        except ValueError:
            return f"a body of {len(body)} bytes #{self._redact.hash(body.decode('latin-1'))}"

    def document(self, value: Sequence[object]) -> str:
        """Return operations, or what may be shown of them, as JSON."""
        rows: Any = list(value)
        return json.dumps(rows if self._openly else self._hidden(rows), ensure_ascii=False, default=str)

    def _headers(self, headers: Iterable[tuple[str, str]]) -> list[str]:
        return [f"{name}: {self._header(name.lower(), value)}" for name, value in headers]

    def _header(self, name: str, value: str) -> str:
        if name in _SECRET_HEADERS:
            return _HIDDEN
        return value if self._openly else self._redact.header(name, value)

    def _hidden(self, value: Any) -> Any:
        if isinstance(value, Mapping):
            names = {name: name if name.lower() in _OPERATION else self._redact.name(name) for name in value}
            return {names[name]: self._hidden_member(name, item) for name, item in value.items()}
        if isinstance(value, list):
            return [self._hidden(item) for item in value]
        return self._redact.value(value)

    def _hidden_member(self, name: str, item: Any) -> Any:
        if name == "op" and isinstance(item, str) and len(item) < 10:
            return item
        if name in ("path", "from") and isinstance(item, str):
            return self._redact.pointer(item)
        return self._redact.message(item) if name == "Message" else self._hidden(item)


def last_patch(exchanges: Sequence[Exchange]) -> Exchange | None:
    """Return the last request that is more than an empty patch, which only reads; else the last one."""
    patches = [one for one in exchanges if one.call.body.strip() not in (b"", b"[]")]
    return next(reversed(patches or list(exchanges)), None)


def _names(shape: Shape) -> frozenset[str]:
    own = frozenset(shape.members)
    inner = [_names(member) for member in shape.members.values()] + ([_names(shape.item)] if shape.item else [])
    return own.union(*inner)
