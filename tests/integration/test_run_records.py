"""What is kept of a run on a real API server: bounded, without secrets, and never changed."""

import json
import re
from collections.abc import Iterator

import pytest

from dev.operator_process import OperatorProcess
from dev.waiting import wait_until
from tests.support.kubelet import kubelet
from tests.support.node import register
from tests.support.people import Json, Stage
from tests.support.runbook_team import NO_APPROVAL, PATIENCE, TARGET, Team, furnished, on
from watchbill.api.runbook_run import RunbookRunSpec
from watchbill.api.runbook_run_status import MAX_OUTPUT

pytestmark = [pytest.mark.cluster, pytest.mark.feature("F39")]

NAMESPACE = "runs-are-kept"
ACCOUNT = f"system:serviceaccount:{NAMESPACE}:incident-responder"
CANARY = "opensesame-7391"
LOG = "\n".join(f"line {number} {CANARY if number % 50 == 0 else ''}" for number in range(2000)) + "\n"
SECRET: Json = {"name": "word", "secret": True}
REPLICAS: Json = {"name": "replicas", "type": "Integer", "default": "3"}


@pytest.fixture(scope="module")
def team(stage: Stage, operator: OperatorProcess) -> Team:
    made = furnished(stage)
    stage.allow(ACCOUNT, "pods", ["list"], group="")
    stage.allow(ACCOUNT, "pods/log", ["get"], group="")
    return made


@pytest.fixture(scope="module")
def node(team: Team, tmp_path_factory: pytest.TempPathFactory) -> Iterator[str]:
    """The name of a node whose containers all have said the same."""
    with kubelet(tmp_path_factory.mktemp("kubelet"), LOG) as port:
        register(team.admin, "node-of-logs", port)
        yield "node-of-logs"


def books(team: Team, name: str, *steps: Json, parameters: list[Json]) -> None:
    spec = {"title": "Mitigate", "serviceAccountName": "incident-responder", "steps": list(steps)}
    made = team.admin.create("runbooks", spec | {"parameters": parameters}, name=name)
    assert made.succeeded, made.message


def request(team: Team, book: str, **spec: object) -> str:
    base = {"runbookRef": {"name": book}, "requestedBy": "ana"}
    answer = team.stage.person("ana").create("runbookruns", base | spec, name=f"{book}-1")
    assert answer.succeeded, answer.message
    return f"{book}-1"


def has_pod(team: Team, run: str, node: str) -> None:
    """The pod of the Job of a run's first step, as its controller and the scheduler would make it."""
    wait_until(lambda: None if "handle" in json.dumps(team.status(run)) else "no Job", PATIENCE)
    job = team.status(run)["steps"][0]["handle"]
    labels = {"batch.kubernetes.io/job-name": job}
    container = {"name": "step", "image": "example.com/flush"}
    spec = {"nodeName": node, "serviceAccountName": "incident-responder", "containers": [container]}
    team.make("pods", "v1", {"metadata": {"name": f"{job}-x", "labels": labels}, "spec": spec})
    team.end_job(job, "SuccessCriteriaMet", "Complete")


def test_an_output_above_the_cap_is_kept_by_reference_and_the_secret_nowhere(
    team: Team, node: str, operator: OperatorProcess
):
    says = {
        "name": "act",
        "job": {"image": "example.com/flush", "command": ["flush", "{{ parameters.word }}"]},
    }
    books(team, "flush", says | NO_APPROVAL, parameters=[SECRET])
    run = request(team, "flush", parameters={"word": CANARY})
    has_pod(team, run, node)
    status = team.ended(run)
    assert status["phase"] == "Succeeded", status
    (step,) = status["steps"]
    assert len(step["output"]) <= MAX_OUTPUT
    assert "line 1999" in step["output"]
    kept = team.thing("configmaps", step["outputRef"]["name"])
    whole = kept["data"]["output"]
    # The operator reads the last 500 lines of a log, and masks before it cuts.
    assert whole.splitlines()[0].startswith("line ")
    assert "line 1999" in whole
    assert len(whole) > MAX_OUTPUT
    assert whole.endswith(step["output"][-2000:])
    assert whole.count("***") >= 10
    (owner,) = kept["metadata"]["ownerReferences"]
    assert (owner["kind"], owner["name"]) == ("RunbookRun", run)
    (writer,) = {each["manager"] for each in kept["metadata"]["managedFields"]}
    assert writer == "watchbill"

    events = team.admin.told_of(run, "Ended")
    shown = {
        "status": json.dumps(status),
        "ConfigMap": json.dumps(kept),
        "Events": json.dumps(events),
        "log": operator.log_text(),
        "metrics": operator.http("/metrics"),
    }
    assert [place for place, text in shown.items() if CANARY in text] == []


