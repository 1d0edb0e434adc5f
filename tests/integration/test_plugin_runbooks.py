"""`kubectl watchbill runbook` as the persons of a team, against the real API server and the real operator."""

import json
import subprocess
from typing import Any

import pytest

from dev.operator_process import OperatorProcess
from dev.waiting import wait_until
from tests.support.kubectl import Kubectl
from tests.support.people import Json, Stage
from tests.support.plugin import environment_of, on_terminal, plugin
from tests.support.runbook_team import PATIENCE, TARGET, Team, furnished, on
from watchbill.cli.plugin.failure import ExitCode

pytestmark = pytest.mark.cluster

NAMESPACE = "runbooks-by-plugin"
REPLICAS: Json = {"name": "replicas", "type": "Integer", "min": 1, "max": 20}
FILLED: Json = {"replicasParameter": "replicas"}


@pytest.fixture(scope="module")
def team(stage: Stage, operator: OperatorProcess) -> Team:
    return furnished(stage)


@pytest.fixture
def types(kubectl: Kubectl) -> Any:
    """What a person was told by a command about runbooks."""

    def typed(user: str, *words: str, check: bool = True) -> Any:
        return plugin(kubectl, user, "runbook", *words, "-n", NAMESPACE, check=check)

    return typed


def writes(team: Team, name: str, *steps: Json, **spec: Any) -> str:
    """A runbook that scales, and whose parameter says how far; its name."""
    base = {"title": "Scale", "serviceAccountName": "incident-responder", "parameters": [REPLICAS]}
    made = team.admin.create("runbooks", base | {"steps": list(steps)} | spec, name=name)
    assert made.succeeded, made.message
    return name


def asked_for(said: str) -> str:
    """The name of the run that a command said it requested."""
    return said.partition("/")[2].partition(" ")[0]


def replicas(team: Team) -> int:
    return int(team.thing("deployments", "checkout", "apps/v1")["spec"]["replicas"])


def awaits(team: Team, run: str) -> str:
    """The hash of the plan of a run, once it waits for approvals."""
    wait_until(
        lambda: None if team.status(run).get("phase") == "AwaitingApproval" else str(team.status(run)),
        PATIENCE,
    )
    return str(team.status(run)["plan"]["hash"])


@pytest.mark.feature("F46")
def test_a_person_looks_runs_has_it_approved_and_sees_it_end(team: Team, types: Any):
    """Ana may run and bo may approve, and no more: what the plugin does, their kubectl may do."""
    book = writes(team, "whole", on(TARGET, "scale", scale=FILLED) | {"approval": {"count": 1}})
    before = replicas(team)
    foreseen = json.loads(types("ana", "plan", book, "-p", "replicas=6").stdout)
    assert foreseen["plan"]["steps"][0]["diff"] == f"spec.replicas: {before} -> 6"
    assert replicas(team) == before
    run = asked_for(types("ana", "run", book, "-p", "replicas=6").stdout)
    shown = awaits(team, run)
    assert json.loads(types("bo", "plan", run).stdout)["plan"]["hash"] == shown
    own = types("ana", "approve", run, "--plan", shown, check=False)
    assert own.returncode == ExitCode.FORBIDDEN
    assert "`ana` needs the verb `approve` on runbook `whole`" in own.stderr
    assert types("bo", "approve", run, "--plan", shown).stdout == (
        f"runbookrun.watchbill.dev/{run} approved by bo: every step of plan {shown}\n"
    )
    assert "(no change)" in types("bo", "approve", run, "--plan", shown, check=False).stdout
    assert team.ended(run)["phase"] == "Succeeded"
    assert replicas(team) == 6
    assert asked_for(types("ana", "run", book, "-p", "replicas=6").stdout) != run


@pytest.mark.feature("F46")
def test_a_plan_that_has_changed_is_approved_by_nobody_who_saw_the_old_one(team: Team, types: Any):
    book = writes(team, "changed", on(TARGET, "scale", scale=FILLED) | {"approval": {"count": 1}})
    run = asked_for(types("ana", "run", book, "-p", "replicas=9").stdout)
    shown = awaits(team, run)
    team.admin.ask("PATCH", team.admin.path("deployments", "checkout", "apps/v1"), {"spec": {"replicas": 4}})
    types("bo", "approve", run, "--plan", shown)
    wait_until(lambda: None if team.status(run)["plan"]["hash"] != shown else "the plan is old", PATIENCE)
    assert replicas(team) == 4, "the approval was of another plan"
    late = types("bo", "approve", run, "--plan", shown, check=False)
    assert late.returncode == ExitCode.REFUSED
    assert f"it is {team.status(run)['plan']['hash']} now" in late.stderr
    assert types("bo", "reject", run, "-m", "too many").stdout.startswith(
        f"runbookrun.watchbill.dev/{run} rejected by bo: plan sha256:"
    )
    status = team.ended(run)
    assert (status["phase"], status["stoppedReason"], replicas(team)) == ("Cancelled", "Rejected", 4)
    ended = types("bo", "approve", run, "--plan", status["plan"]["hash"], check=False)
    assert (ended.returncode, ended.stderr) == (1, f"run {run} has ended: it is Cancelled\n")


