"""The start of an incident: class and policy are found and frozen, and paging begins."""

from datetime import datetime

from watchbill.api.reasons import EventReason, IncidentCondition, Reason
from watchbill.core import escalation, plan, severity
from watchbill.core.draft import Draft
from watchbill.core.lifecycle import OPEN, Trigger
from watchbill.core.transition import moved, with_condition


def accepted(draft: Draft) -> Draft:
    """The draft with its class and policy frozen as soon as they can be found; until then, loudly without."""
    if draft.status.policy is not None or draft.phase not in OPEN:
        return draft
    draft = _declared(draft)
    found = draft.observation.incident_class
    if draft.status.frozen_class is None and found is not None:
        draft = draft.having(frozen_class=plan.frozen_class(found), severity=draft.spec.severity)
    row = severity.row(draft.status.frozen_class, draft.spec.severity)
    if row is None:
        name = draft.spec.class_ref.name if draft.spec.class_ref else "marked as default"
        text = f"IncidentClass {name} is not there; create it, and the incident goes on"
        return _unplanned(draft, Reason.CLASS_NOT_FOUND, text)
    policy, why = plan.policy_for(draft.observation, row)
    if policy is None:
        name = row.escalation.policy_name if row.escalation else "default"
        return _unplanned(draft, why, f"EscalationPolicy {name} {_UNPLANNED[why]}")
    return _triggered(draft.having(policy=policy), why)


_UNPLANNED = {
    Reason.POLICY_NOT_FOUND: "is not there, and the class's defaultEscalation cannot be used",
    Reason.POLICY_SUSPENDED: "or the class's defaultEscalation is suspended, and there is no other; "
    "resume it, and the incident goes on",
}

_PLANNED = {
    Reason.DEFAULT_ESCALATION: "the namespace has no policy of the name that {} asks for",
    Reason.POLICY_SUSPENDED: "the policy that {} asks for is suspended",
}


def _declared(draft: Draft) -> Draft:
    """The draft whose timeline begins with who declared what."""
    if draft.status.timeline:
        return draft
    spec = draft.spec
    author = (spec.set_by.declaration if spec.set_by else None) or ""
    return draft.noted("Declared", f"{spec.severity} declared: {spec.title}", author, "kubectl")


def accepted_condition(draft: Draft, why: Reason) -> tuple[Reason, str]:
    """Why and with what the incident is accepted, in words; `why` its policy was chosen."""
    frozen, policy = draft.status.frozen_class, draft.status.policy
    assert frozen is not None
    assert policy is not None
    name = draft.spec.severity
    if not severity.is_known(frozen, name):
        rows = ", ".join(row.name for row in frozen.severities)
        text = f"severity {name} is not one of {rows}; it is worked as the most severe"
        return Reason.UNKNOWN_SEVERITY, text
    text = f"class {frozen.name}, policy {policy.namespace}/{policy.name}"
    return (why, f"{text}: {_PLANNED[why].format(name)}") if why in _PLANNED else (Reason.PLANNED, text)


def _triggered(draft: Draft, why: Reason) -> Draft:
    reason, text = accepted_condition(draft, why)
    spec = draft.spec
    draft = draft.timed(triggered_time=draft.now)
    draft = with_condition(draft, IncidentCondition.ACCEPTED, True, reason, text)
    draft = moved(draft, Trigger.PLANNED, Reason.WAITING, "nobody has acknowledged")
    draft = draft.told(
        EventReason.TRIGGERED,
        f"{spec.severity}: {spec.title}; {text}",
        "Normal" if reason == Reason.PLANNED else "Warning",
    )
    draft = draft.noted(why, text) if why == Reason.POLICY_SUSPENDED else draft
    if draft.escalation.state == "Stopped":
        return draft
    return escalation.begun_at_first(draft, _due(draft))


def _unplanned(draft: Draft, reason: Reason, text: str) -> Draft:
    """The draft without a plan: the operator's own connection of last resort is paged."""
    held = next(c for c in draft.status.conditions if c.type == IncidentCondition.ACCEPTED)
    if held.reason != reason:
        draft = with_condition(draft, IncidentCondition.ACCEPTED, False, reason, text)
        draft = draft.noted("NotPlanned", text).told(EventReason.NOT_PLANNED, text, "Warning")
    if draft.escalation.state != "Idle" or draft.spec.mode != "Live":
        return draft
    return escalation.begun_at_first(draft, _due(draft))


def _due(draft: Draft) -> datetime | None:
    """When an incident's very first page was due: when it was created."""
    return draft.observation.incident.metadata.creation_timestamp if draft.escalation.epoch == 0 else None
