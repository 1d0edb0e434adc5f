"""Incidents are counted where they stand, once each."""

from datetime import timedelta
from typing import Any

import pytest

from tests.support.builders import T0, UID, incident
from watchbill.api.incident import Incident
from watchbill.api.incident_status import IncidentStatus, Times
from watchbill.shell.metrics import Metrics
from watchbill.shell.tally import Tally


@pytest.fixture
def tally(metrics: Metrics) -> Tally:
    return Tally(metrics)


def count(metrics: Metrics, phase: str, severity: str = "SEV-1") -> float:
    labels = {"namespace": "shop", "severity": severity, "phase": phase}
    return metrics.registry.get_sample_value("watchbill_incidents", labels) or 0


def observed(metrics: Metrics, what: str) -> tuple[float | None, float | None]:
    name, labels = f"watchbill_incident_time_to_{what}_seconds", {"severity": "SEV-1"}
    value = metrics.registry.get_sample_value
    return value(f"{name}_count", labels), value(f"{name}_sum", labels)


def raw_of(incident: Incident) -> dict[str, Any]:
    return incident.model_dump(mode="json", by_alias=True)


def status(phase: Any, **times: Any) -> IncidentStatus:
    return IncidentStatus(phase=phase, severity="SEV-1", times=Times(triggered_time=T0, **times))


def test_an_incident_counts_once_however_often_it_is_seen(tally: Tally, metrics: Metrics):
    for _ in range(3):
        tally.seen(raw_of(incident()))
    assert count(metrics, "Pending") == 1
    tally.written(incident(), status("Triggered"))
    assert (count(metrics, "Pending"), count(metrics, "Triggered")) == (0, 1)
    tally.gone(UID)
    tally.gone(UID)
    assert count(metrics, "Triggered") == 0


def test_a_drill_counts_nowhere(tally: Tally, metrics: Metrics):
    drill = incident(mode="Drill")
    tally.seen(raw_of(drill))
    tally.written(drill, status("Acknowledged", acknowledged_time=T0 + timedelta(seconds=40)))
    assert count(metrics, "Acknowledged") == 0
    assert observed(metrics, "acknowledge") == (None, None)


def test_the_first_acknowledgement_is_measured_once(tally: Tally, metrics: Metrics):
    taken = status("Acknowledged", acknowledged_time=T0 + timedelta(seconds=40))
    tally.written(incident(), status("Triggered"))
    tally.written(incident(status=status("Triggered")), taken)
    tally.written(incident(status=taken), taken)
    assert observed(metrics, "acknowledge") == (1, 40)


def test_each_resolution_is_measured(tally: Tally, metrics: Metrics):
    first = status("Resolved", resolved_time=T0 + timedelta(seconds=100))
    second = status("Resolved", resolved_time=T0 + timedelta(seconds=300))
    tally.written(incident(status=status("Triggered")), first)
    tally.written(incident(status=first), first)
    tally.written(incident(status=first), second)
    assert observed(metrics, "resolve") == (2, 400)
