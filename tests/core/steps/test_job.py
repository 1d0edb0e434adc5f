"""A Job is made once, as the runbook's account, and followed to its end."""

import base64
import json

import pytest

from tests.core.steps.driving import RUN, drive, refused, step
from watchbill.core.outcomes import Result
from watchbill.core.steps.job import JobKind, job_name

KIND = JobKind()
STEP = step(
    job={
        "image": "busybox",
        "command": ["drain", "a"],
        "env": [{"name": "T", "valueSecretRef": {"name": "tokens", "key": "t"}}, {"name": "A", "value": "1"}],
    },
    timeout="90s",
)
NAME = job_name(STEP, RUN)


def plan():
    return drive(KIND.plan(STEP, RUN), (201, {}))[0]


def ended(kind, message=""):
    return {"status": {"conditions": [{"type": kind, "status": "True", "message": message}]}}


def test_it_runs_once_with_the_rights_of_the_account():
    (create,) = plan().requests
    spec = json.loads(create.body)["spec"]
    assert (spec["backoffLimit"], spec["activeDeadlineSeconds"]) == (0, 90)
    pod = spec["template"]["spec"]
    assert (pod["serviceAccountName"], pod["restartPolicy"]) == ("incident-responder", "Never")
    (container,) = pod["containers"]
    assert container["env"][0]["valueFrom"] == {"secretKeyRef": {"name": "tokens", "key": "t"}}


def test_what_admission_refuses_is_told_beforehand():
    denied, (asked,) = drive(KIND.plan(STEP, RUN), (403, refused("violates PodSecurity")))
    assert (denied.denied, asked.dry_run) == ("violates PodSecurity", True)


def test_it_is_under_way_once_it_is_made():
    result, _ = drive(KIND.act(STEP, RUN, plan()), (201, {}))
    assert (result.result, result.pending, result.handle) == (Result.OK, True, NAME)


def test_its_own_job_that_is_there_already_is_followed():
    own = json.loads(plan().requests[0].body)
    result, _ = drive(KIND.act(STEP, RUN, plan()), (409, refused("exists")), (200, own))
    assert (result.result, result.pending) == (Result.OK, True)


@pytest.mark.parametrize("image", [None, "evil"])
def test_anothers_job_of_its_name_is_a_failure(image):
    other = json.loads(plan().requests[0].body)
    other["spec"]["template"]["spec"]["containers"][0]["image"] = image
    result, _ = drive(KIND.act(STEP, RUN, plan()), (409, refused("exists")), (200, other))
    assert (result.result, result.reason) == (Result.PERMANENT, "NameTaken")


def test_nobody_can_tell_without_an_answer():
    assert drive(KIND.act(STEP, RUN, plan()), None)[0].result == Result.UNKNOWN


def test_it_shows_the_log_of_its_pod():
    pods = {"items": [{"metadata": {"name": "pod-1"}}]}
    result, asked = drive(
        KIND.follow(STEP, RUN, NAME), (200, ended("Complete")), (200, pods), "done\n", (200, {})
    )
    assert (result.result, result.output) == (Result.OK, "done\n")
    assert (asked[2].name, asked[2].subresource) == ("pod-1", "log")


@pytest.mark.parametrize("pods", [(403, refused("no")), (200, {"items": []})])
def test_it_does_without_a_log(pods):
    result, _ = drive(KIND.follow(STEP, RUN, NAME), (200, ended("Failed", "DeadlineExceeded")), pods)
    assert (result.result, result.message) == (Result.PERMANENT, "DeadlineExceeded")


@pytest.mark.parametrize(
    ("answer", "result", "pending"),
    [
        ((200, {}), Result.OK, True),
        ((503, None), Result.RETRY, False),
        ((404, refused("gone")), Result.PERMANENT, False),
    ],
)
def test_one_look(answer, result, pending):
    found, _ = drive(KIND.follow(STEP, RUN, NAME), answer)
    assert (found.result, found.pending) == (result, pending)


LOGGED = "it says b3BlbnNlc2FtZS1jYW5hcnk= and opensesame-canary"
DONE = ((200, ended("Complete")), (200, {"items": [{"metadata": {"name": "p"}}]}), LOGGED)


def test_the_secrets_of_its_environment_are_masked_in_its_log():
    secret = {"data": {"t": base64.b64encode(b"opensesame-canary").decode()}}
    result, asked = drive(KIND.follow(STEP, RUN, NAME), *DONE, (200, secret))
    assert result.output == "it says *** and ***"
    assert (asked[-1].verb, asked[-1].kind, asked[-1].name) == ("get", "Secret", "tokens")


def test_its_log_is_not_shown_where_nobody_can_tell_what_to_mask():
    result, _ = drive(KIND.follow(STEP, RUN, NAME), *DONE, (403, refused("no")))
    assert "let the account `get` Secret tokens" in result.output
    assert "opensesame" not in result.output
