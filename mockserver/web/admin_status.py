"""Health, readiness, version, settings, metrics and the served contracts."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import asdict
from pathlib import Path
from typing import Any

from flask import Blueprint, Response, current_app
from prometheus_client import CollectorRegistry
from prometheus_client.core import CounterMetricFamily, GaugeMetricFamily, HistogramMetricFamily, Metric
from prometheus_client.exposition import CONTENT_TYPE_LATEST, generate_latest

from mockserver import __version__
from mockserver.assembly import Mock
from mockserver.errors import StoreUnavailable
from mockserver.metrics import BUCKETS_S
from mockserver.settings import FIELDS, without_password
from mockserver.store.clock import system_now
from mockserver.web.admin_guard import json_response


def register(admin: Blueprint, mock: Mock) -> None:
    """Add the routes."""
    registry = CollectorRegistry()
    registry.register(_Collector(mock))

    @admin.get("/__admin/health")
    def health() -> Response:
        now = system_now()
        uptime = round((now - mock.started_at).total_seconds(), 3)
        return json_response(
            {
                "status": "healthy",
                "message": "The mock server is running.",
                "version": __version__,
                "uptimeInSeconds": uptime,
                "timestamp": now.isoformat(),
            }
        )

    @admin.get("/__admin/ready")
    @admin.get("/ready")
    def ready() -> Response:
        try:
            mock.worlds.check()
        except StoreUnavailable as away:
            return json_response({"ready": False, "error": away.why, "hint": away.hint, "reason": away.rule}, 503)
        return json_response({"ready": True})

    @admin.get("/__admin/version")
    def version() -> Response:
        return json_response({"version": __version__})

    @admin.get("/__admin/settings")
    def settings() -> Response:
        return json_response(shown_settings(mock))

    @admin.get("/metrics")
    def metrics() -> Response:
        return Response(generate_latest(registry), content_type=CONTENT_TYPE_LATEST)

    @admin.get("/openapi.json")
    def contract() -> Response:
        return json_response(mock.contract)

    @admin.get("/__admin/openapi.json")
    def own_contract() -> Response:
        return json_response(admin_openapi())


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


def admin_openapi() -> dict[str, Any]:
    """Return an OpenAPI outline of the control surface, made from the routes themselves."""
    paths: dict[str, dict[str, Any]] = {}
    for rule in current_app.url_map.iter_rules():
        if not rule.endpoint.startswith("admin."):
            continue
        path = rule.rule.replace("<path:", "{").replace("<", "{").replace(">", "}")
        for method in sorted((rule.methods or set()) - {"HEAD", "OPTIONS"}):
            name = f"{method.lower()}_{path.strip('/').replace('/', '_').replace('{', '').replace('}', '')}"
            summary = rule.endpoint.rpartition(".")[2].replace("_", " ")
            paths.setdefault(path, {})[method.lower()] = {
                "operationId": name,
                "summary": summary,
                "parameters": [
                    {"name": argument, "in": "path", "required": True, "schema": {"type": "string"}}
                    for argument in sorted(rule.arguments)
                ],
                "responses": {"200": {"description": "Done."}, "default": {"description": "Refused, with the reason."}},
            }
    title = "Control surface of the MyPreferences mock server"
    return {"openapi": "3.1.0", "info": {"title": title, "version": __version__}, "paths": paths}


class _Collector:
    """Reads the plain counters when Prometheus asks."""

    def __init__(self, mock: Mock) -> None:
        self.mock = mock

    def collect(self) -> Iterable[Metric]:
        metrics, worlds = self.mock.metrics, self.mock.worlds
        requests = CounterMetricFamily(
            "mockserver_requests", "Answers by status and reason", labels=["status", "reason"]
        )
        for (status, reason), number in metrics.requests.copy().items():
            requests.add_metric([str(status), reason], number)
        faults = CounterMetricFamily("mockserver_faults", "Faults that struck, by rule", labels=["rule"])
        for rule, number in metrics.faults.copy().items():
            faults.add_metric([rule], number)
        evictions = CounterMetricFamily(
            "mockserver_world_evictions", "Worlds that were evicted", value=worlds.evictions
        )
        every = worlds.all()
        entries = sum(len(world.journal) for world in every)
        size = sum(world.journal.bytes_used for world in every)
        yield from (requests, faults, evictions)
        yield GaugeMetricFamily("mockserver_worlds", "Worlds that exist", value=len(every))
        yield GaugeMetricFamily("mockserver_journal_entries", "Requests that the journals hold", value=entries)
        yield GaugeMetricFamily("mockserver_journal_bytes", "Bytes that the journals hold", value=size)
        yield self._histogram()

    def _histogram(self) -> Metric:
        metrics = self.mock.metrics
        family = HistogramMetricFamily("mockserver_request_seconds", "Time to answer, without planned delays")
        buckets, total = [], 0
        for bound, number in zip((*BUCKETS_S, float("inf")), list(metrics.buckets), strict=True):
            total += number
            buckets.append(("+Inf" if bound == float("inf") else str(bound), float(total)))
        family.add_metric([], buckets, metrics.seconds)
        return family
