"""Takes steps back, the last one first, one at a time."""

from collections.abc import Iterator
from datetime import datetime

from watchbill.api.page import Claim
from watchbill.api.run_reasons import RunEventReason
from watchbill.api.runbook_run_status import StepStatus
from watchbill.core.runs import finishing, guards
from watchbill.core.runs.draft import TAKEN_BACK, RunDraft
from watchbill.core.runs.stepping import ACT_DEADLINE, STEP_TIMEOUT, key_of, orphaned


def taken_back(draft: RunDraft) -> RunDraft:
    """The draft with the step that is to be taken back next a step further."""
    step = turn(draft)
    if step is None:
        return draft
    if step.phase == "Undoing":
        late = step.handle and step.deadline_time is not None and draft.now >= step.deadline_time
        if late:
            return finishing.not_undone(draft, step.name, "Timeout", "it took too long")
        return orphaned(draft, step)
    due = step.next_time is None or draft.now >= step.next_time
    if guards.paused(draft) is not None or not due:
        return draft
    claim = Claim(by=draft.observation.holder, time=draft.now)
    deadline = draft.now + STEP_TIMEOUT
    draft = draft.told(RunEventReason.UNDO_STARTED, f"step {step.name} is taken back")
    return draft.with_step(step.name, phase="Undoing", claim=claim, next_time=None, deadline_time=deadline)


def turn(draft: RunDraft) -> StepStatus | None:
    """The step that is being taken back, else the last of those that are to be; None where there is none."""
    if draft.is_over:
        return None
    waiting = [each for each in draft.status.steps if each.phase in TAKEN_BACK]
    begun = [each for each in waiting if each.phase == "Undoing"]
    return next(iter(begun or waiting[-1:]), None)


def wakeups(draft: RunDraft) -> Iterator[datetime]:
    """The moments at which taking back moves on by the passing of time."""
    step = turn(draft)
    if step is None:
        return
    if step.next_time is not None:
        yield step.next_time
    if step.deadline_time is not None:
        yield step.deadline_time
    seen = draft.observation.foreign_claims.get(key_of(draft, step))
    if seen is not None:
        yield seen + ACT_DEADLINE
