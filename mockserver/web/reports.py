"""Reports of `verify` and `drift` that were handed over: the newest few, in this process's memory."""

from __future__ import annotations

from collections import deque
from collections.abc import Mapping
from itertools import count
from typing import Any, Final

from flask import Blueprint, Response, request

from mockserver.state.clock import system_now
from mockserver.web.guard import AdminRefusal, body_json, json_response

MOST_BYTES: Final = 2 << 20
_KEPT: Final = 10
# The worst first, in the words of the report.
_VERDICTS: Final = ("broken", "inconclusive", "tolerated", "held", "not verifiable")


def register(admin: Blueprint) -> None:
    kept, numbers = deque[dict[str, Any]](maxlen=_KEPT), count(1)

    @admin.post("/__admin/reports")
    def keep_report() -> Response:
        """Keep a JSON report of verify or drift, as --report-to hands it over; the newest ten stay."""
        if (request.content_length or 0) > MOST_BYTES:
            raise AdminRefusal(413, "the report is too large", f"send at most {MOST_BYTES} bytes")
        document = body_json()
        row = {"id": str(next(numbers)), "at": system_now().isoformat(timespec="seconds"), **_facts(document)}
        kept.appendleft({"row": row, "document": document})
        return json_response({"id": row["id"]}, 201)

    @admin.get("/__admin/reports")
    def list_reports() -> Response:
        """List the reports that were handed over, the newest first."""
        return json_response([report["row"] for report in list(kept)])

    @admin.get("/__admin/reports/<report_id>")
    def read_report(report_id: str) -> Response:
        """Show one report as it was handed over."""
        for report in list(kept):
            if report["row"]["id"] == report_id:
                return json_response(report["document"])
        raise AdminRefusal(404, f"there is no report {report_id!r}", "GET /__admin/reports lists them")


def _facts(document: Mapping[str, Any]) -> dict[str, Any]:
    """Return kind, target, verdict and counts of a report; raise AdminRefusal for anything else."""
    if isinstance(document.get("cases"), list):
        counts = _numbers(document.get("verdicts"))
        known = {str(name).replace("-", " ").replace("_", " ") for name, number in counts.items() if number}
        verdict = next((word for word in _VERDICTS if word in known), "held")
        return {"kind": "verify", "target": _text(document.get("target")), "verdict": verdict, "counts": counts}
    if isinstance(document.get("findings"), list):
        target = f"{_text(document.get('left'))} and {_text(document.get('right'))}"
        verdict = {0: "no drift", 1: "drift"}.get(document.get("exit"), "inconclusive")  # type: ignore[arg-type]
        return {"kind": "drift", "target": target, "verdict": verdict, "counts": _numbers(document.get("counts"))}
    raise AdminRefusal(422, "this is no report", "send what verify --json or drift --json prints")


def _numbers(value: Any) -> dict[str, int]:
    rows = value.items() if isinstance(value, Mapping) else ()
    return {_text(name): number for name, number in rows if isinstance(number, int)}


def _text(value: Any) -> str:
    return str(value or "")[:200]
