"""The conditions of a run, each made from what its status says."""

from watchbill.api.condition import Condition, ConditionStatus, find, following
from watchbill.api.run_reasons import RunCondition, RunEventReason, RunReason
from watchbill.core.runs import approvals, ending, stepping
from watchbill.core.runs.draft import MESSAGE, RunDraft, step_of
from watchbill.core.texts import cut, neutral

DONE = ("Succeeded", "Skipped")

Said = tuple[ConditionStatus, RunReason, str]


def judged(draft: RunDraft) -> RunDraft:
    """The draft with its conditions, what holds it up, and how far it is."""
    block = ending.block(draft)
    reason, message = (block.reason.value, cut(neutral(block.message), MESSAGE)) if block else ("", "")
    if reason and reason != draft.status.blocked_reason:
        draft = draft.told(RunEventReason.BLOCKED, f"{reason}: {message}", "Warning")
    draft = draft.having(
        blocked_reason=reason,
        blocked_message=message,
        progress=_progress(draft),
        observed_generation=draft.observation.run.metadata.generation,
    )
    said = {
        RunCondition.PLANNED: _planned(draft),
        RunCondition.BLOCKED: (
            ("True", block.reason, message) if block else ("False", RunReason.AS_EXPECTED, "")
        ),
        RunCondition.APPROVED: _approved(draft),
        RunCondition.SUCCEEDED: _succeeded(draft),
        RunCondition.ENDED: _ended(draft),
    }
    found = following(draft.status.conditions, [_condition(draft, *each) for each in said.items()], draft.now)
    return draft if found == draft.status.conditions else draft.having(conditions=found)


def held_up(draft: RunDraft, reason: RunReason, message: str) -> RunDraft:
    """The draft that this operator cannot go on with, all else left as it is."""
    blocked = _condition(draft, RunCondition.BLOCKED, ("True", reason, message))
    others = tuple(each for each in draft.status.conditions if each.type != blocked.type)
    followed = following(draft.status.conditions, [*others, blocked], draft.now)
    said = {"blocked_reason": reason.value, "blocked_message": message, "conditions": followed}
    return draft.having(phase="Blocked", **said)


def _condition(draft: RunDraft, type_: RunCondition, said: Said) -> Condition:
    status, reason, message = said
    known = find(draft.status.conditions, type_)
    return Condition(
        type=type_.value,
        status=status,
        reason=reason.value,
        message=message,
        last_transition_time=known.last_transition_time if known is not None else draft.now,
        observed_generation=draft.observation.run.metadata.generation,
    )


def _planned(draft: RunDraft) -> Said:
    plan = draft.status.plan
    return (
        ("True", RunReason.AS_EXPECTED, plan.hash) if plan is not None else ("False", RunReason.NOT_YET, "")
    )


def _approved(draft: RunDraft) -> Said:
    step = stepping.current(draft)
    if step is None or step.phase != "Pending":
        return "True", RunReason.NOT_NEEDED, ""
    body, plan = step_of(draft, step.name), draft.status.plan
    if approvals.needed(body) == 0:
        return "True", RunReason.NOT_NEEDED, ""
    given = approvals.approvers(draft, body)
    if approvals.is_approved(draft, body):
        return "True", RunReason.APPROVED, f"by {', '.join(given)}"
    said = f"step {step.name} has {len(given)} of {approvals.needed(body)} approvals"
    return "False", RunReason.WAITING, f"{said} of plan {plan.hash if plan else ''}"


def _succeeded(draft: RunDraft) -> Said:
    if not draft.is_over:
        return "Unknown", RunReason.NOT_YET, ""
    status: ConditionStatus = "True" if draft.status.phase == "Succeeded" else "False"
    return status, ending.outcome(draft), draft.status.stopped_message


def _ended(draft: RunDraft) -> Said:
    if not draft.is_over:
        return "False", RunReason.NOT_YET, ""
    return "True", ending.outcome(draft), draft.status.stopped_message


def _progress(draft: RunDraft) -> str:
    steps = draft.status.steps
    return f"{sum(each.phase in DONE for each in steps)}/{len(steps)}" if steps else ""
