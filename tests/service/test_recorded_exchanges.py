"""Whole HTTP exchanges of the vendor's stack: status, content type and body come out as recorded."""

from __future__ import annotations

import base64
import json
from collections.abc import Callable
from typing import Any

import pytest

from tests.conftest import VECTORS, Client

EXCHANGES = [
    json.loads(line) for line in (VECTORS / "http_vectors.jsonl").read_text(encoding="utf-8").splitlines() if line
]
# "naive" actions check nothing and "err" ones are not this operation; echoed routes answer something of their own.
SERVED = [
    e
    for e in EXCHANGES
    if e["variant"] == "checked"
    or (e["area"] in ("routing", "method") and e["variant"] == "echo" and e["status"] != 200)
]


def sent_target(exchange: dict[str, Any]) -> str:
    return f"/{exchange['path'].split('/', 2)[2]}"


@pytest.mark.parametrize("exchange", SERVED, ids=lambda e: f"{e['id']} {e['area']}")
def test_exchange(exchange: dict[str, Any], call: Callable[..., Client]) -> None:
    """A checking action's answer, byte for byte."""
    # The application that was run had the PATCH alone, and found inactive profiles.
    client = call(dialect="library", operations="patch", inactive="found")
    body = base64.b64decode(exchange.get("body_base64") or "") or (exchange["body"] or "").encode()
    headers = dict(exchange["headers"])
    content_type = headers.pop("Content-Type", None)
    status, answer_headers, content = client(
        body,
        target=sent_target(exchange),
        method=exchange["method"],
        content_type=content_type,
        **{name.replace("-", "_"): value for name, value in headers.items()},
    )
    wanted_type = exchange["response_headers"].get("Content-Type")
    encoding = "utf-16" if (wanted_type or "").endswith("utf-16") else "utf-8"
    wanted = exchange["response_body"].replace("http://localhost/echo", "http://localhost")
    assert (status, answer_headers.get("Content-Type")) == (exchange["status"], wanted_type)
    assert content.decode(encoding) == wanted
    assert answer_headers.get("Allow") == exchange["response_headers"].get("Allow")
