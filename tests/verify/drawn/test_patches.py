"""What a seed draws is part of what it means: the same documents, whichever way the code that draws them is written."""

from __future__ import annotations

import hashlib
import json
from pathlib import Path
from random import Random

import pytest

from mockserver.package import shipped
from mockserver.verify.contract import load_contract
from mockserver.verify.drawn.patches import Documents
from mockserver.verify.model import PatchModel

PROFILE = json.loads((Path(__file__).parents[2] / "vectors" / "base_profile.json").read_text(encoding="utf-8"))
DRAWN = 300


@pytest.mark.parametrize(
    ("kind", "digest"),
    [("good", "18ff3d258a95f6bb"), ("refused", "481631b6680599cd"), ("odd", "12bdd047707894e7")],
)
def test_a_seed_draws_the_same_documents(kind: str, digest: str) -> None:
    """Three hundred documents of one seed, and the random number after them, held by a digest."""
    random = Random(20240501)
    documents = Documents(PatchModel(load_contract(shipped("contracts") / "openapi.yaml"), "vendor"), random)
    drawn = [getattr(documents, kind)(PROFILE) for _ in range(DRAWN)]
    text = json.dumps([drawn, random.random()])
    assert hashlib.sha256(text.encode()).hexdigest()[:16] == digest
