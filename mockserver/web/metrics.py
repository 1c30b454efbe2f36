"""The running server's counters as Prometheus reads them."""

from __future__ import annotations

from collections.abc import Iterable

from prometheus_client.core import CounterMetricFamily, GaugeMetricFamily, HistogramMetricFamily, Metric
from prometheus_client.exposition import CONTENT_TYPE_LATEST as CONTENT_TYPE
from prometheus_client.exposition import generate_latest
from prometheus_client.registry import Collector

from mockserver.service.assembly import Mock
from mockserver.service.metrics import BUCKETS_S

__all__ = ("CONTENT_TYPE", "exposition")


def exposition(mock: Mock) -> bytes:
    """Return every counter in Prometheus' text format."""
    return generate_latest(_Collector(mock))


class _Collector(Collector):
    """Reads the plain counters when Prometheus asks."""

    def __init__(self, mock: Mock) -> None:
        self.mock = mock

    def collect(self) -> Iterable[Metric]:
        metrics = self.mock.metrics
        labels = ["status", "reason", "operation"]
        requests = CounterMetricFamily("mockserver_requests", f"Answers by {', '.join(labels)}", labels=labels)
        for (status, reason, operation), number in metrics.requests.copy().items():
            requests.add_metric([str(status or "broken"), reason, operation], number)
        faults = CounterMetricFamily("mockserver_faults", "Faults that struck, by rule", labels=["rule"])
        for rule, number in metrics.faults.copy().items():
            faults.add_metric([rule], number)
        dropped = CounterMetricFamily(
            "mockserver_dropped_log_lines", "Log lines that nobody read in time", value=metrics.dropped_lines
        )
        bounds = CounterMetricFamily("mockserver_bound_refusals", "Refusals by a bound, by setting", labels=["bound"])
        for bound, number in metrics.bounds.copy().items():
            bounds.add_metric([bound], number)
        yield from (requests, faults, dropped, bounds, *self._worlds(), self._histogram())

    def _worlds(self) -> Iterable[Metric]:
        worlds = self.mock.worlds
        every = worlds.all()
        entries = sum(len(world.journal) for world in every)
        size = sum(world.journal.bytes_used for world in every)
        yield CounterMetricFamily("mockserver_world_evictions", "Worlds that were evicted", value=worlds.evictions)
        yield GaugeMetricFamily("mockserver_worlds", "Worlds that exist", value=len(every))
        yield GaugeMetricFamily(
            "mockserver_content_bytes", "Bytes of changed profiles, snapshots and faults", value=worlds.content_bytes
        )
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
