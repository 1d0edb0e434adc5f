"""What Argo CD says of our kinds, in every state that they can be in."""

from typing import Any, get_args

import pytest
import yaml

from tests.architecture.sources import ROOT
from tests.support.argocd import PREFIX, health, shipped
from watchbill.api.incident_status import Phase

pytestmark = pytest.mark.feature("F63")

GIT_KINDS = ("Connection", "EscalationPolicy", "IncidentClass", "Runbook")
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


@pytest.mark.parametrize("kind", GIT_KINDS)
@pytest.mark.parametrize(("status", "said"), STATES.values(), ids=STATES)
def test_what_git_owns_is_as_healthy_as_it_is_ready(kind: str, status: Json | None, said: tuple[str, str]):
    assert health(thing(kind, status), DATA) == said


@pytest.mark.parametrize("phase", get_args(Phase))
def test_an_incident_is_healthy_in_every_phase_and_says_which(phase: str):
    assert health(thing("Incident", {"phase": phase}), DATA) == ("Healthy", phase)


@pytest.mark.parametrize("status", [None, {}])
def test_an_incident_that_nobody_has_seen_is_healthy(status: Json | None):
    assert health(thing("Incident", status), DATA) == ("Healthy", "not seen by the operator yet")


def test_every_kind_with_a_script_is_one_of_ours_and_none_that_git_owns_is_left_out():
    crds = [yaml.safe_load(path.read_text(encoding="utf-8")) for path in (ROOT / "crds").glob("*.yaml")]
    ours = {crd["spec"]["names"]["kind"] for crd in crds}
    scripted = {key.removeprefix(PREFIX) for key in DATA}
    assert {*GIT_KINDS, "Incident"} == scripted
    # An update and a run are said once and stay: whoever commits one wants it created, no more.
    assert ours - scripted == {"IncidentUpdate", "RunbookRun"}
