"""A request, a fault, and whether it strikes."""

from __future__ import annotations

from mockserver.faults.rules import Effect, Facts, Fault, Hit, Match, Schedule

FACTS = Facts("ACME01", "importer", "CRM", "C-1", (("test", "/CustomerType"), ("replace", "/Emails/0/EmailAddress")))
ERROR = Effect(status=500)


def fault(
    schedule: Schedule | None = None, effect: Effect = ERROR, match: Match | None = None, name: str = "f"
) -> Fault:
    return Fault(name, match or Match(), effect, schedule or Schedule())


def struck(hits: list[Hit | None]) -> list[int]:
    return [hit.n for hit in hits if hit is not None]
