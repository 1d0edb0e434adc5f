"""Takes one step after the other: begun when nothing is in the way, watched, verified, and ended."""

from collections.abc import Iterator
from datetime import datetime, timedelta

from watchbill.api.durations import parse_duration
from watchbill.api.page import Claim
from watchbill.api.run_reasons import RunEventReason, RunReason
from watchbill.api.runbook import Step
from watchbill.api.runbook_run_status import PlannedStatus, StepStatus
from watchbill.core.cel import truth
from watchbill.core.runs import approvals, finishing, guards
from watchbill.core.runs.draft import TAKEN_BACK, UNDER_WAY, RunDraft, step_of, values_of
from watchbill.core.runs.parameters import incident_fields
from watchbill.core.runs.pinning import Block, suspended
from watchbill.core.steps.contract import LocalKind, View, Waiting
from watchbill.core.steps.registry import STEP_KINDS

STEP_TIMEOUT = timedelta(minutes=10)
"""How long a step may be under way where it does not say."""

ACT_DEADLINE = timedelta(seconds=60)
"""After how long a claim without outcome, held by another process, leaves open what was done."""


def stepped(draft: RunDraft) -> RunDraft:
    """The draft with its current step a step further."""
    step = current(draft)
    if step is None:
        return draft
    if step.phase == "Pending":
        return _pending(draft, step)
    return orphaned(draft, step) if step.phase == "Acting" else _overdue(draft, step)


def current(draft: RunDraft) -> StepStatus | None:
    """The step whose turn it is: the one under way, else the next one; None where there is none."""
    if draft.is_over or draft.status.plan is None or draft.is_dry:
        return None
    if any(each.phase in TAKEN_BACK for each in draft.status.steps):
        return None
    waiting = UNDER_WAY if draft.is_stopped else ("Pending", *UNDER_WAY)
    return next((each for each in draft.status.steps if each.phase in waiting), None)


def block(draft: RunDraft) -> Block | None:
    """What keeps the current step from starting, approvals aside; None where nothing does."""
    step = current(draft)
    if step is None or step.phase != "Pending":
        return None
    return _barred(draft, step_of(draft, step.name)) or guards.locking(draft)[1]


def _barred(draft: RunDraft, body: Step) -> Block | None:
    """What keeps a step from starting, the lock aside."""
    if found := guards.paused(draft) or suspended(draft):
        return found
    if forbidden := [each for each in planned_steps(draft) if each.forbidden]:
        return Block(RunReason.DENIED, f"step {forbidden[0].name}: {forbidden[0].denied}")
    high = approvals.risk_of(body) == "High"
    if high and approvals.is_automatic(draft) and approvals.needed(body) == 0:
        said = f"step {body.name} is of High risk, and no person stands behind the run"
        return Block(RunReason.NEEDS_PERSON, said)
    lock = draft.status.lock
    return guards.limited(draft) if lock is None or lock.state != "Held" else None


def wakeups(draft: RunDraft) -> Iterator[datetime]:
    """The moments at which the current step moves on by the passing of time."""
    step = current(draft)
    if step is None:
        return
    if step.next_time is not None:
        yield step.next_time
    if step.deadline_time is not None:
        yield step.deadline_time
    seen = draft.observation.foreign_claims.get(key_of(draft, step))
    if seen is not None:
        yield seen + ACT_DEADLINE
    if step.phase == "Pending":
        body = step_of(draft, step.name)
        yield from approvals.expiries(draft, body)
        yield from guards.wakeups(draft)
        kind = STEP_KINDS[body.kind]
        if isinstance(kind, LocalKind) and step.acted_time is not None:
            judged = kind.judged(body, View(step.acted_time, draft.now))
            if isinstance(judged, Waiting) and judged.until is not None:
                yield judged.until


def planned_steps(draft: RunDraft) -> tuple[PlannedStatus, ...]:
    """The steps of the plan; none where there is no plan."""
    return draft.status.plan.steps if draft.status.plan is not None else ()


def planned_of(draft: RunDraft, name: str) -> PlannedStatus | None:
    """What the plan says of one step."""
    return next((each for each in planned_steps(draft) if each.name == name), None)


def key_of(draft: RunDraft, step: StepStatus) -> str:
    """The key of all that is done in a step."""
    return f"{draft.observation.run.metadata.uid}/{step.name}"


def orphaned(draft: RunDraft, step: StepStatus) -> RunDraft:
    """The draft in which a claim whose holder is gone leaves open what was done."""
    claim = step.claim
    if claim is None or claim.by == draft.observation.holder:
        return draft
    seen = draft.observation.foreign_claims.get(key_of(draft, step), draft.now)
    if draft.now < seen + ACT_DEADLINE:
        return draft
    kind = STEP_KINDS[step_of(draft, step.name).kind]
    said = "the process that did it is gone, and nobody can tell whether it was done"
    if step.phase == "Acting" and not isinstance(kind, LocalKind) and not kind.unknown_stops:
        return finishing.succeeded(draft.with_step(step.name, claim=None), step.name, said)
    # Of what may have been changed no more is known than what the step itself says.
    owing = finishing.indebted(draft, step.name, "") if step.phase == "Acting" else draft
    return finishing.unknown(owing, step.name, said)


