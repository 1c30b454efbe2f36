"""Reading the journal as it grows: light rows, and readers that wait for something new (long polling).

The mock's own server runs the application on its event loop, where nobody may wait. It offers `mockserver.wait` in the
environment: a reader put there is asked a few times a second whether its wait is over, then the request is answered
anew. Other gateways have a thread for each request, which waits a moment.
"""

from __future__ import annotations

import time
from collections.abc import Callable, Iterable
from datetime import datetime
from functools import lru_cache
from typing import Any, Final
from weakref import WeakSet

import msgspec
import orjson
from flask import Response, request

from mockserver.errors import ApiError
from mockserver.journal.log import Exchange
from mockserver.journal.redaction import Secrets
from mockserver.journal.rows import newer, row_json, short
from mockserver.service.assembly import Mock
from mockserver.state.clock import stopwatch, system_now
from mockserver.state.world import World
from mockserver.web.guard import AdminRefusal, chosen_worlds, flag, json_response

LONGEST_WAIT_S: Final = 25
MOST_READERS: Final = 32
MOST_ROWS: Final = 2000
_FEW_ROWS: Final = 500
_LONGEST_BLOCK_S: Final = 1.0
_STEP_S: Final = 0.1
_OFFER: Final = "mockserver.wait"


class Reader:
    """Somebody who waits until something new is there, at most until a deadline."""

    __slots__ = ("__weakref__", "_deadline", "_news", "_seen")

    def __init__(self, seconds: float, news: Callable[[], int], seen: int) -> None:
        self._deadline = stopwatch() + seconds
        self._news = news
        self._seen = seen

    def over(self) -> bool:
        """Tell whether the wait is over."""
        try:
            return stopwatch() >= self._deadline or self._news() != self._seen
        except ApiError:  # the store is away: the answer will say so
            return True


class Readers:
    """Those who wait now; one whose client is gone is forgotten with its request."""

    def __init__(self, mock: Mock) -> None:
        self._mock = mock
        self._waiting: WeakSet[Reader] = WeakSet()

    def answer(self, read: Callable[[], tuple[bool, dict[str, Any]]]) -> Response:
        """Answer with what is read; if that is nothing, later, as ?wait= says. The answer tells whether it waited."""
        seconds, environ = _seconds(), request.environ
        waited = environ.pop(_OFFER, None) is not None
        news = self._news() if seconds else int
        seen = news()
        found, document = read()
        if not seconds:
            return json_response({**document, "waiting": False} if "rows" in document else document)
        if found or waited or len(self._waiting) >= MOST_READERS:
            return json_response({**document, "waiting": found or waited})
        later = "mockserver.waits" in environ
        self._waiting.add(reader := Reader(seconds if later else min(seconds, _LONGEST_BLOCK_S), news, seen))
        if later:
            environ[_OFFER] = reader
            return Response(status=204)  # never sent
        while not reader.over():
            time.sleep(_STEP_S)
        return json_response({**read()[1], "waiting": True})

    def _news(self) -> Callable[[], int]:
        worlds = self._mock.worlds
        if flag("all"):
            return lambda: worlds.appended
        journal = chosen_worlds(self._mock)[0].journal
        return lambda: journal.total


def rows_json(mock: Mock, worlds: list[World], since: str | None, limit: int | None) -> dict[str, Any]:
    """Return the rows of these worlds: the oldest after `since`, or the newest."""
    limit = min(_FEW_ROWS if limit is None else limit, MOST_ROWS)
    if since is None:
        found = [exchange for world in worlds for exchange in world.journal.entries(limit)]
        found = sorted(found, key=_number)[-limit:] if limit else []
    else:
        # Within one world the order is that of its journal, which is not always that of the numbers.
        found = [exchange for world in worlds for exchange in reversed(list(newer(world.journal, since)))]
        found = (sorted(found, key=_number) if len(worlds) > 1 else found)[:limit]
    return {
        "rows": rows_of(mock, found),
        "last": found[-1].id if found else since,
        "dropped": sum(world.journal.dropped for world in worlds),
        "meta": {"total": sum(len(world.journal) for world in worlds)},
        "now": system_now().isoformat(timespec="milliseconds").replace("+00:00", "Z"),
    }


def rows_of(mock: Mock, exchanges: Iterable[Exchange]) -> list[orjson.Fragment]:
    """Return requests as rows that hold no secret."""
    rows = _rows_without(mock.service.secrets)
    return [rows.row(exchange) for exchange in exchanges]


class _Rows:
    """Rows as they are written, each once for all who read it; texts that come again lose their secrets once too."""

    def __init__(self, secrets: Secrets) -> None:
        self._shown = lru_cache(maxsize=4096)(lambda text: secrets.known(short(text)))
        self._name = secrets.text
        # By its times too: a shared store that was emptied gives the same ids again.
        self._written: dict[tuple[str, datetime, datetime | None], orjson.Fragment] = {}

    def row(self, exchange: Exchange) -> orjson.Fragment:
        key = exchange.id, exchange.at, exchange.received
        if (row := self._written.get(key)) is None:
            if len(self._written) > MOST_ROWS:
                self._written.clear()
            row_of = row_json(exchange, self._shown) | {"world": self._name(exchange.world)}
            row = orjson.Fragment(msgspec.json.encode(row_of))
            self._written[key] = row
        return row


# Of the newest server of this process, and anew when its secrets are read again.
_rows_without = lru_cache(maxsize=1)(_Rows)


def _number(exchange: Exchange) -> int:
    return int(exchange.id, 16)


def _seconds() -> float:
    text = request.args.get("wait", "0")
    try:
        seconds = float(text)
    except ValueError:
        seconds = -1.0
    if not seconds >= 0:
        raise AdminRefusal(422, f"wait is {text[:40]!r}", f"write seconds, at most {LONGEST_WAIT_S}")
    return min(seconds, LONGEST_WAIT_S)
