"""What Argo CD says of our kinds, in every state that they can be in."""

from typing import Any, get_args

import pytest

from tests.support.argocd import PREFIX, health, shipped
from watchbill.api.incident_status import Phase
from watchbill.api.kinds import KINDS
from watchbill.api.runbook_run_status import ENDED, RunPhase

pytestmark = [pytest.mark.feature("F63"), pytest.mark.convention(40)]

READY_KINDS = ("Connection", "EscalationPolicy", "IncidentClass", "Runbook", "IncidentUpdate")
DATA = shipped()
Json = dict[str, Any]


def ready(status: str, message: str = "as the operator put it") -> Json:
    return {"type": "Ready", "status": status, "reason": "Any", "message": message, "observedGeneration": 2}


OTHER = {"type": "Degraded", "status": "False", "reason": "Any", "message": "of something else"}
NOT_JUDGED = ("Progressing", "this generation has not been judged yet")
NO_CONDITION = ("Progressing", "it has no condition Ready yet")

STATES: dict[str, tuple[Json | None, tuple[str, str]]] = {
    "no status": (None, NOT_JUDGED),
    "an empty status": ({}, NOT_JUDGED),
    "a condition, and no observed generation": ({"conditions": [ready("True")]}, NOT_JUDGED),
    "ready for the generation before": ({"observedGeneration": 1, "conditions": [ready("True")]}, NOT_JUDGED),
    "not ready for the generation before": (
        {"observedGeneration": 1, "conditions": [ready("False")]},
        NOT_JUDGED,
    ),
    "judged, with no conditions": ({"observedGeneration": 2}, NO_CONDITION),
    "judged, with another condition": ({"observedGeneration": 2, "conditions": [OTHER]}, NO_CONDITION),
    "ready": (
        {"observedGeneration": 2, "conditions": [OTHER, ready("True")]},
        ("Healthy", "as the operator put it"),
    ),
    "not ready": (
        {"observedGeneration": 2, "conditions": [ready("False"), OTHER]},
        ("Degraded", "as the operator put it"),
    ),
    "not known to be ready": (
        {"observedGeneration": 2, "conditions": [ready("Unknown")]},
        ("Progressing", "as the operator put it"),
    ),
}


def thing(kind: str, status: Json | None) -> Json:
    made: Json = {"kind": kind, "metadata": {"name": "example", "generation": 2}, "spec": {}}
    return made if status is None else made | {"status": status}


@pytest.mark.parametrize("kind", READY_KINDS)
@pytest.mark.parametrize(("status", "said"), STATES.values(), ids=STATES)
def test_what_says_whether_it_is_ready_is_as_healthy_as_that(
    kind: str, status: Json | None, said: tuple[str, str]
):
    assert health(thing(kind, status), DATA) == said


@pytest.mark.parametrize("kind", ["EscalationPolicy", "Runbook"])
@pytest.mark.parametrize(
    ("suspend", "status", "health_status"),
    [
        (True, "True", "Suspended"),
        (False, "True", "Healthy"),
        (None, "True", "Healthy"),
        (True, "False", "Degraded"),
        (True, None, "Progressing"),
    ],
)
def test_what_is_suspended_is_so_and_hides_no_fault(
    kind: str, suspend: bool | None, status: str | None, health_status: str
):
    judged = {"observedGeneration": 2, "conditions": [ready(status)]} if status else None
    spec = {} if suspend is None else {"suspend": suspend}
    said = "as the operator put it" if judged else NOT_JUDGED[1]
    assert health(thing(kind, judged) | {"spec": spec}, DATA) == (health_status, said)


@pytest.mark.parametrize("phase", get_args(Phase))
def test_an_incident_is_healthy_in_every_phase_and_says_which(phase: str):
    assert health(thing("Incident", {"phase": phase}), DATA) == ("Healthy", phase)


@pytest.mark.parametrize("status", [None, {}])
def test_an_incident_that_nobody_has_seen_is_healthy(status: Json | None):
    assert health(thing("Incident", status), DATA) == ("Healthy", "not seen by the operator yet")


RUN_PHASES = get_args(get_args(RunPhase)[0])
ENDS = {"Succeeded": "Healthy", "Failed": "Degraded", "Undone": "Degraded", "Cancelled": "Degraded"}
WAITING = {"AwaitingApproval": "Suspended", "Blocked": "Suspended"}


@pytest.mark.parametrize("phase", RUN_PHASES)
def test_a_run_is_progressing_until_it_ends_suspended_while_it_waits_for_people_and_says_its_phase(
    phase: str,
):
    assert ENDS.keys() == set(ENDED)
    expected = (ENDS | WAITING).get(phase, "Progressing")
    assert health(thing("RunbookRun", {"phase": phase}), DATA) == (expected, phase)


def test_a_run_that_is_held_up_says_by_what():
    status = {"phase": "Blocked", "blockedMessage": "another run holds the lock"}
    assert health(thing("RunbookRun", status), DATA) == ("Suspended", "Blocked: another run holds the lock")


@pytest.mark.parametrize("status", [None, {}])
def test_a_run_that_nobody_has_seen_is_progressing(status: Json | None):
    assert health(thing("RunbookRun", status), DATA) == ("Progressing", "not seen by the operator yet")


def test_every_kind_has_a_script_and_there_is_no_other():
    assert {key.removeprefix(PREFIX) for key in DATA} == {kind.name for kind in KINDS}
