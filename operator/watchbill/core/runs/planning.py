"""What a run would do, and how the plan that was shown is kept or replaced."""

from collections.abc import Iterator, Sequence
from datetime import datetime, timedelta

from watchbill.api.run_reasons import RunEventReason, RunReason
from watchbill.api.runbook import Step
from watchbill.api.runbook_run_status import MAX_DIFF, Plan, PlannedStatus
from watchbill.core.backoff import backoff
from watchbill.core.digest import fingerprint
from watchbill.core.outcomes import Result
from watchbill.core.runs import approvals
from watchbill.core.runs.draft import MESSAGE, RunDraft, facts_of, steps_of
from watchbill.core.runs.output import masked
from watchbill.core.steps.contract import Planned, StepResult
from watchbill.core.steps.reversing import kept
from watchbill.core.texts import MARK, cut, neutral, neutral_lines

AGAIN = timedelta(seconds=15)
"""How soon a plan is asked for again that the account's rights did not suffice for."""


def is_wanted(draft: RunDraft) -> bool:
    """Whether a plan is to be asked for now: there is none, or one that lacks a right."""
    status = draft.status
    if draft.is_over or draft.is_stopped or status.snapshot is None:
        return False
    lacking = status.plan is None or (
        status.started_time is None and not draft.is_dry and any(each.forbidden for each in status.plan.steps)
    )
    return lacking and (status.next_plan_time is None or draft.now >= status.next_plan_time)


def wakeups(draft: RunDraft) -> Iterator[datetime]:
    """The moment at which a plan is asked for again."""
    if draft.status.next_plan_time is not None and not draft.is_stopped:
        yield draft.status.next_plan_time


def with_plans(draft: RunDraft, plans: Sequence[Planned], at: datetime) -> RunDraft:
    """The draft with this plan, one entry for each step; approvals of another one count no more."""
    steps = tuple(_entry(draft, step, planned) for step, planned in zip(steps_of(draft), plans, strict=True))
    again = any(each.forbidden for each in steps) and not draft.is_dry
    draft = draft.having(
        plan_reason="",
        plan_message="",
        plan_attempts=draft.status.plan_attempts + 1,
        next_plan_time=at + AGAIN if again else None,
    )
    return _with_steps(draft, steps, at)


def with_plan_of(draft: RunDraft, body: Step, planned: Planned, at: datetime) -> RunDraft:
    """The draft with another plan of one step."""
    plan = draft.status.plan
    assert plan is not None
    entry = _entry(draft, body, planned)
    steps = tuple(entry if each.name == body.name else each for each in plan.steps)
    return _with_steps(draft, steps, at)


def without_plan(draft: RunDraft, result: StepResult, at: datetime) -> RunDraft:
    """The draft that could not be planned, with when that is tried again."""
    attempts = draft.status.plan_attempts + 1
    reason = RunReason.ACCOUNT_FORBIDDEN if result.result == Result.AUTH else RunReason.NO_PLAN
    return draft.having(
        plan_reason=reason.value,
        plan_message=cut(neutral(result.message), MESSAGE),
        plan_attempts=attempts,
        next_plan_time=at + backoff(attempts),
    )


def _with_steps(draft: RunDraft, steps: tuple[PlannedStatus, ...], at: datetime) -> RunDraft:
    old, snapshot = draft.status.plan, draft.status.snapshot
    assert snapshot is not None
    shown = [each.to_json() for each in steps]
    values = [[each.name, each.value] for each in draft.status.parameters]
    run = [draft.observation.run.metadata.uid, snapshot.hash, snapshot.account]
    hash_ = fingerprint([run, values, shown])
    if old is not None and old.hash == hash_:
        return draft
    if old is not None and draft.status.approvals:
        draft = draft.told(
            RunEventReason.PLAN_CHANGED, f"the plan is now {hash_}: approve it anew", "Warning"
        )
    return draft.having(plan=Plan(hash=hash_, time=at, steps=steps))


def _entry(draft: RunDraft, step: Step, planned: Planned) -> PlannedStatus:
    secrets = facts_of(draft).masked
    diff = neutral_lines(masked("\n".join(planned.diff), secrets))
    if len(diff) > MAX_DIFF:
        kept = diff[: MAX_DIFF - 40].rpartition("\n")[0]
        diff = f"{kept}\n{MARK} and {len(diff) - len(kept)} more characters"
    undo = f"step {step.undo.kind}" if step.undo is not None else _undo(planned)
    return PlannedStatus(
        name=step.name,
        hash=planned.hash,
        risk=approvals.risk_of(step),
        approvals=approvals.needed(step),
        summary=cut(neutral(masked(planned.summary, secrets)), MESSAGE),
        diff=diff,
        denied=cut(neutral(masked(planned.denied, secrets)), MESSAGE),
        forbidden=planned.forbidden,
        undo=undo,
    )


def _undo(planned: Planned) -> str:
    if not planned.requests or all(request.is_read for request in planned.requests):
        return ""
    known = kept(planned.reversals) or planned.previous
    return "what was there before, if nobody has changed it since" if known else "by hand"
