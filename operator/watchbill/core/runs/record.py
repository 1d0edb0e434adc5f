"""Folds outcomes into the status of a run, so that what came of a step is part of the next decision."""

from collections.abc import Sequence
from datetime import datetime, timedelta
from typing import NamedTuple, assert_never

from watchbill.api.durations import parse_duration
from watchbill.api.runbook import Step
from watchbill.api.runbook_run import RunbookRun
from watchbill.api.runbook_run_status import OutputRef, RunbookRunStatus, StepStatus
from watchbill.core.backoff import backoff
from watchbill.core.outcomes import Result
from watchbill.core.runs import finishing, planning
from watchbill.core.runs.decision import RunEvent
from watchbill.core.runs.draft import MESSAGE, RunDraft
from watchbill.core.runs.effects import ActOn, AskPerson, LookAt, PlanSteps, UndoStep, VerifyStep
from watchbill.core.runs.observation import RunObservation
from watchbill.core.runs.outcomes import RunOutcome
from watchbill.core.runs.output import masked, shown
from watchbill.core.steps.contract import StepResult
from watchbill.core.texts import cut, neutral

POLL = timedelta(seconds=5)
"""How often what is under way is looked at."""

CONFLICTS = 10
"""How often a step is begun anew because what it changes, or its plan, was another by then."""

UNDO_TRIES = 5
"""How often what surely was not taken back is tried again."""

RETRY_BACKOFF = timedelta(seconds=5)


class Recorded(NamedTuple):
    """The status with the outcomes in it, and what to tell people of them."""

    status: RunbookRunStatus
    events: tuple[RunEvent, ...]


def record_run(run: RunbookRun, outcomes: Sequence[RunOutcome], now: datetime) -> Recorded:
    """The status of the run with these outcomes folded in; a run that has ended stays as it is."""
    draft = RunDraft(RunObservation(run), now, run.status)
    for outcome in outcomes:
        if not draft.is_over and draft.status.snapshot is not None:
            draft = _folded(draft, outcome)
    return Recorded(draft.status, draft.events)


def _folded(draft: RunDraft, outcome: RunOutcome) -> RunDraft:
    effect, result = outcome.effect, outcome.result
    match effect:
        case PlanSteps():
            if result.result == Result.OK:
                return planning.with_plans(draft, outcome.plans, outcome.time)
            return planning.without_plan(draft, result, outcome.time)
        case AskPerson():
            return _asked(draft, result, outcome.time)
        case ActOn() | LookAt() | VerifyStep() | UndoStep():
            step = next((each for each in draft.status.steps if each.name == effect.step), None)
            if step is None or not _is_awaited(step, effect):
                return draft
            return _step_folded(draft, step, outcome)
        case _:
            assert_never(effect)


def _step_folded(draft: RunDraft, step: StepStatus, outcome: RunOutcome) -> RunDraft:
    effect, result = outcome.effect, _cleaned(outcome)
    match effect:
        case ActOn():
            return _acted(_with_output(draft, step, outcome), step, effect, result)
        case LookAt() if step.phase == "Following":
            return _looked(_with_output(draft, step, outcome), step, effect.body, result)
        case VerifyStep():
            return _verified(draft, step, result)
        case UndoStep() | LookAt():
            return _taken_back(draft, step, result)
        case _:
            return draft


def _is_awaited(step: StepStatus, effect: ActOn | LookAt | VerifyStep | UndoStep) -> bool:
    """Whether the step still waits for what came of this effect."""
    match effect:
        case ActOn():
            return step.phase == "Acting" and step.attempts == effect.attempt
        case LookAt():
            return step.phase == ("Undoing" if effect.undoing else "Following")
        case VerifyStep():
            return step.phase == "Verifying"
        case UndoStep():
            return step.phase == "Undoing" and step.attempts == effect.attempt


def _cleaned(outcome: RunOutcome) -> StepResult:
    """The result, with nothing in its message that must not be shown."""
    effect, result = outcome.effect, outcome.result
    text = cut(neutral(masked(result.message, effect.run.masked)), MESSAGE)
    # What holds a secret is not kept, and is taken back by hand.
    undo = result.undo if masked(result.undo, effect.run.masked) == result.undo else ""
    return StepResult(
        result.result,
        result.pending,
        result.handle,
        shown(result.output, effect.run.masked),
        result.reason,
        text,
        undo,
        result.planned,
        result.owes,
    )


def _with_output(draft: RunDraft, step: StepStatus, outcome: RunOutcome) -> RunDraft:
    """The draft with where the whole output is kept, where there is more than is shown."""
    if not outcome.output_name:
        return draft
    return draft.with_step(step.name, output_ref=OutputRef(name=outcome.output_name))


