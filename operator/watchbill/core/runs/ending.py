"""When a run stops, when it is over, and what it is until then."""

from collections import Counter
from collections.abc import Iterator
from datetime import datetime

from watchbill.api.run_reasons import RunEventReason, RunReason, reason_of
from watchbill.api.runbook_run_status import RunPhase
from watchbill.core.runs import approvals, guards, pinning, stepping, undoing
from watchbill.core.runs.draft import TAKEN_BACK, UNDER_WAY, RunDraft, step_of
from watchbill.core.runs.pinning import TIMEOUT, Block

CALLED_OFF = (RunReason.CANCELLED, RunReason.REJECTED, RunReason.APPROVAL_EXPIRED)


def called_off(draft: RunDraft) -> RunDraft:
    """The draft that is stopped where a person wants that."""
    if draft.is_over or not draft.spec.cancelled_by:
        return draft
    user, wish = sorted(draft.spec.cancelled_by.items())[0]
    return draft.stopped(
        RunReason.CANCELLED, f"{user} called it off" + (f": {wish.reason}" if wish.reason else "")
    )


def timed_out(draft: RunDraft) -> RunDraft:
    """The draft that is stopped where the run takes too long, be it to be taken on."""
    deadline = _deadline(draft)
    if draft.is_over or deadline is None or draft.now < deadline:
        return draft
    held_up = f"; it was held up: {draft.status.blocked_message}" if draft.status.blocked_message else ""
    return draft.stopped(RunReason.TIMED_OUT, f"the run did not end in time{held_up}")


def wakeups(draft: RunDraft) -> Iterator[datetime]:
    """The moment at which the run takes too long."""
    deadline = _deadline(draft)
    if deadline is not None and not draft.is_over:
        yield deadline


def block(draft: RunDraft) -> Block | None:
    """What holds the run up; None where nothing does."""
    attention = draft.status.attention
    if attention is not None and attention.asked_time is None and not draft.is_over:
        said = f"a person is asked to look, and nobody has been reached yet: {attention.message}"
        return Block(reason_of(attention.reason, RunReason.OUTCOME_UNKNOWN), said)
    taken_back = undoing.turn(draft)
    if taken_back is not None:
        return guards.paused(draft) if taken_back.phase == "UndoPending" else None
    if draft.is_over or draft.is_stopped:
        return None
    if draft.status.snapshot is None:
        return pinning.refusal(draft)
    if draft.status.plan is None and draft.status.plan_reason:
        return Block(reason_of(draft.status.plan_reason, RunReason.NO_PLAN), draft.status.plan_message)
    return stepping.block(draft)


def ended(draft: RunDraft) -> RunDraft:
    """The draft whose phase is what it is, and that is over once nothing is under way or left to do."""
    if draft.is_over:
        return draft
    final = _final(draft)
    if final is None:
        return draft.having(phase=_phase(draft))
    draft = draft.having(phase=final, ended_time=draft.now, lock=draft.status.lock)
    how = draft.status.stopped_message or "every step was done"
    return draft.told(
        RunEventReason.ENDED, f"{final}: {how}", "Normal" if final == "Succeeded" else "Warning"
    )


def outcome(draft: RunDraft) -> RunReason:
    """Why the run ended as it did."""
    if draft.status.stopped_reason:
        return reason_of(draft.status.stopped_reason, RunReason.STEP_FAILED)
    return RunReason.FORESEEN if draft.is_dry else RunReason.SUCCEEDED


def _deadline(draft: RunDraft) -> datetime | None:
    if draft.status.deadline_time is not None:
        return draft.status.deadline_time
    created = draft.observation.run.metadata.creation_timestamp
    return created + TIMEOUT if created is not None else None


def _final(draft: RunDraft) -> RunPhase | None:
    """The phase in which the run ends now; None while it goes on."""
    status = draft.status
    busy = any(each.phase in (*UNDER_WAY, *TAKEN_BACK) for each in status.steps)
    unheard = status.attention is not None and status.attention.asked_time is None
    if busy or unheard:
        return None
    if draft.is_stopped:
        return _stopped_phase(draft)
    if status.plan is None:
        return None
    if draft.is_dry:
        return "Failed" if any(each.denied for each in status.plan.steps) else "Succeeded"
    return None if any(each.phase == "Pending" for each in status.steps) else "Succeeded"


def _stopped_phase(draft: RunDraft) -> RunPhase:
    counted = Counter(each.phase for each in draft.status.steps)
    if counted["Unknown"] or counted["UndoFailed"]:
        return "Failed"
    if counted["Undone"] and draft.status.stopped_reason == RunReason.STEP_FAILED:
        return "Undone"
    return "Cancelled" if draft.status.stopped_reason in CALLED_OFF else "Failed"


def _phase(draft: RunDraft) -> RunPhase:
    """The phase of a run that goes on."""
    step = stepping.current(draft)
    waits = step is not None and step.phase == "Pending"
    if step is not None and waits and not approvals.is_approved(draft, step_of(draft, step.name)):
        return "AwaitingApproval"
    if block(draft) is not None:
        return "Blocked"
    if undoing.turn(draft) is not None:
        return "Undoing"
    if draft.status.plan is None:
        return "Pending" if draft.status.snapshot is None else "Planning"
    return "Verifying" if step is not None and step.phase == "Verifying" else "Running"
