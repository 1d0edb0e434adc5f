"""Nobody is silent: what steps in where even the last resort gets no page through."""

from watchbill.api.escalation_policy import ConnectionRef, Target
from watchbill.api.reasons import EventReason, IncidentCondition, Reason
from watchbill.core import last_resort, plan
from watchbill.core.backoff import LEVEL_PATIENCE
from watchbill.core.draft import Draft
from watchbill.core.effects import ConnectionKey
from watchbill.core.escalation import begun_at_first
from watchbill.core.levels import open_pages, operator_planned
from watchbill.core.lifecycle import OPEN
from watchbill.core.timeline import was_just_said
from watchbill.core.transition import with_condition


def rescued(draft: Draft) -> Draft:
    """The draft where the last resort got nothing through: the default policy, then the operator, step in."""
    pages = open_pages(draft)
    lost = all(page.state == "Failed" for page in pages)
    waited = draft.now >= (draft.escalation.opened_time or draft.now) + LEVEL_PATIENCE
    silent = all(page.state in ("Pending", "Failed") for page in pages) and waited
    if draft.phase not in OPEN or draft.escalation.state != "Exhausted":
        return draft
    if not (lost or silent):
        return last_resort.again_after(draft, last_resort.LAST_RESORT_EVERY)
    if _is_mended(draft):
        text = "a connection of the policy can be used now; its levels are walked anew"
        return begun_at_first(draft.noted("WalkedAnew", text))
    default = plan.default_policy(draft.observation)
    policy = draft.status.policy
    if default is not None and policy is not None and policy.uid != default.metadata.uid:
        draft = draft.having(policy=plan.frozen_policy(default))
        text = "lastResort could not be reached; the class's default policy runs"
        draft = draft.noted("DefaultEscalation", text)
        accepted = IncidentCondition.ACCEPTED
        return begun_at_first(with_condition(draft, accepted, True, Reason.DEFAULT_ESCALATION, text))
    return _operator_paged(draft)


def _is_mended(draft: Draft) -> bool:
    """Whether a connection of the policy has become Ready since the levels were walked in vain."""
    policy, exhausted = draft.status.policy, draft.escalation.exhausted_time
    if policy is None or exhausted is None:
        return False
    targets = [target for level in policy.levels for target in level.targets]
    refs = [ref for target in targets for ref in (target.connection_ref, *_fallbacks(target))]
    seen = draft.observation.connections
    found = (seen.get(ConnectionKey(ref.namespace or policy.namespace, ref.name)) for ref in refs)
    ready = (facts.ready_since for facts in found if facts is not None)
    # What another clock has written may lie ahead of ours, and counts when it has come.
    return any(since is not None and exhausted < since <= draft.now for since in ready)


def _fallbacks(target: Target) -> tuple[ConnectionRef, ...]:
    return tuple(fallback.connection_ref for fallback in target.fallback)


def _operator_paged(draft: Draft) -> Draft:
    key, at = draft.observation.last_resort, draft.escalation
    place = (at.epoch, at.round, plan.OPERATOR_LEVEL)
    sent = [page for page in draft.status.pages if (page.epoch, page.round, page.level) == place]
    is_through = any(page.state == "Accepted" for page in sent)
    every = last_resort.LAST_RESORT_EVERY if is_through else last_resort.LAST_RESORT_AGAIN
    draft = last_resort.again_after(draft, every)
    if key is None or sent:
        return draft
    draft = operator_planned(draft, at.round, "Pending")
    text = (
        f"lastResort could not be reached; the operator's own connection {key.namespace}/{key.name} is paged"
    )
    if was_just_said(draft.status, text):
        return draft
    return draft.noted("OperatorLastResort", text).told(EventReason.ESCALATION_EXHAUSTED, text, "Warning")
