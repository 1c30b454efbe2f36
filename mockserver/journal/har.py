"""The journal as an HTTP Archive (HAR 1.2), which browsers and proxies can open."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from http import HTTPStatus
from typing import Any
from urllib.parse import parse_qsl

from mockserver import __version__
from mockserver.journal.log import Exchange
from mockserver.journal.view import absolute_url, base64_of, delay_ms, header, iso, sendable, text_of, written


def har(exchanges: Iterable[Exchange], base_url: str = "http://localhost") -> dict[str, Any]:
    """Return the archive, oldest exchange first; `base_url` stands in where a request named no host."""
    oldest_first = sorted(exchanges, key=lambda exchange: exchange.at)
    return {
        "log": {
            "version": "1.2",
            "creator": {"name": "mockserver", "version": __version__},
            "entries": [written(_entry(exchange, base_url)) for exchange in oldest_first],
        }
    }


def _entry(exchange: Exchange, base_url: str) -> dict[str, Any]:
    milliseconds = round(exchange.duration_s * 1000, 3) + delay_ms(exchange)
    return {
        "startedDateTime": iso(exchange.at),
        "time": milliseconds,
        "request": _request(exchange, base_url),
        "response": _response(exchange),
        "cache": {},
        "timings": {"send": 0, "wait": milliseconds, "receive": 0},
        # HAR lets an application add members that start with an underscore.
        "_mock": {
            "id": exchange.id,
            "world": exchange.world,
            "operation": exchange.operation,
            "reason": exchange.story.reason,
            "fault": exchange.fault,
            "connection": exchange.broken,
        },
    }


def _request(exchange: Exchange, base_url: str) -> dict[str, Any]:
    host = header(exchange.headers, "host")
    query = exchange.target.partition("?")[2]
    request: dict[str, Any] = {
        "method": exchange.method,
        "url": sendable(absolute_url(exchange, f"{exchange.scheme}://{host}" if host else base_url)),
        "httpVersion": "HTTP/1.1",
        "cookies": [],
        "headers": _records(exchange.headers),
        "queryString": _records(parse_qsl(query, keep_blank_values=True, errors="replace")),
        "headersSize": -1,
        "bodySize": len(exchange.body),
    }
    if exchange.body:
        mime_type = header(exchange.headers, "content-type") or ""
        request["postData"] = {"mimeType": sendable(mime_type), "params": [], "text": text_of(exchange.body)}
    return request


def _response(exchange: Exchange) -> dict[str, Any]:
    # Browsers write 0 where a connection was broken; the rest is what would have been answered.
    status, body = exchange.seen_status or 0, exchange.answer_body
    content: dict[str, Any] = {
        "size": len(body),
        "mimeType": header(exchange.answer_headers, "content-type") or "application/octet-stream",
    }
    try:
        content["text"] = body.decode()
    except UnicodeDecodeError:
        content |= {"text": base64_of(body), "encoding": "base64"}
    return {
        "status": status,
        "statusText": HTTPStatus(status).phrase if status in set(HTTPStatus) else "",
        "httpVersion": "HTTP/1.1",
        "cookies": [],
        "headers": _records(exchange.answer_headers),
        "content": content,
        "redirectURL": header(exchange.answer_headers, "location") or "",
        "headersSize": -1,
        "bodySize": len(body),
    }


def _records(pairs: Sequence[tuple[str, str]]) -> list[dict[str, str]]:
    return [{"name": sendable(name), "value": sendable(value)} for name, value in pairs]
