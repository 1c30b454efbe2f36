"""Rules as sentences."""

from __future__ import annotations

import pytest

from mockserver.faults.sentence import sentence
from mockserver.faults.text import Known, from_text

SENTENCES = {
    "500": "Answers 500, and nothing is applied: all requests.",
    "503 p=0.3 after-commit": "Answers 503 after the patch was applied and saved: 30 % at random of the requests.",
    "reset every=5": "Resets the connection, and nothing is applied: each number 5 of the requests.",
    "500 first=1": "Answers 500, and nothing is applied: the first of the requests.",
    "delay=200..800": "Delays the answer by 200 to 800 ms: all requests.",
    "delay=50 403 first=2": (
        "Delays the answer by 50 ms and answers 403, and nothing is applied: the first 2 of the requests."
    ),
    "sequence=500,reset,ok": "Gives one after the other 500, reset, ok, and nothing is applied: all requests.",
    "drip at=1,4 times=2": "Sends the answer in small pieces: number 1, 4 of the requests (at most 2).",
    "500 operation=readTags client=acme01": (
        "Answers 500, and nothing is applied: all requests for the operation readTags to client acme01."
    ),
    "500 op=replace path=/Emails user=bob expires=30": (
        "Answers 500, and nothing is applied: all requests of user bob with replace at /Emails, for 30 s."
    ),
}


@pytest.mark.parametrize(("text", "said"), SENTENCES.items(), ids=SENTENCES)
def test_what_a_rule_does(text: str, said: str) -> None:
    """One sentence says effect, schedule and match."""
    assert sentence(from_text(text, known=Known())) == said
