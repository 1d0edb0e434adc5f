"""The one decision on a run: what is true of it now, what to do about it, and when to look again."""

from collections.abc import Callable, Iterator
from datetime import datetime

from watchbill.api.run_reasons import RunReason
from watchbill.api.runbook_run_status import StepStatus
from watchbill.core.runs import (
    approvals,
    conditions,
    ending,
    guards,
    pinning,
    planning,
    snapshot,
    stepping,
    undoing,
)
from watchbill.core.runs.decision import RunDecision
from watchbill.core.runs.draft import RunDraft, facts_of, step_of, steps_of
from watchbill.core.runs.effects import (
    ActOn,
    AskPerson,
    LookAt,
    PlanSteps,
    RunEffect,
    UndoStep,
    VerifyStep,
    run_key,
)
from watchbill.core.runs.observation import RunObservation

MAX_PASSES = 200
"""More passes than any run needs; beyond it there is a programming error."""

STEPS: tuple[Callable[[RunDraft], RunDraft], ...] = (
    ending.called_off,
    ending.timed_out,
    pinning.pinned,
    approvals.seen,
    approvals.rejected,
    undoing.taken_back,
    stepping.stepped,
    ending.ended,
    conditions.judged,
)
"""The steps of one pass, in order: people's acts come before the clock, and what is true comes last."""


def decide_run(observation: RunObservation, now: datetime) -> RunDecision:
    """The decision for what was observed, at a moment: deciding again at that moment changes nothing.

    `now` is aware and in whole milliseconds. A run that has ended stays as it is, whatever is observed.
    """
    draft = RunDraft(observation, now, observation.run.status)
    if draft.is_over:
        return RunDecision(draft.status)
    pinned = draft.status.snapshot
    if pinned is not None and (problem := snapshot.problem(pinned.hash, pinned.content, pinned.account)):
        return RunDecision(conditions.held_up(draft, RunReason.UNREADABLE, problem).status)
    draft = _settled(draft)
    first = min((moment for moment in _wakeups(draft) if moment > now), default=None)
    flying = observation.in_flight
    return RunDecision(
        status=draft.status,
        effects=tuple(each for each in _effects(draft) if (run_key(each), each.action) not in flying),
        requeue_after=None if first is None else first - now,
        events=draft.events,
        wants_others=not draft.is_over and guards.wants_others(draft),
    )


def _settled(draft: RunDraft) -> RunDraft:
    for _ in range(MAX_PASSES):
        before = draft.status
        for step in STEPS:
            draft = step(draft)
        if draft.status == before:
            return draft
    raise RuntimeError(f"no fixed point after {MAX_PASSES} passes")


def _wakeups(draft: RunDraft) -> Iterator[datetime]:
    if draft.is_over:
        return
    yield from ending.wakeups(draft)
    if draft.status.snapshot is not None:
        yield from planning.wakeups(draft)
        yield from stepping.wakeups(draft)
        yield from undoing.wakeups(draft)
    attention = draft.status.attention
    if attention is not None and attention.next_time is not None and attention.asked_time is None:
        yield attention.next_time


def _effects(draft: RunDraft) -> Iterator[RunEffect]:
    """What is to be done now, each thing at most once for what the status says."""
    if draft.is_over or draft.status.snapshot is None:
        return
    attention = draft.status.attention
    if attention is not None and attention.asked_time is None and _is_due(draft, attention.next_time):
        yield AskPerson(facts_of(draft), "", attention.reason, attention.message)
    if planning.is_wanted(draft):
        yield PlanSteps(facts_of(draft), steps_of(draft))
    step = undoing.turn(draft) or stepping.current(draft)
    if step is not None:
        yield from _step_effects(draft, step)


def _step_effects(draft: RunDraft, step: StepStatus) -> Iterator[RunEffect]:
    run, body = facts_of(draft), step_of(draft, step.name)
    mine = step.claim is not None and step.claim.by == draft.observation.holder
    due = _is_due(draft, step.next_time)
    planned = stepping.planned_of(draft, step.name)
    match step.phase:
        case "Acting" if mine:
            yield ActOn(run, body, planned.hash if planned else "", step.attempts)
        case "Following" if due:
            yield LookAt(run, body, step.handle)
        case "Verifying" if due:
            yield VerifyStep(run, body)
        case "Undoing" if step.handle and due:
            yield LookAt(run, body, step.handle, undoing=True)
        case "Undoing" if mine and not step.handle:
            yield UndoStep(run, body, step.undo, step.attempts)


def _is_due(draft: RunDraft, moment: datetime | None) -> bool:
    return moment is None or draft.now >= moment
