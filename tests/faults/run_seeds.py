"""Faults of the operator in what it does for runbooks."""

from typing import Any

from watchbill.core.outcomes import Result
from watchbill.core.runs.draft import RunDraft
from watchbill.core.steps.contract import StepResult


def begun_again(draft: RunDraft, step: Any) -> RunDraft:
    """A step whose process died is begun anew at once."""
    if step.claim is None or step.claim.by == draft.observation.holder:
        return draft
    return draft.with_step(step.name, phase="Pending", claim=None)


def tried_again(draft: RunDraft, name: str, message: str) -> RunDraft:
    """A step of which nobody can tell is begun anew."""
    return draft.with_step(name, phase="Pending", claim=None)


def taken_for_done(draft: RunDraft, name: str, message: str) -> RunDraft:
    """A step of which nobody can tell counts as done."""
    return draft.with_step(name, phase="Succeeded", claim=None, ended_time=draft.now)


async def reached(people: Any, key: Any, effect: Any) -> StepResult:
    """Nobody is asked, and that counts as asked."""
    return StepResult(Result.OK)
