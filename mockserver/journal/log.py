"""The journal: what one world was asked and what it answered, the newest exchanges within a bound.

Appending is on the path of every request: it keeps references, of a head to what is left of it without secrets, which
is worked out once. Whatever people read is made from them later, and redacted then. Each world has a ring of its own,
so one under load can't push another's exchanges out; a `Budget` that the rings share bounds the bytes of all together.
"""

from __future__ import annotations

import re
from abc import ABC, abstractmethod
from collections import deque
from collections.abc import Iterable, Iterator, Sequence
from datetime import UTC, datetime
from itertools import chain, islice, takewhile
from threading import Lock
from typing import Final
from weakref import WeakSet

from msgspec import Struct

from mockserver.errors import ApiError, UsageError
from mockserver.faults.rules import BROKEN, Hit
from mockserver.story.story import Story


class Exchange(Struct, frozen=True):
    """A request, its answer and the story.

    `at` is aware, by the world's clock, `received` by the machine's (None: by the same clock), which may not be
    `frozen`; `target` is the path and query as sent; `fault` is `<rule>#<n>`, and `hit` what it did; `before` and
    `after` are the profile's JSON, the same object if it did not change; `key` is the client, alternate id type and
    alternate id as sent; `operation` names what was asked for, if that is served. `status` is the answer's, also where
    the client saw none of it. `scheme` is filled in to be shown.
    """

    id: str
    world: str
    at: datetime
    duration_s: float
    method: str
    target: str
    headers: Sequence[tuple[str, str]]
    body: bytes
    status: int
    answer_headers: Sequence[tuple[str, str]]
    answer_body: bytes
    story: Story
    user: str | None
    fault: str | None
    before: bytes | None
    after: bytes | None
    key: tuple[str, str, str] | None
    received: datetime | None = None
    frozen: bool = False
    hit: Hit | None = None
    operation: str | None = None
    scheme: str = "http"

    @property
    def broken(self) -> str | None:
        """How the connection was broken before the client had an answer, if it was."""
        return self.hit.connection if self.hit is not None and self.hit.connection in BROKEN else None

    @property
    def seen_status(self) -> int | None:
        """The status of the answer that the client got, None where its connection was broken."""
        return None if self.broken else self.status

    @property
    def applied(self) -> bool | None:
        """Whether the request took effect although a fault struck it; None without a fault."""
        if self.hit is None:
            return None
        return self.hit.applies and (self.story.refusal is None or self.story.reason == "fault-injected")

    @property
    def surprising(self) -> bool:
        """Whether there is something to tell beyond that a request did what it asked for."""
        return self.fault is not None or self.story.surprising

    @property
    def changed(self) -> bool:
        """Tell whether the exchange changed the profile."""
        return self.after is not self.before and self.after != self.before


REQUEST_ID: Final = "X-Mock-Request-Id"


def request_id(number: int) -> str:
    """Return the id of the request with that number."""
    return f"{number:08x}"


class Overtaken(Exception):
    """What a request was computed from is no longer there; nothing was kept, and it is to be computed anew."""


class Budget:
    """The bytes that the journals of all worlds may hold together; when they run out, the largest give way.

    Journals are referenced weakly: one that is dropped with its world takes its exchanges along.
    """

    # Room is made for many exchanges at once, so that looking for the largest journals costs each next to nothing.
    _TARGET: Final = 0.9

    def __init__(self, max_bytes: int) -> None:
        self.max_bytes = max_bytes
        self.lock = Lock()
        self.used = 0
        self._journals: WeakSet[Journal] = WeakSet()

    def join(self, journal: Journal) -> None:
        """Make a journal one of those that give way."""
        self._journals.add(journal)

    def spend(self, size: int) -> None:
        """Count bytes that a journal took, or gave back; call with the lock held."""
        self.used += size
        if self.used > self.max_bytes:
            self._make_room()

    def _make_room(self) -> None:
        # Counted anew, for a journal that was dropped with its world did not give its bytes back.
        journals = sorted(self._journals, key=lambda journal: journal.bytes_used, reverse=True)
        self.used = sum(journal.bytes_used for journal in journals)
        if self.used <= self.max_bytes:
            return
        for journal in journals:
            if self.used <= self.max_bytes * self._TARGET:
                return
            self.used -= journal.halve()