def _pending(draft: RunDraft, step: StepStatus) -> RunDraft:
    body = step_of(draft, step.name)
    if body.if_ is not None and step.attempts == 0:
        found = truth(body.if_, _seen_by_if(draft))
        if found.problem:
            return finishing.failed(draft, step.name, "InvalidCondition", f"if {found.problem}")
        if not found.holds:
            return draft.with_step(step.name, phase="Skipped", ended_time=draft.now)
    if step.started_time is None:
        draft = draft.with_step(step.name, started_time=draft.now)
    if not approvals.is_approved(draft, body):
        return _awaiting(draft, step, body)
    # What was waited for till now were approvals.
    draft = draft.with_step(step.name, deadline_time=None) if step.deadline_time else draft
    if (step.next_time is not None and draft.now < step.next_time) or _barred(draft, body) is not None:
        return draft
    draft, locked = guards.locking(draft)
    return draft if locked is not None else _begun(draft, step.name, body)


def _awaiting(draft: RunDraft, step: StepStatus, body: Step) -> RunDraft:
    """The draft that waits for approvals, until nobody gave them in time."""
    length = parse_duration((body.approval or approvals.DEFAULT).expires_after)
    if step.deadline_time is None:
        wanted = f"step {step.name} waits for {approvals.needed(body)} to approve the plan"
        plan = draft.status.plan
        draft = draft.told(RunEventReason.APPROVAL_WANTED, f"{wanted} {plan.hash if plan else ''}")
        return draft.with_step(step.name, deadline_time=draft.now + length)
    if draft.now < step.deadline_time:
        return draft
    said = f"nobody approved step {step.name} within {(body.approval or approvals.DEFAULT).expires_after}"
    return draft.stopped(RunReason.APPROVAL_EXPIRED, said)


def _begun(draft: RunDraft, name: str, body: Step) -> RunDraft:
    kind = STEP_KINDS[body.kind]
    step = next(each for each in draft.status.steps if each.name == name)
    draft = draft if draft.status.started_time else draft.having(started_time=draft.now)
    if isinstance(kind, LocalKind):
        return _judged(draft, step, body, kind)
    patience = kind.patience(body)
    length = _timeout(body) if patience is None else patience
    changes: dict[str, object] = {
        "approved_by": approvals.approvers(draft, body)[:5],
        "deadline_time": draft.now + length,
    }
    changes["acted_time"] = step.acted_time or draft.now
    if not kind.acts:
        return draft.with_step(name, phase="Following", next_time=draft.now, **changes)
    claim = Claim(by=draft.observation.holder, time=draft.now)
    draft = draft.told(RunEventReason.STEP_STARTED, f"step {name} was begun")
    return draft.with_step(name, phase="Acting", claim=claim, next_time=None, **changes)


def _judged(draft: RunDraft, step: StepStatus, body: Step, kind: LocalKind) -> RunDraft:
    done_by = (user for user, done in sorted(draft.spec.manual_done.items()) if step.name in done.steps)
    view = View(step.acted_time or draft.now, draft.now, next(done_by, ""))
    found = kind.judged(body, view)
    if not isinstance(found, Waiting):
        return finishing.done(draft, body, found.output)
    end = view.started + _timeout(body) if body.timeout else None
    if end is not None and draft.now >= end:
        return finishing.failed(draft, step.name, "Timeout", f"it was not done within {body.timeout}")
    return draft.with_step(step.name, acted_time=view.started, deadline_time=end)


def _overdue(draft: RunDraft, step: StepStatus) -> RunDraft:
    """The draft in which what was waited for in vain has failed.

    A first look is always taken, and the one that is due: a process that was away for as long has not seen
    what became of it.
    """
    deadline = step.deadline_time
    looked = step.attempts > 0 or step.phase == "Verifying"
    is_due = step.next_time is None or step.next_time <= draft.now
    if deadline is None or draft.now < deadline or not looked or is_due or _is_flying(draft, step):
        return draft
    message = step.message or "it took too long"
    if step.phase == "Verifying":
        return finishing.refuted(draft, step.name, message)
    return finishing.failed(draft, step.name, "Timeout", message)


def _is_flying(draft: RunDraft, step: StepStatus) -> bool:
    return any(key == key_of(draft, step) for key, _ in draft.observation.in_flight)


def _seen_by_if(draft: RunDraft) -> dict[str, object]:
    incident = draft.observation.incident
    return {
        "parameters": dict(values_of(draft)),
        "incident": incident_fields(incident) if incident is not None else {},
        "steps": {each.name: {"phase": each.phase, "output": each.output} for each in draft.status.steps},
    }


def _timeout(body: Step) -> timedelta:
    return parse_duration(body.timeout) if body.timeout else STEP_TIMEOUT
