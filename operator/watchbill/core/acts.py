"""What people ask for by writing spec. An act is a change: each present value counts once."""

from datetime import datetime, timedelta

from watchbill.api.condition import find
from watchbill.api.incident_status import Phase
from watchbill.api.model import ceil_to_millisecond
from watchbill.api.reasons import EventReason, IncidentCondition, Reason
from watchbill.core import acceptance, acknowledgement, escalation, plan, severity
from watchbill.core.digest import digest
from watchbill.core.draft import Draft
from watchbill.core.lifecycle import OPEN, TERMINAL, Trigger, target
from watchbill.core.transition import moved, with_condition

LONGEST_SNOOZE = timedelta(hours=24)
"""How long an escalation can be silenced at most; a snooze beyond it ends here."""

_TRIGGERS = {
    "Open": (Trigger.REOPENED, EventReason.REOPENED),
    "Mitigated": (Trigger.MITIGATED, EventReason.MITIGATED),
    "Resolved": (Trigger.RESOLVED, EventReason.RESOLVED),
    "Cancelled": (Trigger.CANCELLED, EventReason.CANCELLED),
}


def state_said(draft: Draft) -> Draft:
    """The draft moved by the pair (`state`, `stateReason`), where that pair is new."""
    spec = draft.spec
    mark = digest([spec.state, spec.state_reason]) if spec.state else ""
    if mark == draft.status.acts.state or draft.phase in TERMINAL:
        return draft
    draft = draft.seen(state=mark)
    if spec.state is None:
        return draft
    trigger, event = _TRIGGERS[spec.state]
    user = (spec.set_by.state if spec.set_by else None) or "unknown"
    if target(draft.phase, trigger) is None:
        text = f"{user} said {spec.state}, which changes nothing while {draft.phase}"
        return draft.noted("NoChange", text, user, "kubectl")
    text = f"{user} said {spec.state}" + (f": {spec.state_reason}" if spec.state_reason else "")
    before = draft.phase
    if spec.state in ("Mitigated", "Resolved"):
        draft = held_by(draft, user, "state")
    if spec.state == "Cancelled":
        draft = escalation.presumed(draft).escalating(state="Stopped", next_time=None)
    reason = {"Open": Reason.REOPENED, "Cancelled": Reason.CANCELLED}.get(spec.state, Reason.BY_PERSON)
    draft = moved(draft, trigger, reason, text).noted(spec.state, text, user, "kubectl").told(event, text)
    if before == "Resolved":
        draft = escalation.begun_at_first(draft.having(reopen_count=draft.status.reopen_count + 1))
    return _timed(draft, before)


def severity_changed(draft: Draft) -> Draft:
    """The draft worked to another severity: a rise plans anew in a new epoch, a fall silences nobody."""
    frozen, new, old = draft.status.frozen_class, draft.spec.severity, draft.status.severity
    before, after = severity.row(frozen, old), severity.row(frozen, new)
    if new == old or frozen is None or before is None or after is None or draft.phase in TERMINAL:
        return draft
    user = (draft.spec.set_by.severity if draft.spec.set_by else None) or "unknown"
    text = f"{user} changed severity from {old} to {new}"
    draft = draft.having(severity=new).noted("SeverityChanged", text, user, "kubectl")
    draft = draft.told(EventReason.SEVERITY_CHANGED, text)
    if after.rank >= before.rank or draft.phase not in OPEN:
        return _reaccepted(draft)
    policy, why = plan.policy_for(draft.observation, after)
    draft = escalation.presumed(draft)
    draft = draft.having(policy=policy) if policy is not None else draft
    return escalation.begun_at_first(_reaccepted(draft, why if policy is not None else None))


def escalation_requested(draft: Draft) -> Draft:
    """The draft with the level open that a person asks for, in a new epoch; by default the next one."""
    request = draft.spec.escalation.request if draft.spec.escalation else None
    mark = digest(request.model_dump(mode="json", exclude_none=True)) if request else ""
    if mark == draft.status.acts.request or draft.phase in TERMINAL:
        return draft
    draft = draft.seen(request=mark)
    policy = draft.status.policy
    if request is None:
        return draft
    user = _escalation_author(draft)
    if policy is None or draft.phase not in OPEN:
        return _unchanged(draft, user, "asked for a level")
    at = draft.escalation
    round_, level, asked = at.round, request.to_level or "", request.to_level or "the next level"
    if plan.level_index(policy, level) is None:
        step = plan.step_after(policy, at.round, at.level) if at.level != plan.LAST_RESORT else None
        round_, level = (step[0], step[1].name) if step else (1, plan.LAST_RESORT)
    instead = f" (there is none of that name; {level} opens)" if request.to_level not in (None, level) else ""
    text = f"{user} asked for {asked}{instead}: {request.reason}"
    draft = escalation.presumed(draft).noted("Escalated", text, user, "kubectl")
    return escalation.begun(draft.told(EventReason.ESCALATED, text), round_, level)


