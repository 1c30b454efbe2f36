"""The journal for people and clients: WireMock's JSON shapes, with what WireMock does not have under `mock`."""

from __future__ import annotations

import re
from base64 import b64encode
from collections.abc import Iterable, Iterator, Mapping, Sequence
from datetime import UTC, datetime
from functools import lru_cache
from shlex import quote
from typing import Any, Final

import orjson
from msgspec.structs import replace

from mockserver.errors import ApiError
from mockserver.formats.json_read import read_patch
from mockserver.formats.negotiation import body_format
from mockserver.journal.log import Exchange
from mockserver.journal.redaction import REDACTED, Secrets
from mockserver.profile.changed_paths import changed_paths
from mockserver.profile.members import MemberTree
from mockserver.story.provenance import RULES
from mockserver.story.story import Story

# Refusals that are sentences about a URL or a method.
_QUOTING = ("route-unknown", "method-not-allowed")


def written(document: Any) -> orjson.Fragment:
    """Return a part of a large answer as bytes already: one after the other they take less memory, and no breath."""
    return orjson.Fragment(orjson.dumps(document))


def list_json(exchanges: Iterable[Exchange], total: int, tree: MemberTree, *, disabled: bool = False) -> dict[str, Any]:
    """Return the answer to `GET /__admin/requests`; `total` counts what the journal holds."""
    rows = [written(entry_json(exchange, tree)) for exchange in exchanges]
    return {"requests": rows, "meta": {"total": total}, "requestJournalDisabled": disabled}


def found_json(exchanges: Iterable[Exchange], tree: MemberTree, *, disabled: bool = False) -> dict[str, Any]:
    """Return the answer to `POST /__admin/requests/find`, where WireMock lists requests without their answers."""
    rows = [
        written({"id": exchange.id, **request_json(exchange), "mock": mock_json(exchange, tree)})
        for exchange in exchanges
    ]
    return {"requests": rows, "requestJournalDisabled": disabled}


def entry_json(exchange: Exchange, tree: MemberTree) -> dict[str, Any]:
    """Return an exchange as one of WireMock's serve events."""
    # WireMock's "matched" says that a stub was there to answer: here, that the route was.
    matched = exchange.story.reason != "route-unknown"
    milliseconds, delay = round(exchange.duration_s * 1000), delay_ms(exchange)
    return {
        "id": exchange.id,
        "request": request_json(exchange),
        "responseDefinition": {
            "status": exchange.status,
            **({"fault": _FAULTS[exchange.broken]} if exchange.broken in _FAULTS else {}),
            "transformers": [],
            "fromConfiguredStub": matched,
            "transformerParameters": {},
        },
        "response": {
            "status": exchange.seen_status,
            "headers": headers_json(exchange.answer_headers),
            "body": text_of(exchange.answer_body),
            "bodyAsBase64": base64_of(exchange.answer_body),
        },
        "wasMatched": matched,
        "timing": {
            "addedDelay": delay,
            "processTime": milliseconds,
            "responseSendTime": 0,
            "serveTime": milliseconds,
            "totalTime": milliseconds + delay,
        },
        "mock": mock_json(exchange, tree),
    }


def request_json(exchange: Exchange) -> dict[str, Any]:
    """Return the request as WireMock logs one."""
    request: dict[str, Any] = {"url": sendable(exchange.target), "method": exchange.method}
    if host := header(exchange.headers, "host"):
        request["absoluteUrl"] = sendable(absolute_url(exchange, f"{exchange.scheme}://{host}"))
    return request | {
        "headers": headers_json(exchange.headers),
        "cookies": {},
        "browserProxyRequest": False,
        "loggedDate": int(exchange.at.timestamp() * 1000),
        "loggedDateString": exchange.at.astimezone(UTC).strftime("%Y-%m-%dT%H:%M:%SZ"),
        "body": text_of(exchange.body),
        "bodyAsBase64": base64_of(exchange.body),
    }


