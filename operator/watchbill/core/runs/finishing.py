"""How a step ends: done, verified, failed, refuted by its verification, or with nobody able to tell."""

from datetime import timedelta

from watchbill.api.durations import parse_duration
from watchbill.api.run_reasons import RunEventReason, RunReason
from watchbill.api.runbook import Step
from watchbill.api.runbook_run_status import Attention, Debt, StepStatus
from watchbill.core.runs.draft import MESSAGE, RunDraft, step_of
from watchbill.core.texts import cut, neutral

DEBT_TIME = timedelta(hours=24)
"""Until when what was changed for a while may stay so, where the step does not say."""


def done(draft: RunDraft, body: Step, output: str) -> RunDraft:
    """The draft in which the step has done what it does: to be verified where the runbook asks for it."""
    if body.verify is None:
        return succeeded(draft, body.name, output)
    deadline = draft.now + parse_duration(body.verify.within)
    changes = {"claim": None, "deadline_time": deadline, "next_time": draft.now, "message": ""}
    return draft.with_step(body.name, phase="Verifying", output=output, **changes)


def succeeded(draft: RunDraft, name: str, output: str) -> RunDraft:
    """The draft in which the step is done, and counts as what it marks."""
    body = step_of(draft, name)
    draft = draft.with_step(name, phase="Succeeded", output=output, **_ended(draft), reason="", message="")
    draft = draft.having(marks=body.marks) if body.marks else draft
    return draft.told(RunEventReason.STEP_SUCCEEDED, f"step {name} was done")


def failed(draft: RunDraft, name: str, reason: str, message: str) -> RunDraft:
    """The draft in which the step has failed, with what the runbook says must follow."""
    draft = draft.with_step(name, phase="Failed", **_ended(draft), **_said(reason, message))
    draft = draft.told(RunEventReason.STEP_FAILED, f"step {name} failed: {message}", "Warning")
    return _followed(draft, name, message)


def refuted(draft: RunDraft, name: str, message: str) -> RunDraft:
    """The draft in which there is no evidence that the step worked: it is taken back where that can be."""
    said = f"it was not verified: {message}"
    if not can_be_undone(draft, _status(draft, name)):
        return failed(draft, name, "NotVerified", said)
    changes = {"next_time": None, "deadline_time": None, "attempts": 0, "handle": ""}
    draft = draft.with_step(name, phase="UndoPending", **changes, **_said("NotVerified", said))
    draft = draft.told(RunEventReason.STEP_FAILED, f"step {name}: {said}", "Warning")
    return _followed(draft, name, said)


def unknown(draft: RunDraft, name: str, message: str) -> RunDraft:
    """The draft in which nobody can tell what a step did: all stops, and a person is asked to look."""
    draft = draft.with_step(name, phase="Unknown", **_ended(draft), **_said("OutcomeUnknown", message))
    return _halted(draft, RunReason.OUTCOME_UNKNOWN, f"step {name}: {message}")


def not_undone(draft: RunDraft, name: str, reason: str, message: str) -> RunDraft:
    """The draft in which a step could not be taken back: all stops, and a person is asked to look."""
    draft = draft.with_step(name, phase="UndoFailed", **_ended(draft), **_said(reason, message))
    return _halted(draft, RunReason.UNDO_FAILED, f"step {name} could not be taken back: {message}")


def undone(draft: RunDraft, name: str) -> RunDraft:
    """The draft in which what a step did is taken back: it marks nothing, and owes nothing."""
    draft = draft.with_step(name, phase="Undone", **_ended(draft))
    debt = tuple(each for each in draft.status.debt if each.step != name)
    marks = "" if step_of(draft, name).marks else draft.status.marks
    return draft.having(debt=debt, marks=marks)


def can_be_undone(draft: RunDraft, step: StepStatus) -> bool:
    """Whether it is known how to take back what the step did."""
    return bool(step.undo) or step_of(draft, step.name).undo is not None


def indebted(draft: RunDraft, name: str, what: str) -> RunDraft:
    """The draft with what a step changed for a while, where it did: it has an owner and a time."""
    body = step_of(draft, name)
    if not (what or body.debt or body.undo):
        return draft
    length = parse_duration(body.debt.expires_after) if body.debt else DEBT_TIME
    owner = (body.debt.owner if body.debt else None) or draft.spec.requested_by or ""
    entry = Debt(
        step=name,
        what=cut(neutral(what or f"what step {name} did"), MESSAGE),
        undo=f"the undo of step {name}" if can_be_undone(draft, _status(draft, name)) else "by hand",
        owner=owner,
        expires_time=draft.now + length,
    )
    others = tuple(each for each in draft.status.debt if each.step != name)
    return draft.having(debt=(*others, entry))


def _followed(draft: RunDraft, name: str, message: str) -> RunDraft:
    on_failure = step_of(draft, name).on_failure or "Stop"
    if on_failure == "Continue":
        return draft
    if on_failure == "Undo":
        for each in draft.status.steps:
            if each.phase == "Succeeded" and can_be_undone(draft, each):
                changes = {"next_time": None, "deadline_time": None, "attempts": 0, "handle": ""}
                draft = draft.with_step(each.name, phase="UndoPending", **changes)
    return draft.stopped(RunReason.STEP_FAILED, f"step {name}: {message}")


def _halted(draft: RunDraft, reason: RunReason, message: str) -> RunDraft:
    """Nothing is done any more: what was to be taken back stays as it is, for the person to decide on."""
    for each in draft.status.steps:
        if each.phase == "UndoPending":
            draft = draft.with_step(each.name, phase="Failed" if each.reason else "Succeeded")
    said = cut(neutral(message), MESSAGE)
    attention = draft.status.attention or Attention(reason=reason.value, message=said)
    draft = draft.having(attention=attention, stopped_reason=reason.value, stopped_message=said)
    return draft.told(RunEventReason.PERSON_NEEDED, said, "Warning")


def _status(draft: RunDraft, name: str) -> StepStatus:
    return next(each for each in draft.status.steps if each.name == name)


def _ended(draft: RunDraft) -> dict[str, object]:
    return {"ended_time": draft.now, "claim": None, "next_time": None, "deadline_time": None}


def _said(reason: str, message: str) -> dict[str, object]:
    return {"reason": cut(reason, 32), "message": cut(neutral(message), MESSAGE)}