def policy_adopted(draft: Draft) -> Draft:
    """The draft with the policy as it now is in place of the frozen one, where a person asks for that."""
    wish = draft.spec.escalation.adopt_policy if draft.spec.escalation else None
    mark = digest(wish) if wish else ""
    if mark == draft.status.acts.adopt or draft.phase in TERMINAL:
        return draft
    draft = draft.seen(adopt=mark)
    row = severity.row(draft.status.frozen_class, draft.spec.severity)
    if not wish or row is None or draft.phase not in OPEN:
        return draft
    user = _escalation_author(draft)
    policy, why = plan.policy_for(draft.observation, row)
    if policy is None:
        lack = "it is suspended" if why == Reason.POLICY_SUSPENDED else "there is none"
        return draft.noted("PolicyAdopted", f"{user} asked for the policy, and {lack}", user, "kubectl")
    text = f"{user} adopted policy {policy.namespace}/{policy.name} as it is now"
    draft = escalation.presumed(draft).having(policy=policy).noted("PolicyAdopted", text, user, "kubectl")
    draft = _reaccepted(draft.told(EventReason.POLICY_ADOPTED, text), why)
    return escalation.begun_at_first(draft)


def snoozed(draft: Draft) -> Draft:
    """The draft silent until the time that a person names, and then in a new epoch at the same level."""
    until = draft.spec.escalation.snooze_until_time if draft.spec.escalation else None
    mark = digest(until.isoformat()) if until else ""
    ends = draft.escalation.snoozed_until_time
    if draft.phase in OPEN and draft.escalation.state == "Snoozed" and (ends is None or draft.now >= ends):
        return _woken(draft, "the snooze ended; paging resumes", ends)
    if mark == draft.status.acts.snooze or draft.phase in TERMINAL:
        return draft
    draft = draft.seen(snooze=mark)
    user = _escalation_author(draft)
    is_over = until is None or until <= draft.now
    if draft.escalation.state == "Snoozed" and is_over:
        return _woken(draft, f"{user} ended the snooze; paging resumes")
    if until is None:
        return draft
    if is_over or draft.escalation.state not in ("Waiting", "Exhausted", "Snoozed"):
        return _unchanged(draft, user, "asked for silence")
    until = ceil_to_millisecond(min(until, draft.now + LONGEST_SNOOZE))
    text = f"{user} silenced paging until {until:%Y-%m-%d %H:%M} UTC"
    draft = escalation.presumed(draft).escalating(state="Snoozed", snoozed_until_time=until, next_time=until)
    return draft.noted("Snoozed", text, user, "kubectl").told(EventReason.SNOOZED, text)


def _woken(draft: Draft, text: str, due: datetime | None = None) -> Draft:
    draft = draft.noted("SnoozeEnded", text).told(EventReason.SNOOZE_ENDED, text)
    return escalation.resumed(draft, due)


def held_by(draft: Draft, user: str, via: str) -> Draft:
    """The draft as if the person had also acknowledged: who ends an incident holds it."""
    draft = escalation.presumed(draft).escalating(state="Stopped", next_time=None, snoozed_until_time=None)
    draft = acknowledgement.recorded_for(draft, user, via)
    return draft.timed(acknowledged_time=draft.status.times.acknowledged_time or draft.now)


def _timed(draft: Draft, before: Phase) -> Draft:
    """The draft with the time at which it came into its phase from the one before."""
    if draft.phase == "Mitigated":
        return draft.timed(mitigated_time=draft.now)
    if draft.phase == "Resolved":
        mitigated = draft.status.times.mitigated_time if before == "Mitigated" else draft.now
        return draft.timed(mitigated_time=mitigated, resolved_time=draft.now)
    if draft.phase == "Cancelled":
        return draft.timed(closed_time=draft.now)
    return draft.timed(reopened_time=draft.now)


def _reaccepted(draft: Draft, why: Reason | None = None) -> Draft:
    """The draft accepted anew, for the reason that its policy was chosen, by default the one that it has."""
    held = find(draft.status.conditions, IncidentCondition.ACCEPTED)
    if draft.status.policy is None or held is None:
        return draft
    kept = (Reason.DEFAULT_ESCALATION, Reason.POLICY_SUSPENDED)
    why = why or next((each for each in kept if each == held.reason), Reason.PLANNED)
    reason, text = acceptance.accepted_condition(draft, why)
    return with_condition(draft, IncidentCondition.ACCEPTED, True, reason, text)


def _unchanged(draft: Draft, user: str, act: str) -> Draft:
    """The draft that says that an act came when it changes nothing."""
    text = f"{user} {act}, which changes nothing while {draft.phase} and nobody is being paged"
    return draft.noted("NoChange", text, user, "kubectl")


def _escalation_author(draft: Draft) -> str:
    return (draft.spec.set_by.escalation if draft.spec.set_by else None) or "unknown"