@pytest.mark.feature("F46")
def test_a_refusal_of_rbac_and_one_of_admission_are_shown_for_their_steps(team: Team, types: Any):
    secret = {"apiVersion": "v1", "kind": "Secret", "name": "pager"}
    wrong = "spec: {selector: {matchLabels: {app: other}}}"
    book = writes(
        team,
        "refused",
        on(TARGET, "scale", scale=FILLED),
        on(secret, "peek", delete={}),
        on(TARGET, "select", patch={"type": "Merge", "patch": wrong}),
    )
    before = replicas(team)
    told = types("ana", "plan", book, "-p", "replicas=7", check=False)
    assert told.returncode == ExitCode.REFUSED
    scale, peek, select = json.loads(told.stdout)["plan"]["steps"]
    assert scale["diff"] == f"spec.replicas: {before} -> 7"
    assert 'cannot get resource "secrets"' in peek["denied"]
    assert "field is immutable" in select["denied"]
    assert replicas(team) == before


def test_a_name_that_is_not_the_callers_is_refused(team: Team, types: Any, kubectl: Kubectl):
    """The plugin always writes the caller's name; who forges another is refused by the API server."""
    book = writes(team, "forged", on(TARGET, "scale", scale=FILLED) | {"approval": {"count": 1}})
    run = asked_for(types("ana", "run", book, "-p", "replicas=5").stdout)
    shown = awaits(team, run)
    forged = json.dumps({"spec": {"approvals": {"cy": {"planHash": shown}}}})
    words = ("-n", NAMESPACE, "patch", "rbrun", run, "--type=merge", f"--patch={forged}")
    answer = kubectl(*words, user="bo", check=False)
    assert answer.returncode != 0
    assert "you are `bo`: write that key, not `cy`" in answer.stderr
    body = {
        "apiVersion": "watchbill.dev/v1alpha1",
        "kind": "RunbookRun",
        "metadata": {"name": "forged-1"},
        "spec": {"runbookRef": {"name": book}, "requestedBy": "bo", "parameters": {"replicas": "5"}},
    }
    answer = kubectl("-n", NAMESPACE, "create", "-f", "-", input=json.dumps(body), user="ana", check=False)
    assert "spec.requestedBy must name you, `ana`" in answer.stderr
    # Nobody's word but the caller's came into the run.
    assert types("ana", "cancel", run).stdout.endswith("called off by ana\n")
    assert team.ended(run)["stoppedReason"] == "Cancelled"


def test_a_run_is_waited_for_to_its_end(team: Team, types: Any):
    team.stage.grant("ana", "watchbill-viewer")
    team.stage.wait_for("ana", "runbookruns", "watch")
    book = writes(team, "waited", {"name": "rest", "wait": {"duration": "2s"}}, on(TARGET, scale=FILLED))
    well = types("ana", "run", book, "-p", "replicas=3", "--wait").stdout.splitlines()
    assert well[-1] == "Succeeded 2/2"
    assert "Running 1/2: step act is Acting" in well or "Running 0/2: step rest is Pending" in well
    gone = {"apiVersion": "apps/v1", "kind": "Deployment", "name": "gone"}
    book = writes(team, "failing", on(gone, "scale", scale=FILLED))
    bad = types("ana", "run", book, "-p", "replicas=3", "--wait", check=False)
    assert bad.returncode == ExitCode.REFUSED
    assert "not found" in bad.stderr


def test_runbooks_are_listed_for_a_person_who_may(team: Team, kubectl: Kubectl):
    team.stage.allow("vi", "runbooks", ["get", "list"])
    writes(team, "listed", {"name": "look", "wait": {"duration": "1s"}}, parameters=[])
    wait = ("wait", "--for=condition=Ready", "runbook/listed", f"--namespace={NAMESPACE}", "--timeout=10s")
    kubectl(*wait)
    code, drawn = on_terminal(kubectl, "vi", "runbook", "list", "-n", NAMESPACE)
    row = next(line for line in drawn.splitlines() if line.startswith("listed "))
    assert (code, row.split()) == (0, ["listed", "Manual", "ReadOnly", "True", "-", "Scale"])


def test_a_person_at_a_terminal_watches_the_steps_of_a_run(team: Team, types: Any, kubectl: Kubectl):
    """`kubectl get runbookrun -w`: step after step, by the real kubectl."""
    waits = [{"name": f"wait-{n}", "wait": {"duration": "2s"}} for n in (1, 2)]
    book = writes(team, "steps", *waits, on(TARGET, "scale", scale={"replicas": 2}), parameters=[])
    run = asked_for(types("ana", "run", book).stdout)
    team.stage.allow("ana-who-watches", "runbookruns", ["get", "list", "watch"])
    command = ["kubectl", "get", "runbookrun", run, "-n", NAMESPACE, "-w"]
    environment = environment_of(kubectl, "ana-who-watches")
    with subprocess.Popen(command, env=environment, stdout=subprocess.PIPE, text=True) as watching:
        assert watching.stdout is not None
        team.ended(run)
        lines = [watching.stdout.readline().split()]
        while lines[-1] and "Succeeded" not in lines[-1]:
            lines.append(watching.stdout.readline().split())
        watching.kill()
    assert lines[0] == ["NAME", "RUNBOOK", "PHASE", "STEPS", "BY", "BLOCKED", "AGE"]
    steps = [line[3] for line in lines[1:] if len(line) > 3 and "/" in line[3]]
    assert list(dict.fromkeys(steps)) == ["0/3", "1/3", "2/3", "3/3"]
