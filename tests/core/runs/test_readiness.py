"""What is wrong with a runbook is told before anybody runs it."""

import pytest

from tests.core.runs.world import T0, TARGET, runbook, scale
from tests.support.manifests import documents, parsed
from watchbill.core.runs import readiness
from watchbill.core.runs.readiness import runbook_problems

WAIT = {"name": "a", "wait": {"duration": "1s"}}


@pytest.mark.parametrize(
    ("step", "spec", "path", "problem"),
    [
        (
            WAIT,
            {"parameters": [{"name": "p", "type": "Integer", "default": "x"}]},
            "spec.parameters[p].default",
            "must be an integer",
        ),
        (
            WAIT,
            {"safety": {"lockKey": "{{ parameters.p }}"}},
            "spec.safety.lockKey",
            "`parameters.p` is not known",
        ),
        (WAIT, {"match": {"condition": "=="}}, "spec.match.condition", "is no CEL"),
        ({**WAIT, "if": "=="}, {}, "spec.steps[a].if", "is no CEL"),
        (
            {"name": "a", "manual": {"text": "{{ parameters.p }}"}},
            {},
            "spec.steps[a].manual.text",
            "`parameters.p` is not known",
        ),
        (
            {"name": "a", "rollback": {"targetRef": TARGET | {"kind": "Rollout"}}},
            {},
            "spec.steps[a].rollback.targetRef",
            "only Deployment, StatefulSet, DaemonSet of apps/v1 can be rolled back, and no Rollout",
        ),
        (
            {"name": "a", "kubernetes": {"targetRef": TARGET, "scale": {"replicasParameter": "p"}}},
            {"parameters": [{"name": "p"}]},
            "spec.steps[a].kubernetes.scale.replicasParameter",
            "there is no Integer parameter p",
        ),
        (
            {"name": "a", "check": {"targetRef": TARGET, "condition": "("}},
            {},
            "spec.steps[a].check.condition",
            "is no CEL",
        ),
    ],
)
def test_a_problem_has_its_path(step, spec, path, problem):
    (found,) = runbook_problems(runbook(step, **spec).spec)
    assert found.path == path
    assert found.message.startswith(problem)


def test_a_good_runbook_has_none():
    assert runbook_problems(runbook(scale("up", 3), WAIT).spec) == ()


def test_the_runbook_that_users_type_has_none():
    (document,) = [each for each in documents("runbook.yaml") if each["kind"] == "Runbook"]
    assert runbook_problems(parsed(document).spec) == ()


def test_a_kind_that_a_newer_operator_knows_is_a_problem(monkeypatch: pytest.MonkeyPatch):
    monkeypatch.setattr(readiness, "STEP_KINDS", {})
    (found,) = runbook_problems(runbook(WAIT).spec)
    assert (found.path, found.message) == ("spec.steps[a].wait", "this operator knows no such kind")


@pytest.mark.parametrize(
    ("suspend", "step", "said"),
    [
        (True, WAIT, ("True", "Suspended", "suspended: no run of it begins; to resume it: ")),
        (True, {**WAIT, "if": "=="}, ("False", "InvalidSpec", "spec.steps[a].if: is no CEL")),
        (False, WAIT, ("True", "ResolvedRefs", "valid, and all that it names exists")),
    ],
)
def test_a_suspended_one_is_ready_and_says_so_but_hides_no_fault(suspend, step, said):
    found = readiness.runbook_condition(runbook(step, suspend=suspend), T0)
    assert (found.status, found.reason) == said[:2]
    assert found.message.startswith(said[2])
