"""Runbooks and incidents on a real API server: marks, suggestions, runs that start by themselves, debt."""

import json
from collections.abc import Callable
from time import monotonic

import pytest

from dev.errors import DevError
from dev.operator_process import OperatorProcess
from dev.waiting import wait_until
from tests.support.builders import incident_class
from tests.support.people import Json, Stage
from tests.support.runbook_team import NO_APPROVAL, PATIENCE, TARGET, Team, furnished, on
from watchbill.api.group import DEFAULT_OPERATOR_USER

pytestmark = pytest.mark.cluster

NAMESPACE = "runbooks-of-incidents"
CLASS = "runbooks-of-incidents"
WINDOW = 3.0
LISTED_WITHIN = 5.0


@pytest.fixture(scope="module")
def team(stage: Stage, operator: OperatorProcess) -> Team:
    made = furnished(stage)
    spec = incident_class(postmortem={"policy": "Optional"}, reopenWindow=f"{WINDOW:.0f}s").spec
    body = spec.model_dump(by_alias=True, mode="json", exclude_none=True)
    assert made.admin.create("incidentclasses", body, name=CLASS).succeeded
    console: Json = {"console": {}}
    assert made.admin.create("connections", console, name="console").succeeded
    targets = [{"connectionRef": {"name": "console"}}]
    levels = [{"name": "first", "escalateAfter": "5m", "targets": targets}]
    policy = {"levels": levels, "lastResort": {"targets": targets}}
    assert made.admin.create("escalationpolicies", policy, name="primary").succeeded
    stage.grant("ana", "watchbill-responder")
    stage.wait_for("ana", "incidents", "resolve")
    return made


def declared(team: Team, name: str, **spec: object) -> str:
    base = {"title": "Checkout returns 500", "severity": "SEV-3", "classRef": {"name": CLASS}}
    answer = team.admin.create("incidents", {**base, **spec}, name=name)
    assert answer.succeeded, answer.message
    return name


def incident(team: Team, name: str) -> Json:
    found: Json = team.admin.ask("GET", team.admin.path("incidents", name)).body.get("status", {})
    return found


def until(team: Team, name: str, holds: Callable[[Json], object], within: float = PATIENCE) -> Json:
    """The incident's status once this holds of it."""
    wait_until(lambda: None if holds(incident(team, name)) else json.dumps(incident(team, name)), within)
    return incident(team, name)


def reached(phase: str) -> Callable[[Json], bool]:
    return lambda status: status.get("phase") == phase


def listed(status: Json) -> list[str]:
    return [each["name"] for each in status.get("runbooks", {}).get("suggested", [])]


def resolved(team: Team, name: str) -> None:
    said = {"state": "Resolved", "stateReason": "rolled back", "setBy": {"state": "ana"}}
    answer = team.stage.person("ana").patch("incidents", name, said)
    assert answer.succeeded, answer.message


@pytest.mark.feature("F48")
def test_success_with_a_mark_moves_the_phase_and_a_step_that_is_not_verified_is_undone(team: Team):
    name = declared(team, "marked")
    until(team, name, reached("Triggered"))
    never = {"within": "2s", "condition": "object.metadata.name == 'else'", "targetRef": TARGET}
    before = team.thing("deployments", "checkout", "apps/v1")["spec"]["replicas"]
    failing = on(TARGET, scale={"replicas": 6}) | {"verify": never, "marks": "Mitigated"}
    run = team.run("not-verified", failing, incidentRef={"name": name})
    assert team.ended(run)["phase"] == "Undone"
    assert team.thing("deployments", "checkout", "apps/v1")["spec"]["replicas"] == before
    assert incident(team, name)["phase"] == "Triggered"
    seen = {**never, "condition": "object.metadata.name == 'checkout'"}
    working = on(TARGET, scale={"replicas": 4}) | {"verify": seen, "marks": "Mitigated"}
    run = team.run("verified", working, incidentRef={"name": name})
    assert team.ended(run)["phase"] == "Succeeded"
    status = until(team, name, reached("Mitigated"))
    (entry,) = [each for each in status["timeline"] if each["kind"] == "Mitigated"]
    assert (entry["actor"], entry["source"]) == ("ana", "runbook")
    assert f"run {run} of runbook verified" in entry["text"]


def offered(team: Team, name: str, start: str, **spec: object) -> Json:
    """What the API server says of a runbook that has one step which scales the deployment."""
    step = {"name": "act", "kubernetes": {"targetRef": TARGET, "scale": {"replicas": 3}}, **spec}
    body: Json = {
        "title": "Scale",
        "serviceAccountName": "incident-responder",
        "start": start,
        "steps": [step],
    }
    body["match"] = {"services": [name]}
    answer = team.admin.create("runbooks", body, name=name)
    return {"succeeded": answer.succeeded, "message": answer.message}


