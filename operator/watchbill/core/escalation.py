"""Which level is open, who is paged there, and when the next one opens."""

from collections.abc import Iterator
from datetime import datetime

from watchbill.api.durations import format_duration
from watchbill.api.reasons import EventReason
from watchbill.core import last_resort, plan
from watchbill.core.backoff import LEVEL_PATIENCE
from watchbill.core.draft import Draft
from watchbill.core.levels import LATE, obstacle, open_pages, operator_planned, planned
from watchbill.core.lifecycle import OPEN


def escalated(draft: Draft) -> Draft:
    """The draft with every level opened that is due by now; of several overdue ones only the latest."""
    state = draft.escalation.state
    if draft.phase not in OPEN or state not in ("Waiting", "Exhausted"):
        return draft
    due = _due_time(draft)
    if draft.now < due or _is_held(draft):
        return draft
    if state == "Exhausted":
        return last_resort.paged(draft, due)
    return _opened_next(draft, due)


def begun(draft: Draft, round_: int, level: str, due: datetime | None = None) -> Draft:
    """The draft in a new epoch whose first open level is this one; lastResort is one.

    `due` is when that should have been, where it is not now. An incident of the past pages nobody.
    """
    if draft.spec.mode == "Backfill":
        return draft
    due = draft.now if due is None or draft.now - due < LATE else due
    draft = draft.escalating(
        epoch=draft.escalation.epoch + 1,
        state="Waiting",
        round=max(round_, 1),
        level="",
        opened_time=None,
        next_time=None,
        last_resort_count=0,
        snoozed_until_time=None,
        exhausted_time=None,
    )
    if draft.status.policy is None or level == plan.LAST_RESORT:
        return last_resort.paged(draft, due)
    return _opened(draft, max(round_, 1), level, due)


def begun_at_first(draft: Draft, due: datetime | None = None) -> Draft:
    """The draft in a new epoch that starts at the policy's first level."""
    policy = draft.status.policy
    return begun(draft, 1, policy.levels[0].name if policy else plan.LAST_RESORT, due)


def resumed(draft: Draft, due: datetime | None = None) -> Draft:
    """The draft in a new epoch that opens the level where the escalation stood."""
    at, policy = draft.escalation, draft.status.policy
    if at.level == plan.LAST_RESORT:
        return begun(draft, 1, plan.LAST_RESORT, due)
    if policy is None or plan.level_index(policy, at.level) is None:
        return begun_at_first(draft, due)
    return begun(draft, at.round, at.level, due)


def presumed(draft: Draft) -> Draft:
    """The draft with pages in the ledger for all that was due by now under the recorded status.

    A process that died may have sent them; they are closed with the others, and never sent from here.
    """
    draft = _resumed_by_now(draft)
    policy, state = draft.status.policy, draft.escalation
    if state.state not in ("Waiting", "Exhausted"):
        return draft
    due = _due_time(draft)
    if policy is not None and state.state == "Waiting":
        step = plan.step_after(policy, state.round, state.level)
        while due <= draft.now and step is not None:
            round_, level = step
            draft = planned(draft, round_, level.name, due, "Superseded")
            due, step = due + plan.escalate_after(level), plan.step_after(policy, round_, level.name)
    last = state.last_resort_count
    for count in range(max(last, 1), last + 1 + (due <= draft.now)):
        draft = planned(draft, count, plan.LAST_RESORT, due, "Superseded")
        place = (state.epoch, count, plan.LAST_RESORT)
        if all((page.epoch, page.round, page.level) != place for page in draft.status.pages):
            draft = operator_planned(draft, count, "Superseded")
    return draft


def _resumed_by_now(draft: Draft) -> Draft:
    """The draft in the epoch that the end of a snooze or of an acknowledgement began, where that is over."""
    expiry, snooze = draft.status.deadlines.acknowledgement_expiry_time, draft.escalation.snoozed_until_time
    ends = {"Snoozed": snooze, "Stopped": expiry if draft.phase == "Acknowledged" else None}
    end = ends.get(draft.escalation.state)
    return draft if end is None or draft.now < end else resumed(draft)


