"""Each kind of step on a real API server: where it goes well, where it fails, and where it takes too long."""

import json
from collections.abc import Iterator
from typing import NamedTuple

import pytest

from dev.cluster import Cluster
from dev.operator_process import OperatorProcess
from dev.receiver import Receiver
from dev.receiver_http import Reaction
from dev.waiting import wait_until
from tests.support.people import Json, Stage, admin_client, set_stage
from tests.support.runbook_team import NO_APPROVAL, TARGET, Team, furnished

pytestmark = [pytest.mark.cluster, pytest.mark.feature("F40.core")]

LONGEST = 60.0
"""Seconds: a request that is never answered is waited for for 30."""


class Case(NamedTuple):
    """A step, and what becomes of it."""

    step: Json
    phase: str = "Succeeded"
    reason: str = ""


def looks(name: str) -> Json:
    """A check that is true of the Deployment where the name is its own."""
    return {"targetRef": TARGET, "condition": f"object.metadata.name == '{name}'"}


def restart(name: str) -> Json:
    return {"kubernetes": {"targetRef": TARGET | {"name": name}, "restart": {}}}


def call(path: str) -> Json:
    return {"http": {"url": f"@SINK@/{path}"}}


JOB: Json = {"job": {"image": "example.com/flush"}}
PATCH: Json = {"type": "Merge", "patch": "spec: {paused: true}"}
PAUSE: Json = {"kubernetes": {"targetRef": TARGET, "patch": PATCH}}
NEVER = {"verify": {"within": "3s", "condition": "object.spec.replicas == 99"}}

CASES = {
    "manual-done": Case({"manual": {"text": "Look."}}),
    "manual-late": Case({"manual": {"text": "Look."}, "timeout": "3s"}, "Failed", "Timeout"),
    "wait-done": Case({"wait": {"duration": "1s"}}),
    "wait-late": Case({"wait": {"duration": "1h"}, "timeout": "3s"}, "Failed", "Timeout"),
    "check-done": Case({"check": looks("checkout")}),
    "check-refuted": Case({"check": looks("cart")}, "Failed", "Timeout"),
    "check-late": Case({"check": looks("cart") | {"within": "6s"}}, "Failed", "Timeout"),
    "kubernetes-done": Case(restart("checkout")),
    "kubernetes-refused": Case(restart("nothing"), "Failed", "Denied"),
    "kubernetes-late": Case(PAUSE | NEVER, "Undone", "NotVerified"),
    "job-done": Case(JOB),
    "job-failed": Case(JOB, "Failed", "JobFailed"),
    "job-late": Case(JOB | {"timeout": "6s"}, "Failed", "Timeout"),
    "http-done": Case(call("done")),
    "http-refused": Case(call("refused"), "Failed", "HTTP404"),
    "http-late": Case(call("late"), "Unknown", "OutcomeUnknown"),
    "notify-done": Case({"notify": {"connectionRef": {"name": "console"}, "text": "Hello."}}),
    "notify-refused": Case(
        {"notify": {"connectionRef": {"name": "nobody"}, "text": "Hello."}}, "Failed", "NotSaid"
    ),
    "runbook-done": Case({"runbook": {"runbookRef": {"name": "looks"}}}),
    "runbook-failed": Case({"runbook": {"runbookRef": {"name": "looks-elsewhere"}}}, "Failed", "RunFailed"),
    "runbook-late": Case(
        {"runbook": {"runbookRef": {"name": "waits"}}, "timeout": "6s"}, "Failed", "Timeout"
    ),
}
INNER: dict[str, Json] = {
    "looks": {"check": looks("checkout")},
    "looks-elsewhere": {"check": looks("cart")},
    "waits": {"manual": {"text": "Look."}},
}
JOB_CONDITIONS = {
    "job-done": ("SuccessCriteriaMet", "Complete"),
    "job-failed": ("FailureTarget", "Failed"),
}


@pytest.fixture(scope="module")
def stage(cluster: Cluster) -> Iterator[Stage]:
    with admin_client(cluster) as client:
        yield set_stage(client, "step-kinds")


@pytest.fixture(scope="module")
def team(stage: Stage, operator: OperatorProcess) -> Iterator[Team]:
    """A team all of whose cases have been begun."""
    made = furnished(stage)
    assert made.admin.create("connections", {"console": {}}, name="console").succeeded
    for name, body in INNER.items():
        step = {"name": "act", **body}
        spec = {"title": name, "serviceAccountName": "incident-responder", "steps": [step]}
        assert made.admin.create("runbooks", spec, name=name).succeeded
    with Receiver() as receiver:
        receiver.script("/refused", Reaction(status=404))
        receiver.script("/late", Reaction("hang"))
        for name, case in CASES.items():
            step = json.loads(json.dumps(case.step).replace("@SINK@", receiver.url))
            made.run(name, {"name": "act", **NO_APPROVAL, **step})
        ana = made.stage.person("ana")
        done = {"manualDone": {"ana": {"steps": ["act"]}}}
        assert ana.patch("runbookruns", "manual-done-1", done).succeeded
        for name, conditions in JOB_CONDITIONS.items():
            made.end_job(str(_step(made, name, "handle")), *conditions)
        yield made


def _step(team: Team, name: str, field: str) -> object:
    """A field of a case's step, once it has one."""

    def read() -> object:
        steps = team.status(f"{name}-1").get("steps") or [{}]
        return steps[0].get(field)

    wait_until(lambda: None if read() else f"{name}: {team.status(f'{name}-1')}", LONGEST)
    return read()


@pytest.mark.parametrize("name", CASES)
def test_a_step(team: Team, name: str):
    case = CASES[name]
    _step(team, name, "endedTime")
    (step,) = team.status(f"{name}-1")["steps"]
    assert (step["phase"], step.get("reason", "")) == (case.phase, case.reason), step
    assert case.phase != "Succeeded" or team.ended(f"{name}-1")["phase"] == "Succeeded"