@pytest.mark.feature("F49")
def test_matching_runbooks_are_listed_within_5_s(team: Team):
    assert offered(team, "suggested", "Suggest")["succeeded"]
    assert offered(team, "for-others", "Suggest")["succeeded"]
    began = monotonic()
    name = declared(team, "suggesting", affected=[{"service": "suggested"}])
    status = until(team, name, listed, LISTED_WITHIN)
    assert monotonic() - began <= LISTED_WITHIN
    assert listed(status) == ["suggested"]
    assert "RunbooksSuggested" in [each["kind"] for each in status["timeline"]]


@pytest.mark.feature("F49")
@pytest.mark.parametrize("risk", [{}, {"risk": "High"}, {"risk": "High", **NO_APPROVAL}])
def test_auto_is_refused_at_admission_where_a_high_step_has_no_approval(team: Team, risk: Json):
    answer = offered(team, "refused", "Auto", **risk)
    assert not answer["succeeded"]
    assert "`start` must not be Auto while a step of High risk has no `approval`" in answer["message"]


@pytest.mark.feature("F49")
def test_a_run_starts_by_itself_once_and_its_high_step_waits_for_a_person(team: Team):
    assert offered(team, "automatic", "Auto", approval={"count": 1})["succeeded"]
    name = declared(team, "starting", affected=[{"service": "automatic"}])
    status = until(team, name, lambda found: found.get("runbooks", {}).get("started", [{}])[0].get("created"))
    run = status["runbooks"]["started"][0]["run"]
    found = team.thing("runbookruns", run, "watchbill.dev/v1alpha1")
    assert found["spec"]["requestedBy"] == DEFAULT_OPERATOR_USER
    wait_until(lambda: None if team.status(run).get("phase") == "AwaitingApproval" else "no", PATIENCE)
    assert team.admin.delete("runbookruns", run).succeeded
    ack: Json = {"acknowledgedBy": {"ana": {}}}
    assert team.stage.person("ana").patch("incidents", name, ack).succeeded
    until(team, name, reached("Acknowledged"))
    assert team.thing("runbookruns", run, "watchbill.dev/v1alpha1")["code"] == 404


@pytest.mark.parametrize(
    "spec",
    [
        {"incidentRef": {"name": "any"}, "requestedBy": "ana"},
        {"requestedBy": DEFAULT_OPERATOR_USER},
        {"incidentRef": {"name": "any"}, "parentRef": {"name": "any"}, "requestedBy": DEFAULT_OPERATOR_USER},
        {
            "incidentRef": {"name": "any"},
            "parameters": {"deployment": "else"},
            "requestedBy": DEFAULT_OPERATOR_USER,
        },
    ],
    ids=["for somebody else", "for no incident", "within another", "with parameters"],
)
def test_the_operator_requests_no_other_run(team: Team, spec: Json):
    answer = team.stage.person(DEFAULT_OPERATOR_USER).create(
        "runbookruns", {"runbookRef": {"name": "suggested"}, **spec}, generateName="by-operator-"
    )
    assert answer.status == 403, answer.message


@pytest.mark.feature("F50")
def test_debt_is_listed_keeps_the_incident_from_closing_reminds_its_owner_and_is_settled(team: Team):
    name = declared(team, "indebted")
    until(team, name, reached("Triggered"))
    step = on(TARGET, scale={"replicas": 7}) | {"debt": {"expiresAfter": "2s", "owner": "bo"}}
    run = team.run("owing", step, incidentRef={"name": name})
    assert team.ended(run)["phase"] == "Succeeded"
    resolved(team, name)
    status = until(team, name, lambda found: [e for e in found.get("debt", []) if "remindedTime" in e])
    (entry,) = status["debt"]
    assert (entry["run"], entry["step"], entry["owner"]) == (run, "act", "bo")
    assert entry["undo"]
    assert entry["expiresTime"]
    (reminder,) = [each for each in status["timeline"] if each["kind"] == "DebtExpired"]
    assert reminder["text"].startswith(f"bo must take back {run}/act")
    assert team.admin.told_of(name, "DebtExpired")
    with pytest.raises(DevError):
        wait_until(lambda: None if incident(team, name)["phase"] == "Closed" else "open", WINDOW + 3)
    (closed,) = [each for each in incident(team, name)["conditions"] if each["type"] == "Closed"]
    assert (closed["status"], closed["reason"]) == ("False", "DebtOpen")
    settled = {"debtSettledBy": {"ana": {"entries": [f"{run}/act"]}}}
    assert team.stage.person("bo").patch("incidents", name, settled).status == 403
    assert team.stage.person("ana").patch("incidents", name, settled).succeeded
    until(team, name, reached("Closed"))


@pytest.mark.feature("F50")
def test_a_settlement_is_said_in_nobody_elses_name_and_not_when_an_incident_is_declared(team: Team):
    name = declared(team, "settling")
    settled = {"debtSettledBy": {"bo": {"entries": ["run-1/act"]}}}
    answer = team.stage.person("ana").patch("incidents", name, settled)
    assert "spec.debtSettledBy: you are `ana`: write that key, not `bo`" in answer.message
    base = {"title": "Checkout returns 500", "severity": "SEV-3", "debtSettledBy": settled["debtSettledBy"]}
    answer = team.stage.person("ana").create("incidents", base)
    assert "spec.debtSettledBy must be empty when an incident is declared" in answer.message