def test_a_run_is_pinned_and_the_template_changes_nothing_of_it(team: Team):
    """The runbook is another by the time that the run acts, and the run does what was pinned."""
    step = on(TARGET, scale={"replicasParameter": "replicas"}) | {"approval": {"count": 1}}
    books(team, "pinned", step, parameters=[REPLICAS])
    before = team.thing("runbooks", "pinned", "watchbill.dev/v1alpha1")
    run = request(team, "pinned", parameters={"replicas": "8"})
    wait_until(
        lambda: None if team.status(run).get("phase") == "AwaitingApproval" else "it does not wait", PATIENCE
    )
    status = team.status(run)
    pinned, plan = status["snapshot"], status["plan"]["hash"]
    assert (pinned["uid"], pinned["revision"]) == (before["metadata"]["uid"], 1)
    assert re.fullmatch(r"sha256:[0-9a-f]{32}", pinned["hash"])
    assert json.loads(pinned["content"])["steps"][0]["name"] == "act"
    other = {"title": "Else", "steps": [{"name": "else", "wait": {"duration": "1s"}}], "parameters": []}
    assert team.admin.patch("runbooks", "pinned", other).succeeded
    approval = {"approvals": {"bo": {"planHash": plan}}}
    assert team.stage.person("bo").patch("runbookruns", run, approval).succeeded
    ended = team.ended(run)
    assert (ended["phase"], ended["snapshot"], ended["plan"]["hash"]) == ("Succeeded", pinned, plan)
    assert team.thing("deployments", "checkout", "apps/v1")["spec"]["replicas"] == 8


OTHERS: dict[str, object] = {
    "runbookRef": {"name": "other"},
    "incidentRef": {"name": "other"},
    "parameters": {"replicas": "9"},
    "dryRun": True,
    "requestedBy": "bo",
    "reason": "other",
    "parentRef": {"name": "other"},
    "approvals": {"bo": {"planHash": "sha256:4f1c0d9be2a7"}},
    "manualDone": {"ana": {"steps": ["act"]}},
    "cancelledBy": {"ana": {}},
}


@pytest.fixture(scope="module")
def over(team: Team) -> str:
    """The name of a run that has ended."""
    books(team, "over", {"name": "act", "wait": {"duration": "1s"}}, parameters=[REPLICAS])
    run = request(team, "over")
    assert team.ended(run)["phase"] == "Succeeded"
    return run


class TestARunThatHasEnded:
    """By CEL, for everybody: the administrator, and the operator, whose own role is the status."""

    def test_is_tried_with_every_field(self):
        assert set(OTHERS) == {each.alias or name for name, each in RunbookRunSpec.model_fields.items()}

    @pytest.mark.parametrize("field", OTHERS)
    def test_has_no_field_of_the_spec_that_can_change(self, team: Team, over: str, field: str):
        answer = team.admin.patch("runbookruns", over, {field: OTHERS[field]})
        assert answer.status in (403, 422), "it was taken"

    def test_is_held_by_the_rule_where_people_may_write(self, team: Team, over: str):
        answer = team.stage.person("ana").patch("runbookruns", over, {"cancelledBy": {"ana": {}}})
        assert "a run that has ended must not change: create another" in answer.message

    def test_has_no_field_of_the_status_that_can_change(self, team: Team, over: str):
        status = team.status(over)
        for field, value in status.items():
            answer = team.admin.patch("runbookruns", over, {field: None}, "status")
            assert answer.status == 422, f"status.{field}, which was {value!r}, is gone"
        answer = team.admin.patch("runbookruns", over, {"marks": "Mitigated"}, "status")
        assert "a run that has ended must not change" in answer.message
        assert team.status(over) == status
