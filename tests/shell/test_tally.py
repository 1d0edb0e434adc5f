"""Incidents are counted where they stand, once each."""

from datetime import timedelta
from typing import Any

import pytest

from tests.support.builders import T0, UID, incident
from watchbill.api.incident_status import IncidentStatus, Times
from watchbill.api.model import format_time
from watchbill.shell.cache import Raw
from watchbill.shell.metrics import Metrics
from watchbill.shell.tally import Tally, overdue_incidents


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


def status(phase: Any, **times: Any) -> IncidentStatus:
    return IncidentStatus(phase=phase, severity="SEV-1", times=Times(triggered_time=T0, **times))


def test_an_incident_counts_once_however_often_it_is_seen(tally: Tally, metrics: Metrics):
    for _ in range(3):
        tally.seen(incident())
    assert count(metrics, "Pending") == 1
    tally.written(incident(), status("Triggered"))
    assert (count(metrics, "Pending"), count(metrics, "Triggered")) == (0, 1)
    tally.gone(UID)
    tally.gone(UID)
    assert count(metrics, "Triggered") == 0


def test_a_drill_counts_nowhere(tally: Tally, metrics: Metrics):
    drill = incident(mode="Drill")
    tally.seen(drill)
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


def page(state: str, seconds: int = 61, epoch: int = 1) -> dict[str, Any]:
    return {"state": state, "dueTime": format_time(T0 - timedelta(seconds=seconds)), "epoch": epoch}


def raw(
    *pages: dict[str, Any],
    phase: str = "Triggered",
    state: str = "Waiting",
    mode: str = "Live",
    **escalation: str,
) -> Raw:
    return {
        "metadata": {"creationTimestamp": format_time(T0 - timedelta(seconds=61))},
        "spec": {"mode": mode},
        "status": {
            "phase": phase,
            "escalation": {"epoch": 1, "state": state} | escalation,
            "pages": list(pages),
        },
    }


@pytest.mark.parametrize(
    ("seen", "expected"),
    [
        pytest.param(raw(page("Pending")), 1, id="a page that is still on its way"),
        pytest.param(raw(page("Failed")), 1, id="a page that every connection refused"),
        pytest.param(raw(phase="Pending", state="Exhausted"), 1, id="an incident without class or policy"),
        pytest.param(
            {"metadata": raw()["metadata"], "spec": {}}, 1, id="an incident that nobody has looked at"
        ),
        pytest.param(raw(page("Accepted", epoch=0)), 1, id="pages of an earlier epoch do not count"),
        pytest.param(
            raw(page("Accepted"), nextTime=format_time(T0 - timedelta(seconds=61))), 1, id="the next level"
        ),
        pytest.param(raw(page("Accepted"), nextTime=format_time(T0)), 0, id="the next level has a minute"),
        pytest.param(raw(page("Accepted"), nextTime="0000-01-01T00:00:00Z"), 1, id="a time that is none"),
        pytest.param(raw({"epoch": 1}), 1, id="a page of which nothing can be read"),
        pytest.param(raw(page("Pending", 60)), 0, id="a page has a minute"),
        pytest.param(raw(page("Failed"), page("Accepted")), 0, id="one page that was accepted is enough"),
        pytest.param(raw(phase="Acknowledged", state="Stopped"), 0, id="somebody has it"),
        pytest.param(raw(page("Pending"), phase="Resolved"), 0, id="it is over"),
        pytest.param(raw(page("Pending"), state="Snoozed"), 0, id="somebody asked for silence"),
        pytest.param(raw(page("Pending"), mode="Drill"), 0, id="a drill"),
    ],
)
def test_an_incident_is_overdue_a_minute_after_its_page_was_due_and_nobody_was_reached(
    seen: Raw, expected: int
):
    assert overdue_incidents([seen], T0) == expected
