"""A world's journal in Redis: exchanges, each as MessagePack, within the bounds of the one in memory.

What is kept is what is sent and answered: a profile that the answer repeats, or that did not change, is kept once, and
one that is stored with the exchange is not sent again. The bounds are on these bytes.
"""

from __future__ import annotations

import json
import logging
import re
from collections.abc import Iterator, Sequence
from datetime import timedelta
from typing import Any

import msgspec

from mockserver.errors import ApiError, StoreUnavailable
from mockserver.faults.rules import Hit
from mockserver.journal.log import REQUEST_ID, Exchange, ExchangeLog, request_id
from mockserver.state.redis import scripts
from mockserver.state.redis.view import EPOCH, WorldView
from mockserver.story.story import Story

_pack = msgspec.msgpack.Encoder().encode
_unpack = msgspec.msgpack.Decoder().decode
_PIECE = 256
_ID = re.compile("(?!0)[0-9a-f]{9,}|[0-9a-f]{8}")
_log = logging.getLogger(__name__)


class RedisJournal(ExchangeLog):
    """One world's newest exchanges, for all processes."""

    __slots__ = ("_world",)

    def __init__(self, world: WorldView) -> None:
        self._world = world

    @property
    def dropped(self) -> int:
        return self._number("dropped")

    @property
    def total(self) -> int:
        return self._number("total")

    @property
    def bytes_used(self) -> int:
        """The bytes that the exchanges take in Redis."""
        return self._number("bytes")

    def append(self, exchange: Exchange, head_size: int | None = None) -> str | None:
        """Keep an exchange, and end the request that the world serves; return the id that it gets.

        Raises what `settle` raises; apart from that the answer stands even if the store is away by now.
        """
        bounds = self._world.shared.bounds
        pending = self._world.pending
        packed = pack(exchange, pending and pending.body) if bounds.entries else b""
        if self._world.serving:
            return request_id(self._world.settle(packed))
        try:
            # A world that was deleted meanwhile takes its journal along.
            number = self._world.write_once(scripts.APPEND_EXCHANGE, packed, *bounds)
        except StoreUnavailable as refusal:
            if exchange.story.reason != refusal.rule:
                _log.warning("the journal lacks the request %s: %s", exchange.id, refusal.why)
            return None
        return None if number == scripts.GONE else request_id(number)

    def clear(self) -> None:
        """Forget every exchange."""
        self._world.write(scripts.CLEAR_JOURNAL)

    def remove(self, exchange_id: str) -> bool:
        """Forget one exchange; return whether it was there."""
        return bool(self._world.write(scripts.REMOVE_EXCHANGE, _number_of(exchange_id)))

    def get(self, exchange_id: str) -> Exchange | None:
        return next(self._of([b"%d" % _number_of(exchange_id)]), None)

    def __len__(self) -> int:
        return int(self._world.shared.redis.read("LLEN", self._world.key("numbers")))

    def _snapshot(self) -> list[Exchange]:
        return [*self._of(self._numbers(0, -1))]

    def newest(self) -> Iterator[Exchange]:
        """Iterate over the exchanges, the newest first; read in pieces, for mostly few are asked for."""
        read, piece, last = 0, 1, float("inf")
        while numbers := self._numbers(-read - piece, -read - 1):
            read += len(numbers)
            # What was appended meanwhile moves those that were read into the next piece.
            yield from self._of([number for number in reversed(numbers) if int(number) < last])
            last = min(last, int(numbers[0]))
            if len(numbers) < piece:
                return
            piece = min(piece * 4, _PIECE)

    def _numbers(self, start: int, stop: int) -> list[bytes]:
        found = self._world.shared.redis.read("LRANGE", self._world.key("numbers"), start, stop)
        return [item.partition(b":")[0] for item in found]

    def _of(self, numbers: Sequence[bytes]) -> Iterator[Exchange]:
        """Iterate over the exchanges with these numbers that are still there."""
        fields = [field for number in numbers for field in (number, number + b"+")]
        found = self._world.shared.redis.read("HMGET", self._world.key("journal"), *fields) if fields else ()
        for number, packed, after in zip(numbers, found[::2], found[1::2], strict=True):
            if packed is not None:
                yield unpack(int(number), packed, after)

    def _number(self, field: str) -> int:
        return int(self._world.shared.redis.read("HGET", self._world.key("header"), field) or 0)


