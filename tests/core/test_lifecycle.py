"""The table of legal phase transitions, and the phase that conditions amount to."""

import itertools
from typing import get_args

import pytest

from tests.support.builders import T0, incident_class
from tests.support.play import ACKNOWLEDGED, begun, condition, passed, phase, said
from watchbill.api.condition import Condition
from watchbill.api.incident_status import IncidentStatus, Phase
from watchbill.api.reasons import IncidentCondition as Type
from watchbill.api.reasons import Reason
from watchbill.core.lifecycle import FACTS, OPEN, TERMINAL, TRANSITIONS, Trigger, mermaid, phase_of, target

PHASES: tuple[Phase, ...] = get_args(Phase)
PAIRS = list(itertools.product(PHASES, Trigger))

LEGAL = {
    ("Pending", Trigger.PLANNED): "Triggered",
    ("Pending", Trigger.ACKNOWLEDGED): "Acknowledged",
    ("Pending", Trigger.MITIGATED): "Mitigated",
    ("Pending", Trigger.MARKED): "Mitigated",
    ("Pending", Trigger.RESOLVED): "Resolved",
    ("Pending", Trigger.CANCELLED): "Cancelled",
    ("Triggered", Trigger.ACKNOWLEDGED): "Acknowledged",
    ("Triggered", Trigger.MITIGATED): "Mitigated",
    ("Triggered", Trigger.MARKED): "Mitigated",
    ("Triggered", Trigger.RESOLVED): "Resolved",
    ("Triggered", Trigger.CANCELLED): "Cancelled",
    ("Acknowledged", Trigger.EXPIRED): "Triggered",
    ("Acknowledged", Trigger.WITHDRAWN): "Triggered",
    ("Acknowledged", Trigger.MITIGATED): "Mitigated",
    ("Acknowledged", Trigger.MARKED): "Mitigated",
    ("Acknowledged", Trigger.RESOLVED): "Resolved",
    ("Acknowledged", Trigger.CANCELLED): "Cancelled",
    ("Mitigated", Trigger.REOPENED): "Acknowledged",
    ("Mitigated", Trigger.RESOLVED): "Resolved",
    ("Mitigated", Trigger.CANCELLED): "Cancelled",
    ("Resolved", Trigger.REOPENED): "Triggered",
    ("Resolved", Trigger.WINDOW_OVER): "Closed",
}


@pytest.mark.parametrize(
    ("before", "trigger"),
    PAIRS,
    ids=[f"{phase} when {trigger}" for phase, trigger in PAIRS],
)
def test_the_phase_moves_as_the_table_says_and_no_other_way(before, trigger):
    assert target(before, trigger) == LEGAL.get((before, trigger))


def test_every_phase_is_either_open_or_resolved_or_terminal():
    assert sorted((*OPEN, "Resolved", *TERMINAL)) == sorted(PHASES)
    assert not {phase for row in TRANSITIONS for phase in row.sources}.intersection(TERMINAL)


@pytest.mark.parametrize("entered", FACTS)
def test_the_conditions_of_a_phase_amount_to_that_phase(entered):
    facts = {Type.ACCEPTED: True, **FACTS[entered]}
    reason = Reason.CANCELLED if entered == "Cancelled" else Reason.BY_PERSON
    found = [
        Condition(type=t, status="True" if s else "False", reason=reason, last_transition_time=T0)
        for t, s in facts.items()
    ]
    assert phase_of(found) == entered


def test_without_conditions_an_incident_is_pending():
    assert phase_of([]) == "Pending"


def test_the_diagram_has_an_arrow_for_every_move_and_an_end():
    lines = mermaid().splitlines()
    assert lines[:2] == ["stateDiagram-v2", "    [*] --> Pending: T1 created"]
    assert "    Mitigated --> Acknowledged: T9 state Open" in lines
    assert len(lines) == 2 + len(LEGAL) + len(TERMINAL)


@pytest.mark.parametrize(
    ("acts", "expected"),
    [
        pytest.param([], "Triggered", id="after creation"),
        pytest.param(["acknowledge"], "Acknowledged", id="after an acknowledgement"),
        pytest.param(["Mitigated"], "Mitigated", id="when mitigated at once"),
        pytest.param(["acknowledge", "Mitigated", "Open"], "Acknowledged", id="when the harm is back"),
        pytest.param(["Mitigated", "Resolved"], "Resolved", id="when resolved after it was mitigated"),
        pytest.param(["Resolved", "Open"], "Triggered", id="when reopened from Resolved"),
        pytest.param(["Cancelled"], "Cancelled", id="when cancelled"),
        pytest.param(["Cancelled", "Open"], "Cancelled", id="when cancelled, whatever is said later"),
        pytest.param(["Resolved", "wait", "Open"], "Closed", id="when the reopen window is over"),
    ],
)
def test_an_incident_is(acts, expected):
    incident = begun(spec={"severity": "SEV-3"})
    for number, act in enumerate(acts):
        if act == "acknowledge":
            incident.change(**ACKNOWLEDGED)
        elif act == "wait":
            passed(incident, "1h")
        else:
            said(incident, act, f"reason {number}")
    assert phase(incident) == expected == phase_of(incident.status.conditions)


def test_an_incident_without_a_class_is_pending_and_goes_on_when_the_class_appears():
    incident = begun(incident_class=None)
    assert phase(incident) == "Pending"
    assert condition(incident, "Accepted").reason == "ClassNotFound"
    incident.alter(incident_class=incident_class())
    assert phase(incident) == "Triggered"
    assert condition(incident, "Accepted").status == "True"


def test_an_incident_that_was_acknowledged_without_a_class_stays_acknowledged_when_the_class_appears():
    incident = begun(incident_class=None)
    incident.change(**ACKNOWLEDGED)
    assert phase(incident) == "Acknowledged"
    incident.alter(incident_class=incident_class())
    assert (phase(incident), incident.sent) == ("Acknowledged", [])


@pytest.mark.parametrize("state", ["Acknowledged", "Mitigated", "Resolved"])
def test_a_phase_that_another_version_wrote_is_told_by_the_conditions(state):
    incident = begun()
    if state == "Acknowledged":
        incident.change(**ACKNOWLEDGED)
    else:
        said(incident, state)
    sent = len(incident.sent)
    incident.stored = IncidentStatus.model_validate(incident.stored.to_json() | {"phase": "Mobilizing"})
    assert incident.stored.phase is None
    incident.start()
    assert (phase(incident), len(incident.sent)) == (state, sent)
