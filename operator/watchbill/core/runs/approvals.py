"""Who has approved what: bound to the plan by its hash, for a while, and never by who requested the run."""

import unicodedata
from collections.abc import Iterator
from datetime import datetime

from watchbill.api.durations import parse_duration
from watchbill.api.run_reasons import RunReason
from watchbill.api.runbook import ApprovalRule, Risk, Step
from watchbill.api.runbook_run_status import MAX_APPROVALS, ApprovalRecord
from watchbill.api.verbs import ACCOUNT_PREFIX
from watchbill.core.runs.draft import RunDraft
from watchbill.core.steps.registry import STEP_KINDS

DEFAULT = ApprovalRule()


def risk_of(step: Step) -> Risk:
    """How much can go wrong: as the runbook says, else as the kind does; High for a kind nobody knows."""
    kind = STEP_KINDS.get(step.kind)
    return step.risk or (kind.risk if kind is not None else "High")


def needed(step: Step) -> int:
    """How many people must approve the step: as the runbook says, else one where its risk is High."""
    if step.approval is not None:
        return step.approval.count
    return DEFAULT.count if risk_of(step) == "High" else 0


def seen(draft: RunDraft) -> RunDraft:
    """The draft with what approvers say now; what is said anew counts from now, what is gone never was."""
    if draft.is_over or draft.status.snapshot is None:
        return draft
    known = {record.user: record for record in draft.status.approvals}
    records = []
    for user, said in sorted(draft.spec.approvals.items())[:MAX_APPROVALS]:
        new = ApprovalRecord(
            user=user, plan_hash=said.plan_hash, decision=said.decision, steps=said.steps, time=draft.now
        )
        old = known.get(user)
        same = old is not None and old.model_copy(update={"time": draft.now}) == new
        records.append(old if old is not None and same else new)
    found = tuple(records)
    return draft if found == draft.status.approvals else draft.having(approvals=found)


def rejected(draft: RunDraft) -> RunDraft:
    """The draft that is stopped where somebody rejected the plan as it is."""
    for record in _of_plan(draft):
        if record.decision == "Rejected" and not draft.is_over:
            return draft.stopped(RunReason.REJECTED, f"{record.user} rejected the plan")
    return draft


def approvers(draft: RunDraft, step: Step) -> tuple[str, ...]:
    """Whose approval of the plan as it is counts for the step now: of each person once.

    None is a ServiceAccount, in whose name whoever may act as it would speak.
    """
    length = parse_duration((step.approval or DEFAULT).expires_after)
    behind = {_person(user) for user in draft.status.requesters}
    found = {
        _person(record.user): record.user
        for record in _of_plan(draft)
        if record.decision == "Approved"
        and not record.user.startswith(ACCOUNT_PREFIX)
        and (not record.steps or step.name in record.steps)
        and record.time + length > draft.now
    }
    return tuple(user for person, user in found.items() if person not in behind)


def _person(user: str) -> str:
    """One text for all spellings of a user name that some identity providers take for the same."""
    return unicodedata.normalize("NFKC", user).casefold()


def is_approved(draft: RunDraft, step: Step) -> bool:
    """Whether enough people have approved the step."""
    return len(approvers(draft, step)) >= needed(step)


def expiries(draft: RunDraft, step: Step) -> Iterator[datetime]:
    """The moments at which an approval of the step counts no more."""
    length = parse_duration((step.approval or DEFAULT).expires_after)
    yield from (record.time + length for record in _of_plan(draft))


def is_automatic(draft: RunDraft) -> bool:
    """Whether the operator itself stands behind the run, and no person."""
    return draft.observation.operator_user in draft.status.requesters


def _of_plan(draft: RunDraft) -> list[ApprovalRecord]:
    plan = draft.status.plan
    return [each for each in draft.status.approvals if plan is not None and each.plan_hash == plan.hash]
