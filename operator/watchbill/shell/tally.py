"""Counts for the metrics: how many incidents stand where, how long people took, and what is not well."""

from collections.abc import Collection, Iterable, Mapping
from typing import Any, NamedTuple

from watchbill.api.incident import Incident
from watchbill.api.incident_status import IncidentStatus
from watchbill.api.model import format_time
from watchbill.core.lifecycle import TERMINAL
from watchbill.core.milestones import REOPENED, UNKNOWN, Milestone, milestones
from watchbill.shell.cache import Raw
from watchbill.shell.metrics import Metrics
from watchbill.shell.unwell import Fact, Unwell, facts_in

Labels = tuple[str, str, str]
"""The namespace, the severity and the phase."""


class Place(NamedTuple):
    """Which incident is counted, and where it is."""

    uid: str
    namespace: str


class Tally:
    """Keeps the gauges and histograms of incidents; drills and backfills are in none (F17).

    Every replica counts where incidents stand. How long people took is measured by the process whose write
    recorded it, so that no restart and no other replica measures it again.
    """

    def __init__(self, metrics: Metrics) -> None:
        self._metrics = metrics
        self._unwell = Unwell(metrics)
        self._labels: dict[str, Labels] = {}
        self._same: dict[Labels, Labels] = {}
        """Each labels once: many incidents stand in one place."""
        self._owed: dict[str, tuple[Milestone, ...]] = {}
        """What a write on its way, or one whose answer was lost, has reached."""
        self.severities: Collection[str] = ()
        """The severities of all classes."""

    def told(self, kind: str, raw: Raw) -> None:
        """Count an object as it stands in etcd, be it that it cannot be read as one of its kind."""
        if kind == "Incident":
            self._seen(raw)
        else:
            self._unwell.note(kind, raw["metadata"]["uid"], facts_in(raw))

    def severity(self, uid: str) -> str | None:
        """The name of the severity of an incident; None where it is a drill, a backfill, or not known."""
        labels = self._labels.get(uid)
        return None if labels is None else labels[1]

    def writing(self, incident: Incident, status: IncidentStatus) -> None:
        """Take note that a status is about to be written over the one that the incident carries."""
        self._measure_read(incident, incident.status)
        if reached := tuple(milestones(incident, status)):
            self._owed[incident.metadata.uid] = reached

    def written(self, incident: Incident, status: IncidentStatus) -> None:
        """Count an incident whose status has just been written over the one that it carries."""
        place = Place(incident.metadata.uid, incident.metadata.namespace or "")
        frozen = status.frozen_class
        rows = (row.name for row in frozen.severities) if frozen is not None else ()
        severity = self._bounded(incident.spec.severity, rows)
        where, is_live = (severity, status.phase or "Pending"), incident.spec.mode == "Live"
        facts = (Fact(each.type, each.status, each.reason) for each in status.conditions)
        self._count(place, where, facts, is_live=is_live)
        self._measure_read(incident, status)

    def gone(self, uid: str) -> None:
        """Count an object no more."""
        self._owed.pop(uid, None)
        self._uncount(uid)

    def _seen(self, raw: Raw) -> None:
        spec, status = raw.get("spec") or {}, raw.get("status") or {}
        place = Place(raw["metadata"]["uid"], raw["metadata"].get("namespace", ""))
        rows = (row.get("name") for row in (status.get("class") or {}).get("severities") or ())
        severity = self._bounded(str(spec.get("severity", "")), rows)
        phase = str(status.get("phase") or "Pending")
        self._count(place, (severity, phase), facts_in(raw), is_live=spec.get("mode", "Live") == "Live")
        self._measure(place.uid, status.get("times") or {})

    def _bounded(self, severity: str, rows: Iterable[str]) -> str:
        """The severity where a class has it, be it the incident's own: people may write any."""
        return severity if severity in self.severities or severity in rows else UNKNOWN

    def _count(self, place: Place, where: tuple[str, str], facts: Iterable[Fact], *, is_live: bool) -> None:
        self._uncount(place.uid)
        if is_live:
            labels = (place.namespace, *where)
            self._labels[place.uid] = labels = self._same.setdefault(labels, labels)
            self._metrics.incidents.labels(*labels).inc()
            # What is wrong with one that has ended for good nobody will mend.
            if where[1] not in TERMINAL:
                self._unwell.note("Incident", place.uid, facts)

    def _uncount(self, uid: str) -> None:
        self._unwell.gone(uid)
        labels = self._labels.pop(uid, None)
        if labels is not None:
            self._metrics.incidents.labels(*labels).dec()

    def _measure_read(self, incident: Incident, status: IncidentStatus) -> None:
        if incident.metadata.uid in self._owed:
            self._measure(incident.metadata.uid, status.times.model_dump(mode="json", by_alias=True))

    def _measure(self, uid: str, times: Mapping[str, Any]) -> None:
        """Measure what is owed and stands in etcd as this process decided it; owe nothing any more."""
        for each in self._owed.pop(uid, ()):
            if times.get(f"{each.name}Time") != format_time(each.time):
                continue
            labels = each.incident_class, each.severity
            if each.name == REOPENED:
                self._metrics.incidents_reopened.labels(*labels).inc()
            else:
                self._metrics.milestones[each.name].labels(*labels).observe(each.seconds)
