"""Counts incidents for the metrics: how many stand where, and how long people took."""

from collections.abc import Callable
from datetime import datetime

from watchbill.api.incident import Incident
from watchbill.api.incident_status import IncidentStatus
from watchbill.shell.metrics import Metrics

Labels = tuple[str, str, str]


class Tally:
    """Keeps the gauges and histograms of incidents; drills and backfills are in none (F17)."""

    def __init__(self, metrics: Metrics) -> None:
        self._metrics = metrics
        self._labels: dict[str, Labels] = {}

    def seen(self, incident: Incident) -> None:
        """Count an incident as it stands in etcd."""
        self._count(incident, incident.status)

    def written(self, incident: Incident, status: IncidentStatus) -> None:
        """Count an incident whose status has just been written over the one that it carries."""
        self._count(incident, status)
        if incident.spec.mode != "Live":
            return
        old, new = incident.status.times, status.times
        if old.acknowledged_time is None:
            _observe(
                self._metrics.time_to_acknowledge.labels(status.severity).observe,
                new.triggered_time,
                new.acknowledged_time,
            )
        if old.resolved_time != new.resolved_time:
            resolved = self._metrics.time_to_resolve.labels(status.severity).observe
            _observe(resolved, new.triggered_time, new.resolved_time)

    def gone(self, uid: str) -> None:
        """Count an incident no more."""
        labels = self._labels.pop(uid, None)
        if labels is not None:
            self._metrics.incidents.labels(*labels).dec()

    def _count(self, incident: Incident, status: IncidentStatus) -> None:
        self.gone(incident.metadata.uid)
        if incident.spec.mode == "Live":
            namespace = incident.metadata.namespace or ""
            labels = (namespace, incident.spec.severity, status.phase or "Pending")
            self._labels[incident.metadata.uid] = labels
            self._metrics.incidents.labels(*labels).inc()


def _observe(observe: Callable[[float], object], since: datetime | None, until: datetime | None) -> None:
    if since is not None and until is not None:
        observe((until - since).total_seconds())
