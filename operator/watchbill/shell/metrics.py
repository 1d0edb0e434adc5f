"""Every metric of the operator, in one place; the reference documentation is generated from it.

Labels are bounded: kinds, verbs, codes, vendors, reasons, classes, severities, phases, namespaces.
No label ever holds an object's name, a user or a free text.
"""

import platform
from collections.abc import Iterable, Sequence

from prometheus_client import (
    CollectorRegistry,
    Counter,
    Gauge,
    Histogram,
    disable_created_metrics,
    generate_latest,
)

from watchbill.core.milestones import MILESTONES

PREFIX = "watchbill"

FAST = (0.001, 0.0025, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1, 2.5, 5, 10, 30)
"""Buckets in seconds for requests and reconciles."""

LATENESS = (0.05, 0.1, 0.25, 0.5, 1, 2, 5, 10, 20, 30, 60, 300, 1800)
"""Buckets in seconds for how late a page left."""

INCIDENT = (15, 30, 60, 120, 300, 600, 900, 1800, 3600, 7200, 14400, 43200, 86400, 259200, 604800)
"""Buckets in seconds for what people do: 15 seconds to seven days."""


STEP = (0.1, 0.5, 1, 2.5, 5, 10, 30, 60, 120, 300, 600, 1800, 3600, 14400, 86400)
"""Buckets in seconds for a step of a run: one request to one day."""


def started_at_zero(counter: Counter, values: Iterable[str]) -> None:
    """Show the counter's one label with each of these values before anything was counted.

    Prometheus sees no increase where a series begins with 1.
    """
    for value in values:
        counter.labels(value)


