"""Runs on a real API server: the operator holds no right to a workload, and acts as the team's account."""

import json
import re
import shlex

import pytest

from dev.operator_process import OperatorProcess
from dev.waiting import wait_until
from tests.support.kubectl import Kubectl
from tests.support.people import Json, Stage
from tests.support.runbook_team import NO_APPROVAL, PATIENCE, TARGET, Team, furnished, on

pytestmark = pytest.mark.cluster

NAMESPACE = "runbooks-run"
ACCOUNT = f"system:serviceaccount:{NAMESPACE}:incident-responder"
SETTINGS: Json = {"apiVersion": "v1", "kind": "ConfigMap", "name": "settings"}


@pytest.fixture(scope="module")
def team(stage: Stage, operator: OperatorProcess) -> Team:
    return furnished(stage)


@pytest.mark.feature("F41")
def test_a_step_scales_a_deployment_as_the_teams_account(team: Team):
    status = team.ended(team.run("scale", on(TARGET, scale={"replicas": 5})))
    assert (status["phase"], status["plan"]["steps"][0]["diff"]) == ("Succeeded", "spec.replicas: 2 -> 5")
    assert team.thing("deployments", "checkout", "apps/v1")["spec"]["replicas"] == 5


@pytest.mark.parametrize(
    ("type_", "patch"),
    [
        (
            "Strategic",
            "spec: {template: {spec: {containers: [{name: web, image: 'example.com/strategic'}]}}}",
        ),
        ("JSON", "[{op: replace, path: /spec/template/spec/containers/0/image, value: 'example.com/json'}]"),
    ],
)
def test_a_patch_of_each_type_changes_the_object(team: Team, type_: str, patch: str):
    run = team.run(f"patch-{type_.lower()}", on(TARGET, patch={"type": type_, "patch": patch}))
    status = team.ended(run)
    assert status["phase"] == "Succeeded", status
    (container,) = team.thing("deployments", "checkout", "apps/v1")["spec"]["template"]["spec"]["containers"]
    assert container == {**container, "name": "web", "image": f"example.com/{type_.lower()}"}


def test_a_manifest_is_applied_a_dry_run_deletes_nothing_and_a_run_deletes(team: Team):
    text = json.dumps({"apiVersion": "v1", "kind": "ConfigMap", "metadata": {"name": "settings"}})
    applied = team.ended(
        team.run("apply", {"name": "act", "kubernetes": {"apply": {"manifest": text}}, **NO_APPROVAL})
    )
    assert applied["phase"] == "Succeeded", applied
    dry = team.ended(team.run("dry", on(SETTINGS, delete={}), dryRun=True))
    assert (dry["phase"], dry["plan"]["steps"][0].get("denied", "")) == ("Succeeded", "")
    assert team.thing("configmaps", "settings")["kind"] == "ConfigMap"
    assert team.ended(team.run("delete", on(SETTINGS, delete={})))["phase"] == "Succeeded"
    assert team.thing("configmaps", "settings")["code"] == 404


@pytest.mark.feature("F41", "F46")
def test_what_the_account_may_not_do_is_told_in_the_run(team: Team):
    secret = {"apiVersion": "v1", "kind": "Secret", "name": "pager"}
    run = team.run("denied", on(secret, patch={"type": "Merge", "patch": "data: {}"}))
    said = team.blocked(run, "Denied")
    assert f'User "{ACCOUNT}" cannot get resource "secrets"' in said


@pytest.mark.feature("F46")
def test_a_dry_run_shows_what_changes_and_what_is_refused_and_changes_nothing(team: Team):
    secret = {"apiVersion": "v1", "kind": "Secret", "name": "pager"}
    before = team.thing("deployments", "checkout", "apps/v1")
    steps = on(TARGET, "scale", scale={"replicas": 9}), on(secret, "patch", delete={})
    status = team.ended(team.run("foreseen", *steps, dryRun=True))
    scale, patch = status["plan"]["steps"]
    assert scale["diff"] == f"spec.replicas: {before['spec']['replicas']} -> 9"
    assert f'User "{ACCOUNT}" cannot get resource "secrets"' in patch["denied"]
    assert [each.get("phase", "Pending") for each in status["steps"]] == ["Pending", "Pending"]
    assert team.thing("deployments", "checkout", "apps/v1") == before


@pytest.mark.feature("F46")
def test_an_approval_is_of_the_plan_that_was_shown(team: Team):
    step = on(TARGET, scale={"replicas": 7}) | {"approval": {"count": 1}}
    run = team.run("approved", step)
    wait_until(
        lambda: None if team.status(run).get("phase") == "AwaitingApproval" else "it does not wait", PATIENCE
    )
    shown = team.status(run)["plan"]["hash"]
    # Somebody changes meanwhile what the plan was made of.
    path = team.admin.path("deployments", "checkout", "apps/v1")
    team.admin.ask("PATCH", path, {"spec": {"replicas": 3}})
    bo = team.stage.person("bo")
    assert bo.patch("runbookruns", run, {"approvals": {"bo": {"planHash": shown}}}).succeeded
    wait_until(lambda: None if team.status(run)["plan"]["hash"] != shown else "the plan is old", PATIENCE)
    assert team.thing("deployments", "checkout", "apps/v1")["spec"]["replicas"] == 3
    fresh = team.status(run)["plan"]
    assert fresh["steps"][0]["diff"] == "spec.replicas: 3 -> 7"
    assert bo.patch("runbookruns", run, {"approvals": {"bo": {"planHash": fresh["hash"]}}}).succeeded
    assert team.ended(run)["phase"] == "Succeeded"


def test_without_the_token_the_command_of_the_message_is_what_it_takes(team: Team, kubectl: Kubectl):
    run = team.run("blocked", on(TARGET, restart={}), account="untrusted")
    said = team.blocked(run, "AccountForbidden")
    for command in re.split(" && ", said.partition("let it: ")[2]):
        kubectl(*shlex.split(command)[1:])
    assert 'cannot get resource "deployments"' in team.blocked(run, "Denied")


def test_a_job_is_run_once_and_waited_for(team: Team):
    run = team.run("job", {"name": "act", "job": {"image": "example.com/flush"}, **NO_APPROVAL})
    wait_until(lambda: None if "handle" in json.dumps(team.status(run)) else "no Job", PATIENCE)
    name = team.status(run)["steps"][0]["handle"]
    job = team.thing("jobs", name, "batch/v1")
    assert job["spec"]["template"]["spec"]["serviceAccountName"] == "incident-responder"
    team.end_job(name, "SuccessCriteriaMet", "Complete")
    assert team.ended(run)["phase"] == "Succeeded"


def test_a_runbook_within_a_runbook_is_requested_by_the_account(team: Team):
    check = {"targetRef": TARGET, "condition": "object.metadata.name == 'checkout'"}
    spec = {"title": "Look", "serviceAccountName": "incident-responder"}
    look = {"name": "look", "check": check}
    assert team.admin.create("runbooks", {**spec, "steps": [look]}, name="inner").succeeded
    status = team.ended(team.run("outer", {"name": "act", "runbook": {"runbookRef": {"name": "inner"}}}))
    assert status["phase"] == "Succeeded", status
    inner = team.thing("runbookruns", status["steps"][0]["handle"], "watchbill.dev/v1alpha1")
    assert inner["spec"]["requestedBy"] == ACCOUNT
