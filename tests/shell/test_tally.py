"""Incidents are counted where they stand, once each."""

from datetime import timedelta
from typing import Any

import pytest

from tests.support.builders import T0, UID, incident, incident_class
from watchbill.api.incident import Incident
from watchbill.api.incident_status import FrozenClass, IncidentStatus, Times
from watchbill.core import plan
from watchbill.shell.metrics import Metrics
from watchbill.shell.tally import Tally


@pytest.fixture
def tally(metrics: Metrics) -> Tally:
    return Tally(metrics)


def count(metrics: Metrics, phase: str, severity: str = "SEV-1") -> float:
    labels = {"namespace": "shop", "severity": severity, "phase": phase}
    return metrics.registry.get_sample_value("watchbill_incidents", labels) or 0


def raw_of(incident: Incident) -> dict[str, Any]:
    return incident.model_dump(mode="json", by_alias=True)


def status(phase: Any, frozen_class: FrozenClass | None = None, **times: Any) -> IncidentStatus:
    moments = Times(triggered_time=T0, **times)
    return IncidentStatus(phase=phase, severity="SEV-1", times=moments, frozen_class=frozen_class)


def test_an_incident_counts_once_however_often_it_is_seen(tally: Tally, metrics: Metrics):
    tally.severities = {"SEV-1"}
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


def test_a_severity_is_a_label_once_a_class_has_it_be_it_the_incidents_own(tally: Tally, metrics: Metrics):
    tally.seen(raw_of(incident()))
    assert (count(metrics, "Pending"), count(metrics, "Pending", "unknown")) == (0, 1)
    tally.severities = {"SEV-1"}
    tally.seen(raw_of(incident()))
    assert (count(metrics, "Pending"), count(metrics, "Pending", "unknown")) == (1, 0)
    tally.severities = ()
    frozen = plan.frozen_class(incident_class())
    tally.seen(raw_of(incident(status=status("Triggered", frozen_class=frozen))))
    assert count(metrics, "Triggered") == 1
    tally.written(incident(), status("Resolved", frozen_class=frozen))
    assert count(metrics, "Resolved") == 1