class Metrics:
    """The operator's metrics, in a registry of their own."""

    def __init__(self, version: str = "", revision: str = "") -> None:
        # The time at which a series was born is three more series for each histogram.
        disable_created_metrics()  # type: ignore[no-untyped-call]  # it has no types
        self.registry = CollectorRegistry()
        self._add_loop()
        self._add_kubernetes()
        self._add_notifications()
        self._add_incidents()
        self._add_runs()
        self._add_watchers()
        self.build_info = self._gauge(
            "build_info", "What is running; always 1.", ["version", "revision", "python"]
        )
        self.build_info.labels(version, revision, platform.python_version()).set(1)

    def render(self) -> bytes:
        """The text that Prometheus scrapes."""
        return generate_latest(self.registry)

    def _add_loop(self) -> None:
        self.reconcile = self._counter("reconcile", "Reconciles.", ["controller", "result"])
        self.reconcile_errors = self._counter("reconcile_errors", "Reconciles that raised.", ["controller"])
        self.reconcile_time = self._histogram(
            "reconcile_time_seconds", "How long one reconcile took.", ["controller"], FAST
        )
        self.active_workers = self._gauge("active_workers", "Reconciles under way.")
        self.max_concurrent_reconciles = self._gauge(
            "max_concurrent_reconciles", "Reconciles that may be under way at once."
        )
        self.queue_depth = self._gauge("queue_depth", "Keys that wait for a worker.")
        self.queue_duration = self._histogram(
            "queue_duration_seconds", "How long a key waited for a worker.", [], FAST
        )
        self.unhealthy_objects = self._gauge(
            "unhealthy_objects",
            "Objects that are not Ready, and live incidents that are Degraded and have not ended for good.",
            ["kind", "condition", "reason"],
        )
        self.leader = self._gauge("leader", "1 where this process holds the lease.", ["name"])
        self.clock_skew = self._gauge(
            "clock_skew_seconds", "By how much the API server's clock is ahead of this process's."
        )

    def _add_kubernetes(self) -> None:
        self.kube_requests = self._counter(
            "kube_requests", "Requests to the API server.", ["verb", "resource", "code"]
        )
        self.kube_request_duration = self._histogram(
            "kube_request_duration_seconds",
            "How long the API server took to answer.",
            ["verb", "resource"],
            FAST,
        )
        self.watch_restarts = self._counter("watch_restarts", "Times that the watch ended and was restarted.")
        self.watch_missed = self._counter(
            "watch_missed", "Changes that the resync found and the watch had not told.", ["kind"]
        )
        self.kube_events_dropped = self._counter(
            "kube_events_dropped", "Kubernetes Events that were not written.", ["reason"]
        )

    def _add_notifications(self) -> None:
        integration = ["integration"]
        self.notifications = self._counter("notifications", "Attempts to notify.", integration)
        self.notifications_failed = self._counter(
            "notifications_failed", "Attempts to notify that failed.", ["integration", "reason"]
        )
        self.notification_retries = self._counter(
            "notification_retries", "Attempts to notify after the first.", integration
        )
        self.notification_latency = self._histogram(
            "notification_latency_seconds", "How long a vendor took to answer.", integration, FAST
        )
        self.send_wait = self._histogram(
            "send_wait_seconds",
            "How long a send waited for its turn, which the rate of its connection gives; one whose turn did "
            "not come in time too.",
            integration,
            FAST,
        )
        self.circuit_open = self._gauge(
            "circuit_open", "1 while a vendor is not tried because it keeps failing.", integration
        )
        self.escalation_step_delay = self._histogram(
            "escalation_step_delay_seconds",
            "From when a page was due until a vendor accepted it; a test page too. `hop` is `first`, or "
            "`fallback` where others had failed.",
            ["integration", "hop"],
            LATENESS,
        )

    def _add_incidents(self) -> None:
        self.incidents = self._gauge(
            "incidents", "Incidents by where they stand.", ["namespace", "severity", "phase"]
        )
        labels = ["class", "severity"]
        self.time_to_acknowledge = self._histogram(
            "incident_time_to_acknowledge_seconds",
            "From when an incident was created until somebody first acknowledged it.",
            labels,
            INCIDENT,
        )
        self.time_to_mitigate = self._histogram(
            "incident_time_to_mitigate_seconds",
            "From when an incident was created until its harm was first said to have stopped.",
            labels,
            INCIDENT,
        )
        self.time_to_resolve = self._histogram(
            "incident_time_to_resolve_seconds",
            "From when an incident was created until it was first resolved.",
            labels,
            INCIDENT,
        )
        self.milestones = dict(
            zip(
                MILESTONES,
                (self.time_to_acknowledge, self.time_to_mitigate, self.time_to_resolve),
                strict=True,
            )
        )
        self.incidents_reopened = self._counter(
            "incidents_reopened", "Times that an incident was reopened.", labels
        )

    def _add_runs(self) -> None:
        self.runbook_runs = self._gauge(
            "runbook_runs", "Runs of runbooks that have not ended, by where they stand.", ["phase"]
        )
        self.runbook_runs_ended = self._counter(
            "runbook_runs_ended", "Runs of runbooks that have ended, by how.", ["result"]
        )
        self.runbook_step_duration = self._histogram(
            "runbook_step_duration_seconds",
            "From when a step first acted, or its turn came, until it ended.",
            ["kind", "result"],
            STEP,
        )
        self.runbook_steps_blocked = self._counter(
            "runbook_steps_blocked", "Times that something held up the next step of a run.", ["reason"]
        )

    def _add_watchers(self) -> None:
        self.overdue_actions = self._gauge(
            "overdue_actions",
            "Incidents with a page, or the telling of an end, that is overdue by more than a minute; for "
            "`reconcile`, objects that no look has brought up to date in that time.",
            ["action"],
        )
        self.last_resort_incidents = self._gauge(
            "last_resort_incidents", "Open incidents for which the operator's own last resort alone is left."
        )
        self.heartbeats = self._counter("heartbeats", "Heartbeats, by whether they arrived.", ["result"])
        self.heartbeat_silent = self._gauge(
            "heartbeat_silent", "1 while no heartbeat is sent for this reason.", ["reason"]
        )
        self.heartbeat_last_success = self._gauge(
            "heartbeat_last_success_timestamp_seconds", "When the last heartbeat arrived; 0 for never."
        )
        self.test_pages = self._counter("test_pages", "Scheduled test pages, by how they ended.", ["result"])
        self.test_page_last_success = self._gauge(
            "test_page_last_success_timestamp_seconds",
            "When the last scheduled test page was accepted and resolved; 0 for never.",
        )

    def _counter(self, name: str, text: str, labels: Sequence[str] = ()) -> Counter:
        return Counter(name, text, labels, namespace=PREFIX, registry=self.registry)

    def _gauge(self, name: str, text: str, labels: Sequence[str] = ()) -> Gauge:
        return Gauge(name, text, labels, namespace=PREFIX, registry=self.registry)

    def _histogram(self, name: str, text: str, labels: Sequence[str], buckets: Sequence[float]) -> Histogram:
        return Histogram(name, text, labels, namespace=PREFIX, registry=self.registry, buckets=buckets)
