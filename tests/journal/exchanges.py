"""Exchanges for a journal: any, patches and refusals."""

from __future__ import annotations

from datetime import UTC, datetime
from itertools import count
from typing import Any

import orjson

from mockserver.errors import ApiError
from mockserver.journal.log import Exchange, Journal
from mockserver.profile.members import compile_members
from mockserver.service.assembly import load_contract
from mockserver.settings import Settings
from mockserver.story.story import Story

NOW = datetime(2024, 5, 1, 10, 0, 0, 250_000, tzinfo=UTC)
TARGET = "/ACME/Profile/AlternateIdType/CRM/AlternateId/C-1"
PROFILE = {
    "ProfileId": 1,
    "IsActive": True,
    "CustomerType": "Customer",
    "AlternateIds": [
        {"AlternateIdType": "CRM", "AlternateId": "C-1"},
        {"AlternateIdType": "Loyalty", "AlternateId": "42"},
    ],
    "Emails": [{"EmailAddress": "zoe@example.com", "IsActive": True}],
}
TREE = compile_members(load_contract(Settings().contract))
_numbers = count(1)


def exchange(**changes: Any) -> Exchange:
    """Return an exchange in which a patch was sent and nothing changed, but for what is named."""
    profile = orjson.dumps(PROFILE)
    usual: dict[str, Any] = {
        "id": f"{next(_numbers):08x}",
        "world": "default",
        "at": NOW,
        "duration_s": 0.0015,
        "method": "PATCH",
        "target": TARGET,
        "headers": (("host", "localhost:8080"), ("content-type", "application/json")),
        "body": b"[]",
        "status": 200,
        "answer_headers": (("Content-Type", "application/json; charset=utf-8"),),
        "answer_body": profile,
        "story": Story("patch-empty", None, ()),
        "user": "John.Doe",
        "fault": None,
        "before": profile,
        "after": profile,
        "key": ("ACME", "CRM", "C-1"),
        "operation": "patchProfileByAlternateId",
    }
    return Exchange(**{**usual, **changes})


def patch(operations: list[Any], after: dict[str, Any] | None = None, **changes: Any) -> Exchange:
    """Return an exchange in which a patch was applied; `after` names the members that it changed."""
    changed = {} if after is None else {"after": orjson.dumps({**PROFILE, **after})}
    # As the service does it: the story of a success holds no operations, they are read from the body again.
    story = Story("patch-applied" if after else "patch-changed-nothing")
    return exchange(**{"body": orjson.dumps(operations), "story": story, **changed, **changes})


def refusal(error: ApiError, operations: list[Any], **changes: Any) -> Exchange:
    """Return an exchange in which a patch was refused."""
    usual = {"status": error.status, "before": None, "after": None, "answer_body": b'{"Message":"no"}'}
    story = Story(error.rule, error, operations)
    return exchange(**{**usual, "body": orjson.dumps(operations), "story": story, **changes})


def journal_of(*exchanges: Exchange) -> Journal:
    journal = Journal(1000, 1 << 24)
    for one in exchanges:
        journal.append(one)
    return journal