def _acted(draft: RunDraft, step: StepStatus, effect: ActOn, result: StepResult) -> RunDraft:
    name = step.name
    draft = draft.with_step(name, attempts=step.attempts + 1, claim=None)
    debt = masked(result.planned.debt, effect.run.masked) if result.planned is not None else ""
    if result.result == Result.UNKNOWN or result.owes:
        # What may have been changed is owed as what was.
        draft = finishing.indebted(draft, name, debt)
    match result.result:
        case Result.OK:
            draft = finishing.indebted(draft.with_step(name, undo=result.undo), name, debt)
            if not result.pending:
                return finishing.done(draft, effect.body, result.output)
            next_time = draft.now + POLL
            return draft.with_step(name, phase="Following", handle=result.handle, next_time=next_time)
        case Result.UNKNOWN:
            said = result.message or "there was no answer"
            return finishing.unknown(draft, name, f"nobody can tell whether it was done: {said}")
        case Result.CONFLICT:
            return _again(draft, step, result, effect.body)
        case Result.RETRY:
            return _retried(draft, step, result, effect.body)
        case Result.PERMANENT | Result.AUTH:
            draft = draft.with_step(name, undo=result.undo)
            return finishing.failed(draft, name, result.reason or "Failed", result.message)
        case _:
            assert_never(result.result)


def _again(draft: RunDraft, step: StepStatus, result: StepResult, body: Step) -> RunDraft:
    """Surely nothing was done, since something had changed: begin anew, with the new plan if there is one."""
    if result.planned is not None and result.reason == "PlanChanged":
        draft = planning.with_plan_of(draft, body, result.planned, draft.now)
    if step.attempts + 1 > CONFLICTS:
        return finishing.failed(
            draft, step.name, "Conflict", "it keeps changing meanwhile: look who does that"
        )
    return _pending(draft, step, result, backoff(step.attempts + 1))


def _retried(draft: RunDraft, step: StepStatus, result: StepResult, body: Step) -> RunDraft:
    """Surely nothing was done: begin anew as often as the runbook says."""
    limit = body.retry.limit if body.retry is not None else 0
    if step.attempts + 1 > limit:
        return finishing.failed(draft, step.name, result.reason or "Failed", result.message)
    first = RETRY_BACKOFF
    if body.retry is not None and body.retry.backoff is not None:
        first = parse_duration(body.retry.backoff)
    return _pending(draft, step, result, first * 2**step.attempts)


def _pending(draft: RunDraft, step: StepStatus, result: StepResult, wait: timedelta) -> RunDraft:
    return draft.with_step(
        step.name,
        phase="Pending",
        next_time=draft.now + wait,
        deadline_time=None,
        reason=cut(result.reason, 32),
        message=result.message,
    )


def _looked(draft: RunDraft, step: StepStatus, body: Step, result: StepResult) -> RunDraft:
    """What one look at a step under way has shown; a look that failed is taken again."""
    draft = draft.with_step(step.name, attempts=max(1, step.attempts))
    if result.result == Result.OK and not result.pending:
        return finishing.done(draft, body, result.output)
    if result.result in (Result.PERMANENT, Result.AUTH):
        draft = draft.with_step(step.name, output=result.output)
        return finishing.failed(draft, step.name, result.reason or "Failed", result.message)
    return draft.with_step(step.name, next_time=draft.now + POLL, message=result.message)


def _verified(draft: RunDraft, step: StepStatus, result: StepResult) -> RunDraft:
    if result.result == Result.OK and not result.pending:
        return finishing.succeeded(draft, step.name, step.output)
    if result.result == Result.PERMANENT:
        return finishing.refuted(draft, step.name, result.message)
    return draft.with_step(step.name, next_time=draft.now + POLL, message=result.message)


def _taken_back(draft: RunDraft, step: StepStatus, result: StepResult) -> RunDraft:
    name, attempts = step.name, step.attempts + 1
    if step.handle and result.result not in (Result.OK, Result.PERMANENT):
        return draft.with_step(name, next_time=draft.now + POLL)
    if result.result == Result.OK and result.pending:
        handle = result.handle or step.handle
        return draft.with_step(name, claim=None, handle=handle, next_time=draft.now + POLL)
    if result.result == Result.OK:
        return finishing.undone(draft, name)
    if result.result == Result.UNKNOWN:
        said = result.message or "there was no answer"
        return finishing.unknown(draft, name, f"nobody can tell whether it was taken back: {said}")
    if result.result != Result.PERMANENT and attempts < UNDO_TRIES:
        changes = {"attempts": attempts, "claim": None, "next_time": draft.now + backoff(attempts)}
        return draft.with_step(name, phase="UndoPending", **changes)
    return finishing.not_undone(draft, name, result.reason or "UndoFailed", result.message)


def _asked(draft: RunDraft, result: StepResult, at: datetime) -> RunDraft:
    attention = draft.status.attention
    if attention is None:
        return draft
    attempts = attention.attempts + 1
    if result.result == Result.OK:
        changes = {"attempts": attempts, "asked_time": at, "next_time": None}
        return draft.having(attention=attention.model_copy(update=changes))
    changes = {"attempts": attempts, "next_time": at + backoff(attempts)}
    return draft.having(attention=attention.model_copy(update=changes))