_DATE: Final = re.compile(r"[0-9]{4}-[0-9]{2}-[0-9]{2}")


def _moment(text: str) -> datetime:
    # A plus sign that a query string turned into a space is one again; a time without a zone is UTC.
    try:
        moment = datetime.fromisoformat(re.sub(r" (?=[0-9]{2}:[0-9]{2}$)", "+", text) if text.count(":") > 2 else text)
    except ValueError:
        hint = "write a time such as 2024-05-01T10:00:00Z, or the id of a request"
        raise UsageError(f"{text!r} is not a time", place="since", hint=hint) from None
    return moment if moment.tzinfo else moment.replace(tzinfo=UTC)


class _Ring:
    """Exchanges in order of arrival, and the bytes of each."""

    __slots__ = ("bytes", "entries", "sizes")

    def __init__(self) -> None:
        self.entries: deque[Exchange] = deque()
        self.sizes: deque[int] = deque()
        self.bytes = 0

    def drop_oldest(self) -> None:
        self.entries.popleft()
        self.bytes -= self.sizes.popleft()

    def drop(self, index: int) -> None:
        del self.entries[index]
        self.bytes -= self.sizes[index]
        del self.sizes[index]


class ExchangeLog(ABC):
    """One world's newest exchanges, wherever they are kept."""

    __slots__ = ()

    @property
    @abstractmethod
    def dropped(self) -> int:
        """How many exchanges gave way to newer ones since the last clear."""

    @property
    @abstractmethod
    def total(self) -> int:
        """How many exchanges were ever appended."""

    @property
    @abstractmethod
    def bytes_used(self) -> int:
        """An estimate of the memory that the exchanges take."""

    @abstractmethod
    def append(self, exchange: Exchange, head_size: int | None = None) -> str | None:
        """Keep an exchange; return the id that a shared journal gives it instead of its own, if it does.

        `head_size` is its `head_bytes`, if known. Raises Overtaken and ApiError only for a request that a shared store
        serves (`Worlds.serve`): nothing was kept then.
        """

    @abstractmethod
    def clear(self) -> None:
        """Forget every exchange."""

    @abstractmethod
    def remove(self, exchange_id: str) -> bool:
        """Forget one exchange; return whether it was there."""

    @abstractmethod
    def __len__(self) -> int: ...

    @abstractmethod
    def _snapshot(self) -> list[Exchange]:
        """Return the exchanges that are there now, in order of arrival."""

    def get(self, exchange_id: str) -> Exchange | None:
        """Return the exchange of that id, if it is still there."""
        return next((exchange for exchange in self._snapshot() if exchange.id == exchange_id), None)

    def entries(self, limit: int | None = None, since: str | datetime | None = None) -> list[Exchange]:
        """Return the newest exchanges, newest first, at most `limit`.

        `since` is a time (also as ISO 8601 text) and leaves out what is not after it; or an id, and leaves out that one
        and all older ones. An id that is not there (any more) leaves out none. Raises UsageError for an invalid time.
        """
        newest: Iterable[Exchange] = self.newest()
        if isinstance(since, str) and _DATE.match(since):
            since = _moment(since)
        if isinstance(since, datetime):
            newest = (exchange for exchange in newest if exchange.at > since)
        elif since is not None:
            newest = takewhile(lambda exchange: exchange.id != since, newest)
        return list(islice(newest, limit))

    def newest(self) -> Iterator[Exchange]:
        """Iterate over the exchanges that are there now, the newest first."""
        return reversed(self._snapshot())

    def __iter__(self) -> Iterator[Exchange]:
        """Iterate in order of arrival, over the exchanges that are there now."""
        return iter(self._snapshot())


