"""Incidents are counted where they stand, once each."""

from datetime import timedelta
from typing import Any

import pytest

from tests.support.builders import T0, UID, incident, incident_class
from watchbill.api.condition import Condition, ConditionStatus
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
        tally.told("Incident", raw_of(incident()))
    assert count(metrics, "Pending") == 1
    tally.written(incident(), status("Triggered"))
    assert (count(metrics, "Pending"), count(metrics, "Triggered")) == (0, 1)
    tally.gone(UID)
    tally.gone(UID)
    assert count(metrics, "Triggered") == 0


def test_a_drill_counts_nowhere(tally: Tally, metrics: Metrics):
    drill = incident(mode="Drill")
    tally.told("Incident", raw_of(drill))
    tally.written(drill, status("Acknowledged", acknowledged_time=T0 + timedelta(seconds=40)))
    assert count(metrics, "Acknowledged") == 0


def test_a_severity_is_a_label_once_a_class_has_it_be_it_the_incidents_own(tally: Tally, metrics: Metrics):
    tally.told("Incident", raw_of(incident()))
    assert (count(metrics, "Pending"), count(metrics, "Pending", "unknown")) == (0, 1)
    tally.severities = {"SEV-1"}
    tally.told("Incident", raw_of(incident()))
    assert (count(metrics, "Pending"), count(metrics, "Pending", "unknown")) == (1, 0)
    tally.severities = ()
    frozen = plan.frozen_class(incident_class())
    tally.told("Incident", raw_of(incident(status=status("Triggered", frozen_class=frozen))))
    assert count(metrics, "Triggered") == 1
    tally.written(incident(), status("Resolved", frozen_class=frozen))
    assert count(metrics, "Resolved") == 1


def unwell(metrics: Metrics) -> dict[tuple[str, str, str], float]:
    """How many objects are shown as unhealthy, by kind, condition and reason."""
    (family,) = metrics.unhealthy_objects.collect()
    found = {tuple(sample.labels[name] for name in LABELS): sample.value for sample in family.samples}
    return {(kind, type_, reason): count for (kind, type_, reason), count in found.items() if count}


LABELS = ("kind", "condition", "reason")
DEGRADED = ("Incident", "Degraded", "ConnectionFailing")


def degraded(phase: Any, reason: str = "ConnectionFailing") -> IncidentStatus:
    said: ConditionStatus = "False" if reason == "Delivering" else "True"
    condition = Condition(type="Degraded", status=said, reason=reason, last_transition_time=T0)
    return status(phase).model_copy(update={"conditions": (condition,)})


def test_an_incident_is_unhealthy_while_it_is_degraded_and_has_not_ended(tally: Tally, metrics: Metrics):
    for phase, reason, counted in [
        ("Triggered", "Delivering", {}),
        ("Triggered", "ConnectionFailing", {DEGRADED: 1}),
        ("Resolved", "ConnectionFailing", {DEGRADED: 1}),
        ("Triggered", "NobodyPaged", {("Incident", "Degraded", "NobodyPaged"): 1}),
        ("Closed", "ConnectionFailing", {}),
    ]:
        tally.written(incident(), degraded(phase, reason))
        assert unwell(metrics) == counted
        tally.gone(UID)
        tally.told("Incident", raw_of(incident(status=degraded(phase, reason))))
        assert unwell(metrics) == counted
    tally.told("Incident", raw_of(incident(status=degraded("Triggered"))))
    tally.told("Incident", raw_of(incident(mode="Drill", status=degraded("Triggered"))))
    assert unwell(metrics) == {}, "it has become a drill"


def test_what_is_not_ready_is_unhealthy_until_it_is_or_is_gone(tally: Tally, metrics: Metrics):
    def tell(uid: str, said: str, reason: str, kind: str = "Connection") -> None:
        conditions = [{"type": "Ready", "status": said, "reason": reason}]
        tally.told(kind, {"metadata": {"uid": uid}, "status": {"conditions": conditions}})

    tally.told("Connection", {"metadata": {"uid": "a"}})
    tell("a", "False", "SecretForbidden")
    tell("b", "False", "SecretForbidden")
    tell("c", "False", "a text of somebody's", "Runbook")
    tell("d", "True", "ResolvedRefs")
    forbidden, unknown = ("Connection", "Ready", "SecretForbidden"), ("Runbook", "Ready", "unknown")
    assert unwell(metrics) == {forbidden: 2, unknown: 1}
    tell("a", "True", "ResolvedRefs")
    tally.gone("c")
    assert unwell(metrics) == {forbidden: 1}
