"""The performer of runs: at most once for each try, and an outcome whatever happens."""

import asyncio
from collections.abc import Callable
from typing import Any

import pytest

from tests.shell.fake_time import RunningTime
from watchbill.api.runbook import Step
from watchbill.core.outcomes import Result
from watchbill.core.runs.effects import ActOn, LookAt, PlanSteps, RunEffect
from watchbill.core.runs.outcomes import RunOutcome
from watchbill.core.steps.answers import answered
from watchbill.core.steps.contract import Answer, Request, RunFacts, StepResult
from watchbill.shell.cache import ObjectKey
from watchbill.shell.runs.account import AccountProblem
from watchbill.shell.runs.performing import ACT_WITHIN, RunOutside, RunPerformer

KEY = ObjectKey("RunbookRun", "shop", "run-1")
RUN = RunFacts("u-1", "shop", "run-1", "incident-responder", "")
CALL = Step.model_validate({"name": "call", "http": {"url": "https://example.com/"}})
CHECK = Step.model_validate({"name": "look", "check": {"http": {"url": "https://example.com/"}}})
SCALE = Step.model_validate(
    {
        "name": "scale",
        "kubernetes": {
            "targetRef": {"apiVersion": "apps/v1", "kind": "Deployment", "name": "checkout"},
            "scale": {"replicas": 3},
        },
    }
)
ACT = ActOn(RUN, CALL, "", 0)


class Desk:
    """A performer, what it asks, and what came of that."""

    def __init__(self, time: RunningTime) -> None:
        self.time = time
        self.asked: list[Request] = []
        self.outcomes: list[RunOutcome] = []
        self.leads = True
        self.answer: Callable[[Request], Answer] = lambda request: answered(request, 200, {})
        outside = RunOutside(self._answer, self._ask, time.clock(), lambda: self.leads)
        self.performer = RunPerformer(outside, lambda key, outcome: self.outcomes.append(outcome))

    async def _answer(self, request: Request, run: RunFacts) -> Answer:
        self.asked.append(request)
        return self.answer(request)

    async def _ask(self, *_: Any) -> StepResult:
        return StepResult(Result.OK)

    async def perform(self, effect: RunEffect) -> StepResult:
        self.performer.start(KEY, effect)
        assert len(self.performer.in_flight("u-1")) == 1
        await self.performer.drain(5)
        await asyncio.sleep(0)
        assert self.performer.in_flight("u-1") == frozenset()
        return self.outcomes[-1].result


@pytest.fixture
def desk(time: RunningTime) -> Desk:
    return Desk(time)


async def test_one_try_is_made_once(desk: Desk):
    assert (await desk.perform(ACT)).result is Result.OK
    again = await desk.perform(ACT)
    assert (again.result, again.reason, len(desk.asked)) == (Result.UNKNOWN, "Repeated", 1)
    assert (await desk.perform(ActOn(RUN, CALL, "", 1))).result is Result.OK


async def test_who_does_not_lead_any_more_changes_nothing_and_surely(desk: Desk):
    desk.leads = False
    assert (await desk.perform(ACT)).result is Result.CONFLICT
    assert desk.asked == []


async def test_an_act_that_was_held_up_too_long_changes_nothing(desk: Desk):
    def slow(request: Request) -> Answer:
        desk.time.advance(ACT_WITHIN)
        return answered(request, 200, {"metadata": {"resourceVersion": "1"}, "spec": {"replicas": 2}})

    desk.answer = slow
    assert (await desk.perform(ActOn(RUN, SCALE, "", 0))).result is Result.CONFLICT
    assert [request for request in desk.asked if not request.is_read] == []


LOOK = LookAt(RUN, CHECK, "")


@pytest.mark.parametrize(("effect", "result"), [(ACT, Result.UNKNOWN), (LOOK, Result.RETRY)])
async def test_a_fault_of_the_operator_is_an_outcome(desk: Desk, effect: RunEffect, result: Result):
    def faulty(request: Request) -> Answer:
        raise KeyError("a fault")

    desk.answer = faulty
    assert (await desk.perform(effect)).result is result


async def test_a_plan_without_a_token_says_so_and_a_step_without_one_was_not_begun(desk: Desk):
    def forbidden(request: Request) -> Answer:
        raise AccountProblem(Result.AUTH, "let it: kubectl …")

    desk.answer = forbidden
    planned = await desk.perform(PlanSteps(RUN, (SCALE,)))
    assert (planned.result, planned.message) == (Result.AUTH, "let it: kubectl …")
    acted = await desk.perform(ActOn(RUN, SCALE, "sha256:4f1c0d9be2a7", 0))
    assert (acted.result, acted.reason) == (Result.CONFLICT, "PlanChanged")
