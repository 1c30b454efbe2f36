"""contracts/signature-vectors.json: both signers write its headers, and the server judges them as it says."""

from __future__ import annotations

import json
from datetime import datetime
from pathlib import Path
from typing import Any

import pytest

from mockserver.auth.signing import REFUSALS, Client, User, sign
from mockserver.errors import Unauthorized
from mockserver.verify.authorization import authorization
from mockserver.verify.calls import Account
from tests.auth.verifying import signature_as_documented, verify

ROOT = Path(__file__).parents[2]
VECTORS = json.loads((ROOT / "contracts" / "signature-vectors.json").read_text(encoding="utf-8"))
NOW = datetime.fromisoformat(VECTORS["now"])


def judged(vector: dict[str, Any]) -> str:
    """Return the user whom the server lets in."""
    client = Client(vector["client"], {vector["user"]: User(vector["user"], (vector["key"],))})
    return verify(vector["header"], client=client, client_id=vector["client"], now=NOW).user_id


@pytest.mark.parametrize("vector", VECTORS["accepted"], ids=lambda vector: vector["id"])
def test_three_implementations_write_the_header(vector: dict[str, Any]) -> None:
    """The package's, the verifying side's own, and one by RFC 2104; the server accepts it."""
    names = ("client", "user", "key", "timestamp", "algorithm")
    client, user, key, timestamp, algorithm = (vector[name] for name in names)
    assert sign(client, user, key, timestamp, algorithm=algorithm) == vector["header"]
    how = {"timestamp": timestamp, "scheme": f"PNAUTHINFO3-HMAC-{algorithm}"}
    assert authorization(Account(client, user, key), client, NOW, how) == vector["header"]
    assert vector["header"].endswith(f"Signature={signature_as_documented(client, user, key, timestamp, algorithm)}")
    assert judged(vector) == vector["user"]


@pytest.mark.parametrize("vector", VECTORS["refused"], ids=lambda vector: vector["id"])
def test_a_wrong_header_is_refused_for_its_reason(vector: dict[str, Any]) -> None:
    with pytest.raises(Unauthorized) as refusal:
        judged(vector)
    assert (refusal.value.rule, refusal.value.message) == (vector["reason"], vector["message"])


def test_every_reason_that_a_header_alone_can_give_has_a_vector() -> None:
    reasons = {vector["reason"] for vector in VECTORS["refused"]}
    assert reasons == set(REFUSALS) - {"auth-client-unknown", "auth-unkeyed-refused"}
