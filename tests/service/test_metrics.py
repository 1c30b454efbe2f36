"""The counters: their labels come from bounded sets."""

from __future__ import annotations

from mockserver.service.metrics import MOST_FAULTS, OTHER_FAULTS, Metrics


def test_faults_beyond_the_first_hundred_share_a_label() -> None:
    """The control surface can name any number of them."""
    metrics = Metrics()
    for number in [*range(1000), 0]:
        metrics.observe(500, "fault-injected", 0.001, f"rule-{number}")
    assert len(metrics.faults) == MOST_FAULTS + 1
    assert (metrics.faults["rule-0"], metrics.faults[OTHER_FAULTS]) == (2, 1000 - MOST_FAULTS)