def mock_json(exchange: Exchange, tree: MemberTree) -> dict[str, Any]:
    """Return what only this server knows of an exchange."""
    story = exchange.story
    return {
        "world": exchange.world,
        "user": exchange.user and sendable(exchange.user),
        "operationId": exchange.operation,
        "profile": exchange.key and _profile_json(*map(sendable, exchange.key)),
        "reason": story.reason,
        "provenance": story.provenance,
        "explanation": sendable(story.sentence(tree)),
        "hint": sendable(story.hint(tree)),
        "fault": exchange.fault,
        "operations": [{"op": sendable(op), "path": sendable(path)} for op, path in operations(exchange)],
        "changes": changes_json(exchange),
        "durationMs": round(exchange.duration_s * 1000, 3),
        "receivedAt": iso(exchange.received or exchange.at),
        "at": iso(exchange.at),
        "frozen": exchange.frozen,
        "connection": exchange.broken,
        "applied": exchange.applied,
        "tolerated": bool(exchange.story.rests_on),
        "surprising": exchange.surprising,
    }


# WireMock's names for what it can do to a connection.
_FAULTS: Final = {
    "reset": "CONNECTION_RESET_BY_PEER",
    "empty": "EMPTY_RESPONSE",
    "truncate": "MALFORMED_RESPONSE_CHUNK",
    "garbage": "RANDOM_DATA_THEN_CLOSE",
}


def delay_ms(exchange: Exchange) -> int:
    """Return how much later than it could a planned fault made the answer, in milliseconds."""
    return round(exchange.hit.delay_s * 1000) if exchange.hit is not None else 0


def iso(moment: datetime) -> str:
    """Return a time as ISO 8601, in UTC and with milliseconds."""
    in_utc = moment if moment.tzinfo is UTC else moment.astimezone(UTC)
    return f"{in_utc.isoformat(timespec='milliseconds')[:-6]}Z"


def outcome(exchange: Exchange) -> str:
    """Return what the client saw: a status, or how its connection was broken."""
    return f"connection {exchange.broken}" if exchange.broken else str(exchange.status)


def _profile_json(client: str, kind: str, identifier: str) -> dict[str, str]:
    """Return what a URL names, without a type the ProfileId."""
    if identifier and not kind:
        return {"client": client, "profileId": identifier}
    return {"client": client, "type": kind, "id": identifier}


def explain_json(exchange: Exchange, tree: MemberTree) -> dict[str, Any]:
    """Return the story of one exchange: what happened, at which operation, why, how sure we are, what to write."""
    rule = RULES[exchange.story.reason]
    return {
        "id": exchange.id,
        "request": sendable(f"{exchange.method} {exchange.target}"),
        "status": exchange.seen_status,
        **mock_json(exchange, tree),
        "statement": rule.statement,
        "source": rule.source,
        "operation": _refused_operation(exchange),
    }


def shown(exchange: Exchange, secrets: Secrets, scheme: str) -> Exchange:
    """Return a kept exchange as people may see it.

    Its head was redacted when it was kept; what became a secret since goes too, for keys may be read again.
    """
    before, after, story, key = exchange.before, exchange.after, exchange.story, exchange.key
    if exchange.changed:
        before, after = (
            orjson.dumps(secrets.content(orjson.loads(profile))) if secrets.body(profile) is not profile else profile
            for profile in (before or b"null", after or b"null")
        )
    return replace(
        exchange,
        world=secrets.text(exchange.world),
        method=secrets.text(exchange.method),
        target=secrets.text(exchange.target),
        headers=secrets.headers(exchange.headers),
        user=exchange.user and secrets.text(exchange.user),
        key=key and (secrets.text(key[0]), secrets.text(key[1]), secrets.text(key[2])),
        body=secrets.body(exchange.body),
        answer_headers=[(name, secrets.text(value)) for name, value in exchange.answer_headers],
        answer_body=secrets.body(exchange.answer_body, quotes_url=story.reason in _QUOTING),
        story=replace(story, refusal=_shown_refusal(story, secrets), operations=secrets.content(story.operations)),
        before=before,
        after=after,
        scheme=scheme,
    )


