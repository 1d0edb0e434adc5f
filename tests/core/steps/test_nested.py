"""A runbook within a runbook is a run that the account of the outer one creates."""

import json
from dataclasses import replace

import pytest

from tests.core.steps.driving import RUN, drive, refused, step
from watchbill.core.outcomes import Result
from watchbill.core.steps.nested import NestedKind, run_name

KIND = NestedKind()
STEP = step(runbook={"runbookRef": {"name": "other"}, "parameters": {"size": "3"}})
NAME = run_name(STEP, RUN)


def plan(run=RUN):
    return drive(KIND.plan(STEP, run), (201, {}))[0]


def test_it_is_requested_by_the_account_as_part_of_the_run():
    (create,) = plan(replace(RUN, incident="checkout-500s")).requests
    assert json.loads(create.body)["spec"] == {
        "runbookRef": {"name": "other"},
        "parameters": {"size": "3"},
        "requestedBy": "system:serviceaccount:shop:incident-responder",
        "parentRef": {"name": "run-1"},
        "incidentRef": {"name": "checkout-500s"},
    }


def test_an_account_that_may_not_run_it_is_told_beforehand():
    denied, _ = drive(KIND.plan(STEP, RUN), (403, refused("needs the verb `run`")))
    assert (denied.denied, denied.forbidden) == ("needs the verb `run`", True)


@pytest.mark.parametrize("answer", [(201, {}), (409, refused("exists"))])
def test_it_is_under_way_once_it_is_there(answer):
    result, _ = drive(KIND.act(STEP, RUN, plan()), answer)
    assert (result.result, result.pending, result.handle) == (Result.OK, True, NAME)


def found(phase, **other):
    spec = json.loads(plan().requests[0].body)["spec"]
    return {"spec": spec | other, "status": {"phase": phase}}


@pytest.mark.parametrize(
    ("answer", "result", "pending"),
    [
        ((200, found("Running")), Result.OK, True),
        ((200, found("Succeeded")), Result.OK, False),
        ((200, found("Undone")), Result.PERMANENT, False),
        ((200, found("Succeeded", parentRef={"name": "another"})), Result.PERMANENT, False),
        ((200, found("Succeeded", requestedBy="mallory")), Result.PERMANENT, False),
        ((200, found("Succeeded", parameters={})), Result.PERMANENT, False),
        ((404, refused("gone")), Result.PERMANENT, False),
        ((500, None), Result.RETRY, False),
    ],
)
def test_one_look(answer, result, pending):
    looked, _ = drive(KIND.follow(STEP, RUN, NAME), answer)
    assert (looked.result, looked.pending) == (result, pending)