def wakeups(draft: Draft) -> Iterator[datetime]:
    """The moment at which the next level opens."""
    if draft.phase in OPEN and draft.escalation.state in ("Waiting", "Exhausted"):
        if not _is_held(draft):
            yield _due_time(draft)
        waiting = all(page.state in ("Pending", "Failed") for page in open_pages(draft))
        if draft.escalation.opened_time is not None and waiting:
            yield draft.escalation.opened_time + LEVEL_PATIENCE


def _due_time(draft: Draft) -> datetime:
    """When the next level opens: at its time, or at once where nothing got through at the open one."""
    at = draft.escalation
    pages = open_pages(draft)
    opened = at.opened_time or draft.now
    lost = bool(pages) and all(page.state == "Failed" for page in pages)
    silent = bool(pages) and all(page.state in ("Pending", "Failed") for page in pages)
    following = at.next_time or _reckoned(draft)
    if at.state == "Exhausted":
        return following
    if lost or (silent and draft.now >= opened + LEVEL_PATIENCE):
        return min(draft.now, following)
    return following


def _reckoned(draft: Draft) -> datetime:
    """When the next level opens where the status does not say, as another version may have left it."""
    policy, at = draft.status.policy, draft.escalation
    index = plan.level_index(policy, at.level) if policy else None
    if policy is None or index is None or at.opened_time is None or at.state != "Waiting":
        return draft.now
    return at.opened_time + plan.escalate_after(policy.levels[index])


def _is_held(draft: Draft) -> bool:
    """Whether the API server is gone and the round is finished: acknowledgements cannot be seen."""
    if draft.observation.blind_since is None:
        return False
    policy, at = draft.status.policy, draft.escalation
    if policy is None or at.state == "Exhausted":
        return at.last_resort_count > 0
    step = plan.step_after(policy, at.round, at.level)
    return step is not None and step[0] > at.round


def _opened_next(draft: Draft, due: datetime) -> Draft:
    policy, at = draft.status.policy, draft.escalation
    if policy is None:
        return last_resort.paged(draft, due)
    step = plan.step_after(policy, at.round, at.level)
    while step is not None:
        round_, level = step
        following = due + plan.escalate_after(level)
        if following > draft.now or draft.now - due < LATE:
            return _opened(draft, round_, level.name, due)
        # The time of this level passed while nobody looked: it may have been paged, and is not any more.
        draft = planned(draft, round_, level.name, due, "Superseded")
        draft = draft.noted(
            "LevelMissed", f"level {level.name} of round {round_} was due while nobody looked"
        )
        due, step = following, plan.step_after(policy, round_, level.name)
    return last_resort.paged(draft, due)


def _opened(draft: Draft, round_: int, level: str, due: datetime) -> Draft:
    """The draft with a level open, or, where nobody can be reached there, the one after it."""
    policy = draft.status.policy
    assert policy is not None
    draft = planned(draft, round_, level, due, "Pending")
    late = draft.now - due
    opened = draft.now if late >= LATE else due
    after = next(plan.escalate_after(found) for found in policy.levels if found.name == level)
    draft = draft.escalating(
        state="Waiting", round=round_, level=level, opened_time=opened, next_time=opened + after
    )
    if not open_pages(draft):
        why = obstacle(draft, level)
        text = f"level {level}: nobody can be reached ({why}); the next one opens at once"
        draft = draft.noted("LevelSkipped", text)
        step = plan.step_after(policy, round_, level)
        return last_resort.paged(draft, due) if step is None else _opened(draft, step[0], step[1].name, due)
    text = f"level {level} opened (round {round_})" + (
        f", late by {format_duration(late)}" if late >= LATE else ""
    )
    draft = draft.noted("LevelOpened", text)
    is_first = all(
        page.epoch != draft.escalation.epoch for page in draft.status.pages[: -len(open_pages(draft))]
    )
    return draft if is_first else draft.told(EventReason.LEVEL_OPENED, text)