def _shown_refusal(story: Story, secrets: Secrets) -> ApiError | None:
    refusal = story.refusal
    if refusal is None:
        return None
    # What is said of an operation may quote a member's value, which is no credential whatever it looks like.
    clean = secrets.text if refusal.operation is None else secrets.known
    message, path = refusal.message and clean(refusal.message), refusal.path and clean(refusal.path)
    why, hint = clean(refusal.why), clean(refusal.hint)
    return ApiError(message, rule=refusal.rule, why=why, hint=hint, operation=refusal.operation, path=path)


def changes_json(exchange: Exchange) -> list[dict[str, Any]]:
    """Return each difference between the profile before and after."""
    return difference_json(profile_before(exchange), profile_after(exchange)) if exchange.changed else []


def difference_json(before: Any, after: Any) -> list[dict[str, Any]]:
    """Return in what two states of a profile differ, as rows."""
    return [{"path": path, "before": old, "after": new} for path, old, new in changed_paths(before, after)]


def profile_before(exchange: Exchange) -> Any:
    """Return the profile that the request met, None if it met none."""
    return None if exchange.before is None else orjson.loads(exchange.before)


def profile_after(exchange: Exchange) -> Any:
    """Return the profile that the request left, None if it left none."""
    return None if exchange.after is None else orjson.loads(exchange.after)


def operations(exchange: Exchange) -> Sequence[tuple[str, str]]:
    """Return (op, path) of each operation that the request's body held, as far as it can be read."""
    held, body = exchange.story.operations, exchange.body
    if held is not None:
        return _named(held)
    return (_short_body if len(body) <= _SHORT else _body_names)(body, header(exchange.headers, "content-type"))


def _named(operations: Sequence[Any]) -> Sequence[tuple[str, str]]:
    # An operation without a name counts as an add, as the vendor's software reads it (library).
    return [
        (str(operation.get("op") or "add"), str(operation.get("path") or ""))
        for operation in operations
        if isinstance(operation, dict)
    ]


def _body_names(body: bytes, content_type: str | None) -> Sequence[tuple[str, str]]:
    return _named(_operations_in_json(body, content_type))


_SHORT: Final = 1000
# The same short bodies come again and again, and are asked for by each pattern and each row.
_short_body: Final = lru_cache(maxsize=1024)(_body_names)


def sent_operations(exchange: Exchange) -> Sequence[Any]:
    """Return the operations of the request's body as they were read, none if they can't be."""
    held = exchange.story.operations
    return _operations_in_json(exchange.body, header(exchange.headers, "content-type")) if held is None else held


def _operations_in_json(body: bytes, content_type: str | None) -> Sequence[Any]:
    """Read the operations of a JSON body again, whose story does not hold them, as that of a success."""
    try:
        how = body_format(content_type)
        return (read_patch(body, charset=how.charset) or ()) if how.reader == "json" else ()
    except ApiError:
        return ()


def header(headers: Sequence[tuple[str, str]], name: str) -> str | None:
    """Return the first value of a header, its name in lower case."""
    return next((value for key, value in headers if key.lower() == name), None)


def headers_json(headers: Sequence[tuple[str, str]]) -> dict[str, Any]:
    """Return headers as WireMock writes them: one value as text, several as a list."""
    values: dict[str, list[str]] = {}
    for name, value in headers:
        values.setdefault(sendable(name), []).append(sendable(value))
    return {name: several if len(several) > 1 else several[0] for name, several in values.items()}


def absolute_url(exchange: Exchange, base_url: str) -> str:
    """Return the whole URL; without a path where the target could not be read."""
    target = exchange.target
    return base_url.rstrip("/") + (target if target.startswith("/") else "/")


def text_of(body: bytes) -> str:
    """Return a body for reading; `base64_of` has the bytes that are no text."""
    return body.decode("utf-8", "replace")


def base64_of(body: bytes) -> str:
    """Return a body's bytes in Base64."""
    return b64encode(body).decode("ascii")


def sendable(text: str) -> str:
    """Return text that UTF-8 can carry: half a surrogate pair, which JSON can hold, becomes a question mark."""
    return text if text.isascii() else text.encode("utf-8", "replace").decode("utf-8")


