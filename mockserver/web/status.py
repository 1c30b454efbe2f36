"""Health, readiness, version, settings, metrics and the served contract."""

from __future__ import annotations

from dataclasses import asdict
from pathlib import Path
from typing import Any

from flask import Blueprint, Response

from mockserver import __version__
from mockserver.errors import StoreUnavailable
from mockserver.service.assembly import Mock, sign_command
from mockserver.service.reload import Reload
from mockserver.settings import FIELDS, without_password
from mockserver.state.clock import system_now
from mockserver.web.guard import json_response


def register(admin: Blueprint, mock: Mock, reload: Reload) -> None:
    _health(admin, mock)
    _facts(admin, mock, reload)


def _health(admin: Blueprint, mock: Mock) -> None:
    @admin.get("/__admin/health")
    def health() -> Response:
        """Tell that the server runs, and since when."""
        now = system_now()
        told = {
            "status": "healthy",
            "message": "The mock server is running.",
            "version": __version__,
            "uptimeInSeconds": round((now - mock.started_at).total_seconds(), 3),
            "timestamp": now.isoformat(),
        }
        return json_response(told)

    @admin.get("/__admin/ready")
    @admin.get("/ready")
    def ready() -> Response:
        """Tell whether the server can answer: 503 while a shared store is away."""
        try:
            mock.worlds.check()
        except StoreUnavailable as away:
            return json_response({"ready": False, "error": away.why, "hint": away.hint, "reason": away.rule}, 503)
        return json_response({"ready": True})

    @admin.get("/metrics")
    def metrics() -> Response:
        """Count answers, faults, worlds and journal entries for Prometheus."""
        # Imported here: few runs are scraped, and every first use of the control surface would wait for it.
        from mockserver.web.metrics import CONTENT_TYPE, exposition

        return Response(exposition(mock), content_type=CONTENT_TYPE)


def _facts(admin: Blueprint, mock: Mock, reload: Reload) -> None:
    @admin.get("/__admin/version")
    def version() -> Response:
        """Show which server this is, its version, and what came of reading the fixtures again."""
        last = reload.last.json() if reload.last else None
        again = {"watching": reload.watching, "last": last}
        told = {"server": "mypreferences-mockserver", "version": __version__, "sign": sign_command(mock.settings)}
        return json_response({**told, "reload": again})

    @admin.get("/__admin/settings")
    def settings() -> Response:
        """Show the settings in force, a secret one only as set or not set."""
        return json_response(shown_settings(mock))

    @admin.get("/openapi.json")
    def contract() -> Response:
        """Show the contract of the vendor's API that the server keeps."""
        return json_response(mock.contract)

    @admin.post("/__admin/reload")
    def read_again() -> Response:
        """Read fixtures and settings again, all or nothing; what a world changed itself stays."""
        outcome = reload.run()
        return json_response(outcome.json(), 422 if outcome.problems else 200)


def shown_settings(mock: Mock) -> dict[str, Any]:
    """Return the settings in force; a secret one only as set or not set."""
    rows = asdict(mock.settings)
    rows["store"] = without_password(mock.settings.store)
    return {
        name: ("set" if value else "not set") if FIELDS[name].metadata.get("secret") else _plain(value)
        for name, value in rows.items()
    }


def _plain(value: Any) -> Any:
    if isinstance(value, Path):
        return str(value)
    return list(value) if isinstance(value, tuple) else value
