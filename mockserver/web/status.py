"""Health, readiness, version, settings, metrics and the served contract."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import asdict
from pathlib import Path
from typing import Any

from flask import Blueprint, Response
from prometheus_client import CollectorRegistry
from prometheus_client.core import CounterMetricFamily, GaugeMetricFamily, HistogramMetricFamily, Metric
from prometheus_client.exposition import CONTENT_TYPE_LATEST, generate_latest

from mockserver import __version__
from mockserver.errors import StoreUnavailable
from mockserver.service.assembly import Mock
from mockserver.service.metrics import BUCKETS_S
from mockserver.settings import FIELDS, without_password
from mockserver.state.clock import system_now
from mockserver.web.guard import json_response


def register(admin: Blueprint, mock: Mock) -> None:
    """Add the routes."""
    _liveness(admin, mock)
    _readiness(admin, mock)
    _facts(admin, mock)
    _metrics(admin, mock)


def _liveness(admin: Blueprint, mock: Mock) -> None:
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


def _readiness(admin: Blueprint, mock: Mock) -> None:
    @admin.get("/__admin/ready")
    @admin.get("/ready")
    def ready() -> Response:
        """Tell whether the server can answer: 503 while a shared store is away."""
        try:
            mock.worlds.check()
        except StoreUnavailable as away:
            return json_response({"ready": False, "error": away.why, "hint": away.hint, "reason": away.rule}, 503)
        return json_response({"ready": True})


def _facts(admin: Blueprint, mock: Mock) -> None:
    @admin.get("/__admin/version")
    def version() -> Response:
        """Show the server's version."""
        return json_response({"version": __version__})

    @admin.get("/__admin/settings")
    def settings() -> Response:
        """Show the settings in force, a secret one only as set or not set."""
        return json_response(shown_settings(mock))

    @admin.get("/openapi.json")
    def contract() -> Response:
        """Show the contract of the vendor's API that the server keeps."""
        return json_response(mock.contract)


def _metrics(admin: Blueprint, mock: Mock) -> None:
    registry = CollectorRegistry()
    registry.register(_Collector(mock))

    @admin.get("/metrics")
    def metrics() -> Response:
        """Count answers, faults, worlds and journal entries for Prometheus."""
        return Response(generate_latest(registry), content_type=CONTENT_TYPE_LATEST)


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


class _Collector:
    """Reads the plain counters when Prometheus asks."""

    def __init__(self, mock: Mock) -> None:
        self.mock = mock

    def collect(self) -> Iterable[Metric]:
        metrics = self.mock.metrics
        requests = CounterMetricFamily(
            "mockserver_requests", "Answers by status and reason", labels=["status", "reason"]
        )
        for (status, reason), number in metrics.requests.copy().items():
            requests.add_metric([str(status), reason], number)
        faults = CounterMetricFamily("mockserver_faults", "Faults that struck, by rule", labels=["rule"])
        for rule, number in metrics.faults.copy().items():
            faults.add_metric([rule], number)
        yield from (requests, faults, *self._worlds(), self._histogram())

    def _worlds(self) -> Iterable[Metric]:
        worlds = self.mock.worlds
        every = worlds.all()
        entries = sum(len(world.journal) for world in every)
        size = sum(world.journal.bytes_used for world in every)
        yield CounterMetricFamily("mockserver_world_evictions", "Worlds that were evicted", value=worlds.evictions)
        yield GaugeMetricFamily("mockserver_worlds", "Worlds that exist", value=len(every))
        yield GaugeMetricFamily("mockserver_journal_entries", "Requests that the journals hold", value=entries)
        yield GaugeMetricFamily("mockserver_journal_bytes", "Bytes that the journals hold", value=size)

    def _histogram(self) -> Metric:
        metrics = self.mock.metrics
        family = HistogramMetricFamily("mockserver_request_seconds", "Time to answer, without planned delays")
        buckets, total = [], 0
        for bound, number in zip((*BUCKETS_S, float("inf")), list(metrics.buckets), strict=True):
            total += number
            buckets.append(("+Inf" if bound == float("inf") else str(bound), float(total)))
        family.add_metric([], buckets, metrics.seconds)
        return family
