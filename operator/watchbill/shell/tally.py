"""Counts incidents for the metrics: how many stand where, and how long people took."""

from collections.abc import Callable
from datetime import datetime
from typing import NamedTuple

from watchbill.api.incident import Incident
from watchbill.api.incident_status import IncidentStatus
from watchbill.shell.cache import Raw
from watchbill.shell.metrics import Metrics

Labels = tuple[str, str, str]
"""The namespace, the severity and the phase."""


class Place(NamedTuple):
    """Which incident is counted, and where it is."""

    uid: str
    namespace: str


class Tally:
    """Keeps the gauges and histograms of incidents; drills and backfills are in none (F17)."""

    def __init__(self, metrics: Metrics) -> None:
        self._metrics = metrics
        self._labels: dict[str, Labels] = {}

    def seen(self, raw: Raw) -> None:
        """Count an incident as it stands in etcd, be it that it cannot be read as one."""
        spec, status = raw.get("spec") or {}, raw.get("status") or {}
        place = Place(raw["metadata"]["uid"], raw["metadata"].get("namespace", ""))
        severity, phase = str(spec.get("severity", "")), str(status.get("phase") or "Pending")
        self._count(place, (severity, phase), is_live=spec.get("mode", "Live") == "Live")

    def severity(self, uid: str) -> str | None:
        """The name of the severity of an incident; None where it is a drill, a backfill, or not known."""
        labels = self._labels.get(uid)
        return None if labels is None else labels[1]

    def written(self, incident: Incident, status: IncidentStatus) -> None:
        """Count an incident whose status has just been written over the one that it carries."""
        place = Place(incident.metadata.uid, incident.metadata.namespace or "")
        is_live = incident.spec.mode == "Live"
        self._count(place, (incident.spec.severity, status.phase or "Pending"), is_live=is_live)
        if not is_live:
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

    def _count(self, place: Place, where: tuple[str, str], *, is_live: bool) -> None:
        self.gone(place.uid)
        if is_live:
            labels = self._labels[place.uid] = (place.namespace, *where)
            self._metrics.incidents.labels(*labels).inc()


def _observe(observe: Callable[[float], object], since: datetime | None, until: datetime | None) -> None:
    if since is not None and until is not None:
        observe((until - since).total_seconds())