def _number_of(exchange_id: str) -> int:
    """Return the number of the request with that id; one that there is not for what is no id."""
    return int(exchange_id, 16) if _ID.fullmatch(exchange_id) else 0


def pack(exchange: Exchange, apart: bytes | None = None) -> bytes:
    """Return an exchange as bytes, without the profile that is kept apart."""
    row = _row(exchange, apart)
    try:
        return _pack(row)
    except UnicodeEncodeError:
        # Half a character, sent in a URL or a header, is no text that MessagePack can carry.
        return _pack(_encodable(row))


def unpack(number: int, packed: bytes, apart: Any = None) -> Exchange:
    """Return the exchange that `pack` made bytes of; it gets the number."""
    identifier = request_id(number)
    at, answer_body, story, before, after, headers, answer_headers, key, *rest = _unpack(packed)
    world, duration, method, target, body, status, user, fault, received, frozen, hit, operation = rest
    after = before if after is True else apart if after is False else after
    return Exchange(
        id=identifier,
        world=world,
        at=EPOCH + timedelta(microseconds=at),
        duration_s=duration,
        method=method,
        target=target,
        headers=tuple((name, value) for name, value in headers),
        body=body,
        status=status,
        answer_headers=tuple((name, identifier if name == REQUEST_ID else value) for name, value in answer_headers),
        answer_body=after if answer_body is True else answer_body,
        story=_read_story(*story),
        user=user,
        fault=fault,
        before=before,
        after=after,
        key=None if key is None else tuple(key),
        received=None if received is None else EPOCH + timedelta(microseconds=received),
        frozen=frozen,
        hit=None if hit is None else Hit(*hit),
        operation=operation,
    )


def _row(exchange: Exchange, apart: bytes | None) -> list[Any]:
    """Return what `unpack` reads; True stands for the same bytes again, False for those that are kept apart."""
    before, after = exchange.before, exchange.after
    return [
        (exchange.at - EPOCH) // timedelta(microseconds=1),
        True if exchange.answer_body is after else exchange.answer_body,
        _written_story(exchange.story),
        before,
        True if after is before else False if after is not None and after is apart else after,
        exchange.headers,
        exchange.answer_headers,
        exchange.key,
        exchange.world,
        exchange.duration_s,
        exchange.method,
        exchange.target,
        exchange.body,
        exchange.status,
        exchange.user,
        exchange.fault,
        None if exchange.received is None else (exchange.received - EPOCH) // timedelta(microseconds=1),
        exchange.frozen,
        exchange.hit,
        exchange.operation,
    ]


def _written_story(story: Story) -> list[Any]:
    # Operations may hold what MessagePack can't: numbers of any length, halves of characters, JavaScript's undefined.
    operations = None if story.operations is None else json.dumps(story.operations, default=repr)
    return [story.reason, None if story.refusal is None else _facts(story.refusal), operations, story.rests_on]


def _read_story(reason: str, refusal: list[Any] | None, operations: str | None, rests_on: list[str]) -> Story:
    return Story(reason, _refusal(refusal), None if operations is None else json.loads(operations), tuple(rests_on))


def _facts(refusal: ApiError) -> list[Any]:
    return [
        refusal.status,
        refusal.message,
        refusal.rule,
        refusal.why,
        refusal.hint,
        refusal.operation,
        refusal.path,
        refusal.model_state,
        refusal.headers,
    ]


def _refusal(facts: list[Any] | None) -> ApiError | None:
    if facts is None:
        return None
    status, message, *named = facts
    names = ("rule", "why", "hint", "operation", "path", "model_state", "headers")
    refusal = ApiError(message, **dict(zip(names, named, strict=True)))
    refusal.status = status  # type: ignore[misc]
    return refusal


def _encodable(value: Any) -> Any:
    if isinstance(value, str):
        return value.encode("utf-8", "replace").decode()
    if isinstance(value, (list, tuple)):
        return [_encodable(item) for item in value]
    if isinstance(value, dict):
        return {_encodable(name): _encodable(item) for name, item in value.items()}
    return value