def _refused_operation(exchange: Exchange) -> dict[str, Any] | None:
    refusal, sent = exchange.story.refusal, exchange.story.operations or ()
    if refusal is None or refusal.operation is None or refusal.operation >= len(sent):
        return None
    operation = sent[refusal.operation]
    named = operation if isinstance(operation, Mapping) else {}
    texts = {name: sendable(str(named[name])) for name in ("op", "path", "from") if named.get(name) is not None}
    return {"index": refusal.operation, **texts}


# -- a request to paste into a shell ---------------------------------------------------------------------------------

# What curl sets by itself, or what belongs to the connection.
_OF_THE_CONNECTION: Final = frozenset(
    ("host", "content-length", "connection", "keep-alive", "transfer-encoding", "te", "trailer", "upgrade", "expect")
)
_TOKEN: Final = re.compile(r"[!#$%&'*+.^_`|~0-9A-Za-z-]+")
_CONTROL: Final = re.compile(r"[\x00-\x08\x0b-\x1f\x7f]")
_LONGEST_ARGUMENT: Final = 100_000


def curl_text(exchange: Exchange, base_url: str, sign: str = "mockserver sign") -> str:
    """Return a curl command that sends the request again, signed anew by the command `sign`."""
    method = "--head" if exchange.method == "HEAD" else f"--request {quote(exchange.method)}"
    options = [
        f"curl --globoff --path-as-is {method}",
        quote(absolute_url(exchange, base_url)),
        *(f"--header {argument}" for argument in _header_arguments(exchange, sign)),
    ]
    before, option = _body_option(exchange.body)
    return before + " \\\n  ".join(options + ([option] if option else []))


def _header_arguments(exchange: Exchange, sign: str) -> Iterator[str]:
    for name, value in exchange.headers:
        folded = name.lower()
        if folded in _OF_THE_CONNECTION or not _TOKEN.fullmatch(name):
            continue
        if folded == "authorization":
            yield f'"{name}: {_credentials(exchange, value, sign)}"'
        elif value != REDACTED:
            yield quote(f"{name}: {value}" if value.strip() else f"{name};")
    # curl adds these two by itself unless it is told not to, and both would change the answer.
    for name in ("Accept", "Content-Type"):
        if header(exchange.headers, name.lower()) is None and (name == "Accept" or exchange.body):
            yield quote(f"{name}:")


_SIGNED_WITH: Final = re.compile(r"(?i:\s*PNAUTHINFO3(-HMAC)?-(SHA(?:256|384|512)))\s")


def _credentials(exchange: Exchange, value: str, sign: str) -> str:
    """Return what stands for the credentials inside double quotes; the journal never had them."""
    scheme = value.strip().partition(" ")[0].lower()
    if scheme in ("basic", "bearer"):
        return f"{scheme.capitalize()} ${'CREDENTIALS' if scheme == 'basic' else 'TOKEN'}"
    user = exchange.user or value.partition("Credential=")[2].rpartition("/")[0]
    words = [sign]
    if exchange.key and exchange.key[0]:
        words.append(f"--client {quote(exchange.key[0])}")
    if user:
        words.append(f"--user {quote(user)}")
    if signed_with := _SIGNED_WITH.match(value):
        words.append(f"--algorithm {signed_with[2].upper()}" + ("" if signed_with[1] else " --unkeyed"))
    return f"$({' '.join(words)})"


def _body_option(body: bytes) -> tuple[str, str]:
    """Return what goes before the command, and its option; a body that no argument can carry comes through a pipe."""
    if not body:
        return "", ""
    try:
        text = body.decode()
    except UnicodeDecodeError:
        text = "\0"
    # curl reads a file of that name for an argument that starts with @.
    if text.startswith("@") or len(body) > _LONGEST_ARGUMENT or _CONTROL.search(text):
        return f"printf %s {base64_of(body)} | base64 -d | ", "--data-binary @-"
    return "", f"--data-binary {quote(text)}"
