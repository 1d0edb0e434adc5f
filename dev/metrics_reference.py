"""The reference of the metrics, made from the one place where they are declared."""

from collections.abc import Iterator

from prometheus_client.metrics import MetricWrapperBase

from dev.reference import table
from watchbill.shell.metrics import Metrics

METRICS = "docs/reference/metrics.md"

INTRODUCTION = """# Metrics

Served at `/metrics` of the address that `watchbill run --health-address` names, `:8081` by default. Made by
`make generate` from `operator/watchbill/shell/metrics.py`.

Each replica counts what it does itself. Only the one whose `watchbill_leader` is 1 pages; the gauges
`watchbill_incidents` and `watchbill_runbook_runs` are the same on all: take their maximum, not their sum. No
label holds the name of an incident or a runbook, a user or a free text. A severity that no class has is
`unknown`.

How long people took is measured once for each incident: by whom, and what a reopening means, says
[decision 26](../decisions/0026-measured-once.md). No metric of incidents counts
drills and incidents of the past.
"""

ALERTS = """
## What to alert on

| where | means |
|---|---|
| `max(watchbill_leader) < 1` for 1 min | nobody pages |
| `max(watchbill_overdue_actions) > 0` | nobody was reached, or more is overdue: see `ActionOverdue` |
| `max(watchbill_last_resort_incidents) > 0` | an incident has no policy that reaches anybody |
| `time() - max(watchbill_heartbeat_last_success_timestamp_seconds) > 180` | no heartbeat arrives |
| `time() - max(watchbill_test_page_last_success_timestamp_seconds) > 90000` | no daily test page came |
| `increase(watchbill_runbook_runs_ended_total{result="Failed"}[15m]) > 0` | a run has failed: look at it |
| `max(watchbill_runbook_runs{phase="Blocked"}) > 0` for 15 min | something holds a run up, and it says what |
| `rate(watchbill_notifications_failed_total[5m]) > 0` | a vendor refuses, or does not answer |
| `watchbill_circuit_open > 0` | a vendor fails so often that it is left alone for 30 s at a time |
| `abs(watchbill_clock_skew_seconds) > 5` | a machine's clock is wrong |
| `rate(watchbill_reconcile_errors_total[5m]) > 0` | a fault of Watchbill: its log tells of it |
"""


def metrics_page() -> str:
    """The page: every metric with its type, its labels and its sentence, in the order of their names."""
    return INTRODUCTION + "\n" + table(("metric", "type", "labels", "what it says"), sorted(_rows())) + ALERTS


def _rows() -> Iterator[tuple[str, str, str, str]]:
    for metric in vars(Metrics()).values():
        if isinstance(metric, MetricWrapperBase):
            (family,) = metric.describe()
            name = family.name + ("_total" if family.type == "counter" else "")
            labels = ", ".join(f"`{label}`" for label in metric._labelnames)
            yield f"`{name}`", family.type, labels, family.documentation
