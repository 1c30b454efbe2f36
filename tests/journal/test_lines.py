"""Requests as lines of a log."""

from __future__ import annotations

from mockserver.errors import BadRequest
from mockserver.faults.rules import Hit
from mockserver.journal.lines import LogLines
from tests.journal.exchanges import TREE, exchange, patch, refusal

REPLACE = {"op": "replace", "path": "/CustomerType", "value": "Prospect"}


def test_a_change_says_what_changed() -> None:
    """Time, id, world, user, profile, operations in short, answer, reason, members."""
    told = LogLines(TREE).text(patch([REPLACE], {"CustomerType": "Prospect"}, id="0000002a"))
    assert told == (
        "10:00:00.250 0000002a default John.Doe PATCH ACME/CRM/C-1 replace /CustomerType -> 200 patch-applied"
        ": changed /CustomerType"
    )


def test_a_sentence_is_said_once() -> None:
    """The second time its reason is enough; another place is another sentence."""
    lines = LogLines(TREE)
    refused = refusal(BadRequest("no", rule="path-member-unknown", operation=0, path="/CustomerTipe"), [REPLACE])
    assert "Did you mean /CustomerType?" in lines.text(refused)
    assert lines.text(refused).endswith("-> 400 path-member-unknown")
    other = refusal(BadRequest("no", rule="path-member-unknown", operation=0, path="/IsActiv"), [REPLACE])
    assert "Did you mean /IsActive?" in lines.text(other)


def test_a_broken_connection_and_a_clock_that_stands_still_are_told() -> None:
    """For both explain what nobody expects."""
    hit = Hit("reset-1", 3, None, None, "reset", "after", 0.0)
    told = LogLines(TREE).text(exchange(fault="reset-1#3", hit=hit, frozen=True))
    assert "-> connection reset patch-empty (fault reset-1#3, applied all the same) (clock frozen)" in told


def test_many_operations_are_cut_and_nothing_breaks_the_line() -> None:
    """Whatever was sent."""
    told = LogLines(TREE).text(patch([{"op": "test\n", "path": "/IsActive\x1b[31m"}] * 5))
    assert "and 2 more" in told
    assert told.isprintable()


def test_a_line_for_machines_only_gains_members() -> None:
    """Those of earlier versions keep their meaning."""
    row = LogLines(TREE).row(patch([REPLACE], {"CustomerType": "Prospect"}))
    assert {"method", "target", "status", "world", "reason", "provenance", "story", "ms"} < row.keys()
    assert (row["status"], row["changed"], row["ops"]) == (
        200,
        ["/CustomerType"],
        [{"op": "replace", "path": "/CustomerType"}],
    )
