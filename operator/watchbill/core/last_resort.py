"""Where an exhausted policy ends: its last resort, paged until somebody acknowledges."""

from datetime import datetime, timedelta

from watchbill.api.reasons import EventReason
from watchbill.core import plan
from watchbill.core.draft import Draft
from watchbill.core.levels import open_pages, planned

LAST_RESORT_EVERY = timedelta(minutes=15)
"""How often the last resort is paged until somebody acknowledges."""

LAST_RESORT_AGAIN = timedelta(minutes=1)
"""How soon the last resort is paged again where nothing accepted the page."""


def paged(draft: Draft, due: datetime) -> Draft:
    """The draft with the last resort paged once more, by whoever is left to do it."""
    was_through = any(page.state == "Accepted" for page in open_pages(draft))
    count = draft.escalation.last_resort_count + 1
    first = draft.escalation.exhausted_time is None
    draft = draft.escalating(
        state="Exhausted",
        round=count,
        level=plan.LAST_RESORT,
        opened_time=draft.now,
        last_resort_count=count,
        exhausted_time=draft.escalation.exhausted_time or draft.now,
    )
    draft = planned(draft, count, plan.LAST_RESORT, due, "Pending")
    every = LAST_RESORT_EVERY if open_pages(draft) else LAST_RESORT_AGAIN
    draft = draft.escalating(next_time=draft.now + every)
    if draft.status.policy is None:
        return draft
    if not first:
        # What fails is tried every minute: saying so each time would push all else out of the timeline.
        return draft.noted("LastResort", f"lastResort paged again ({count})") if was_through else draft
    text = "nobody acknowledged at any level; lastResort is paged until somebody does"
    return draft.noted("EscalationExhausted", text).told(EventReason.ESCALATION_EXHAUSTED, text, "Warning")


def again_after(draft: Draft, every: timedelta) -> Draft:
    """The draft with the last resort due again so long after it was last paged."""
    return draft.escalating(next_time=(draft.escalation.opened_time or draft.now) + every)
