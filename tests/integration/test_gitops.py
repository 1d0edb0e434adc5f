"""What the accounts of GitOps tools may do on a real API server, and what not. No operator runs here."""

from collections.abc import Iterator
from typing import Any

import pytest
import yaml

from dev.layout import REPOSITORY
from tests.support.people import Person, Stage

pytestmark = [pytest.mark.cluster, pytest.mark.feature("F63")]

NAMESPACE = "gitops"
FLEET = REPOSITORY / "examples/gitops"
Json = dict[str, Any]

SERVER = "system:serviceaccount:argocd:argocd-server"
CONTROLLER = "system:serviceaccount:argocd:argocd-application-controller"
ARGOCD = {SERVER: ["delete", "get", "patch"], CONTROLLER: ["*"]}
"""What Argo CD's manifests let its accounts do, on every resource: one runs actions, one syncs."""


def of_fleet(folder: str, namespace: str) -> Iterator[Json]:
    """The objects of a folder of the example, with its team in another namespace."""
    for file in sorted((FLEET / folder).rglob("*.yaml")):
        text = file.read_text(encoding="utf-8").replace("namespace: shop", f"namespace: {namespace}")
        yield from (each for each in yaml.safe_load_all(text) if each["kind"] != "Namespace")


@pytest.fixture(scope="module")
def team(stage: Stage) -> Person:
    """The account by which the team's part is applied, with the rights that the platform's part gives it."""
    given = [each for each in of_fleet("platform", NAMESPACE) if each["kind"] != "IncidentClass"]
    stage.admin.apply(*given)
    account = stage.person(f"system:serviceaccount:{NAMESPACE}:gitops")
    stage.wait_for(str(account.user), "serviceaccounts/token", "create", "", "incident-responder")
    stage.wait_for(str(account.user), "runbooks", "patch")
    return account


def test_a_teams_account_applies_all_that_the_team_has_in_git(team: Person):
    team.apply(*of_fleet("teams/shop", NAMESPACE))


def test_a_teams_account_has_no_other_secret_sent_anywhere(team: Person):
    secret = {"name": "of-another-service", "key": "token"}
    answer = team.create("connections", {"pagerDuty": {"routingKeySecretRef": secret}})
    assert answer.status == 403
    assert "spec.pagerDuty.routingKeySecretRef: " in answer.message


def test_a_teams_account_has_no_runbook_act_as_another(team: Person):
    step = {"name": "wait", "wait": {"duration": "1s"}}
    spec = {"title": "Wait", "serviceAccountName": "default", "steps": [step]}
    answer = team.create("runbooks", spec)
    assert answer.status == 403
    assert "spec.serviceAccountName: " in answer.message


@pytest.fixture(scope="module")
def incident(stage: Stage) -> str:
    """The name of an open incident, where Argo CD's accounts have the rights that they come with."""
    for user, verbs in ARGOCD.items():
        stage.allow(user, "*", verbs, group="*")
    spec = {"title": "Checkout fails", "severity": "SEV-1"}
    answer = stage.admin.create("incidents", spec, name="checkout")
    assert answer.succeeded, answer.message
    return "checkout"


def test_a_teams_account_resolves_nothing_though_it_may_write_runbooks_that_do(team: Person, incident: str):
    own = by(str(team.user), ACTS["resolve"][1])
    answer = team.patch("incidents", f"{incident}?dryRun=All", own)
    assert answer.status == 403
    assert "cannot patch resource" in answer.message


ANA = "ana"
RESOLVED = {"state": "Resolved", "stateReason": "rolled back"}
ACTS: dict[str, tuple[Json, Json]] = {
    "acknowledge": ({"acknowledgedBy": {ANA: {}}}, {"acknowledgedBy": {"ME": {}}}),
    "resolve": (RESOLVED | {"setBy": {"state": ANA}}, RESOLVED | {"setBy": {"state": "ME"}}),
    "escalate": (
        {"escalation": {"request": {"reason": "help"}}, "setBy": {"escalation": ANA}},
        {"escalation": {"request": {"reason": "help"}}, "setBy": {"escalation": "ME"}},
    ),
}
"""For each act of a person: how an action of Argo CD would write it in ana's name, and in Argo CD's own."""


def by(user: str, spec: Json) -> Json:
    """The spec with this user in the place of ME."""
    found: Json = yaml.safe_load(yaml.safe_dump(spec).replace("ME", user))
    return found


@pytest.mark.parametrize("act", ACTS)
@pytest.mark.parametrize("user", ARGOCD)
def test_argo_cd_acts_for_nobody_else(stage: Stage, incident: str, user: str, act: str):
    answer = stage.person(user).patch("incidents", f"{incident}?dryRun=All", ACTS[act][0])
    assert answer.status == 403
    assert "watchbill-incident-acts" in answer.message
    assert user in answer.message


@pytest.fixture(scope="module")
def suspended(stage: Stage) -> str:
    """The name of a runbook that is suspended."""
    step = {"name": "wait", "wait": {"duration": "1s"}}
    spec = {"title": "Wait", "serviceAccountName": "incident-responder", "steps": [step], "suspend": True}
    answer = stage.admin.create("runbooks", spec, name="to-suspend")
    assert answer.succeeded, answer.message
    return "to-suspend"


@pytest.mark.convention(40)
@pytest.mark.parametrize(
    ("change", "is_admitted"),
    [
        ({"suspend": False}, True),
        ({"suspend": None}, True),
        ({"suspend": False, "title": "Do something else"}, False),
        ({"suspend": None, "steps": [{"name": "wait", "wait": {"duration": "2s"}}]}, False),
        ({"serviceAccountName": "default"}, False),
        ({"description": "It may be run at noon"}, False),
    ],
)
def test_an_action_of_argo_cd_suspends_and_resumes_a_runbook_and_changes_nothing_else_of_it(
    stage: Stage, incident: str, suspended: str, change: Json, is_admitted: bool
):
    """Its account may patch, and has no tokens of the account that the runbook acts as."""
    answer = stage.person(SERVER).patch("runbooks", f"{suspended}?dryRun=All", change)
    assert answer.succeeded is is_admitted, answer.message
    assert is_admitted or "spec.serviceAccountName: " in answer.message


@pytest.mark.parametrize("act", ACTS)
def test_an_action_of_argo_cd_has_no_right_to_act_as_itself(stage: Stage, incident: str, act: str):
    answer = stage.person(SERVER).patch("incidents", f"{incident}?dryRun=All", by(SERVER, ACTS[act][1]))
    assert answer.status == 403
    assert f"`{SERVER}` needs the verb `{act}`" in answer.message


def test_whoever_grants_argo_cd_every_verb_has_an_account_hold_the_incident(stage: Stage, incident: str):
    """Why no action ships: the record would name the account, and nobody who clicked."""
    own = by(CONTROLLER, ACTS["acknowledge"][1])
    answer = stage.person(CONTROLLER).patch("incidents", f"{incident}?dryRun=All", own)
    assert answer.succeeded
    assert list(answer.body["spec"]["acknowledgedBy"]) == [CONTROLLER]
