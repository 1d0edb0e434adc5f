"""Counts incidents for the metrics: how many stand where, and how long people took."""

from collections.abc import Callable, Iterable
from datetime import datetime, timedelta

from watchbill.api.incident import Incident
from watchbill.api.incident_status import IncidentStatus
from watchbill.core.lifecycle import OPEN
from watchbill.shell.cache import Raw
from watchbill.shell.metrics import Metrics

OVERDUE = timedelta(seconds=60)

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


def overdue_incidents(incidents: Iterable[Raw], now: datetime) -> int:
    """How many open incidents have had a page due for over a minute that nothing has accepted."""
    return sum(_is_overdue(raw, now) for raw in incidents)


def _is_overdue(raw: Raw, now: datetime) -> bool:
    """Whether nobody was reached: also where there is no class or policy, or every connection failed."""
    status = raw.get("status") or {}
    escalation = status.get("escalation") or {}
    is_live = (raw.get("spec") or {}).get("mode", "Live") == "Live"
    is_open = status.get("phase", "Pending") in OPEN
    if not is_live or not is_open or escalation.get("state") in ("Stopped", "Snoozed"):
        return False
    pages = [page for page in status.get("pages", ()) if page.get("epoch") == escalation.get("epoch")]
    if any(page.get("state") in ("Accepted", "Acknowledged") for page in pages):
        # Somebody was reached; what is due now is the next level.
        return _is_past(escalation.get("nextTime", now.isoformat()), now)
    created = raw["metadata"]["creationTimestamp"]
    return _is_past(min((page["dueTime"] for page in pages if "dueTime" in page), default=created), now)


def _is_past(due: str, now: datetime) -> bool:
    """Whether a moment was over a minute ago; one that is none, in a status that nobody can read, was."""
    try:
        return now - datetime.fromisoformat(due) > OVERDUE
    except ValueError:
        return True


def _observe(observe: Callable[[float], object], since: datetime | None, until: datetime | None) -> None:
    if since is not None and until is not None:
        observe((until - since).total_seconds())