class Journal(ExchangeLog):
    """One world's newest exchanges, at most `max_entries` and `max_bytes`; 0 entries switch it off. Thread-safe.

    `total` counts every exchange ever appended, `dropped` those that gave way to newer ones since the last clear.
    """

    __slots__ = ("__weakref__", "_budget", "_lock", "_ring", "dropped", "max_bytes", "max_entries", "total")
    dropped: int
    total: int

    def __init__(self, max_entries: int, max_bytes: int, budget: Budget | None = None) -> None:
        self.max_entries = max_entries
        self.max_bytes = max_bytes
        self.dropped = self.total = 0
        self._budget = budget
        self._lock = budget.lock if budget else Lock()
        # Made with the first exchange, for worlds are made by the thousand and many see no request.
        self._ring: _Ring | None = None

    @property
    def bytes_used(self) -> int:
        ring = self._ring
        return ring.bytes if ring else 0

    def append(self, exchange: Exchange, head_size: int | None = None) -> None:
        """Keep an exchange as it is; its refusal loses its traceback, which would keep frames alive."""
        if self.max_entries == 0:
            return
        size = stored_bytes(exchange, head_size)
        if exchange.story.refusal is not None:
            _forget_frames(exchange.story.refusal)
        with self._lock:
            ring = self._ring or self._open()
            before = ring.bytes
            ring.entries.append(exchange)
            ring.sizes.append(size)
            ring.bytes += size
            self.total += 1
            while len(ring.entries) > self.max_entries or ring.bytes > self.max_bytes:
                ring.drop_oldest()
                self.dropped += 1
            if self._budget is not None:
                self._budget.spend(ring.bytes - before)

    def clear(self) -> None:
        with self._lock:
            freed, self._ring = self.bytes_used, None
            self.dropped = 0
            if self._budget is not None:
                self._budget.spend(-freed)

    def end(self) -> None:
        """Let those who wait for more look anew: the world is gone, and one of its name has another journal."""
        self.total += 1

    def remove(self, exchange_id: str) -> bool:
        with self._lock:
            ring = self._ring or _Ring()
            index = next((n for n, exchange in enumerate(ring.entries) if exchange.id == exchange_id), None)
            if index is None:
                return False
            before = ring.bytes
            ring.drop(index)
            if self._budget is not None:
                self._budget.spend(ring.bytes - before)
            return True

    def halve(self) -> int:
        """Drop the oldest exchanges, half of the bytes; return how many that were. For the budget, under its lock."""
        ring = self._ring
        if ring is None:
            return 0
        before = ring.bytes
        while ring.bytes > before // 2:
            ring.drop_oldest()
            self.dropped += 1
        return before - ring.bytes

    def __len__(self) -> int:
        ring = self._ring
        return len(ring.entries) if ring else 0

    def _snapshot(self) -> list[Exchange]:
        with self._lock:
            return list(self._ring.entries) if self._ring else []

    def _open(self) -> _Ring:
        if self._budget is not None:
            self._budget.join(self)
        self._ring = ring = _Ring()
        return ring


def head_bytes(target: str, headers: Iterable[tuple[str, str]]) -> int:
    """Estimate the memory that a target and headers take beyond what each exchange takes."""
    return len(target) + sum(map(len, chain.from_iterable(headers)))


# Measured: what tuples, short texts, the story and the answer's headers take; and what operations take as values, in
# multiples of their text (4 to 6).
_FIXED: Final = 1000
_PARSED: Final = 6


def stored_bytes(exchange: Exchange, head_size: int | None = None) -> int:
    """Estimate the memory that an exchange keeps: texts, bodies and profiles, each object once."""
    size = _FIXED + len(exchange.body)
    size += head_bytes(exchange.target, exchange.headers) if head_size is None else head_size
    before, after, answer = exchange.before, exchange.after, exchange.answer_body
    if answer is not after:
        size += len(answer)
    if after is not None:
        size += len(after)
    if before is not None and before is not after:
        size += len(before)
    return size if exchange.story.operations is None else size + _PARSED * len(exchange.body)


def _forget_frames(refusal: ApiError) -> None:
    refusal.__traceback__ = refusal.__cause__ = refusal.__context__ = None
