"""What runs changed for a while: listed with its undo, owner and expiry, until it is taken back or settled.

Read anew each time from the runs and from what people settled. What was listed stays though its run is gone:
to delete a run takes nothing back.
"""

from collections.abc import Iterator, Mapping
from datetime import datetime, timedelta

from watchbill.api.incident_runbooks import MAX_DEBT, TEXT, IncidentDebt
from watchbill.api.reasons import EventReason, Reason
from watchbill.api.reasons import IncidentCondition as Type
from watchbill.core.draft import OPERATOR, Draft
from watchbill.core.lifecycle import TERMINAL
from watchbill.core.texts import cut, neutral
from watchbill.core.transition import with_condition

NAMED = 3
"""How many entries the condition names; `status.debt` has the others."""

LOOK_AGAIN = timedelta(seconds=5)
"""How soon an incident that is to close is looked at again, while not all runs have been listed."""


def listed(draft: Draft) -> Draft:
    """The draft with the temporary changes that are open, in the order in which they expire."""
    recorded, runs = draft.status.debt, draft.observation.mitigation.runs
    if (not recorded and not runs) or draft.phase == "Closed":
        return draft
    settled = _settled(draft)
    entries = {(entry.run_uid, entry.step): entry for entry in _of_runs(draft)}
    seen = {run.uid for run in runs}
    for entry in recorded:
        key = (entry.run_uid, entry.step)
        if key in entries or entry.run_uid not in seen:
            entries[key] = entry
    found = sorted(entries.values(), key=lambda entry: (entry.expires_time, entry.id))
    still = tuple(entry for entry in found if entry.id not in settled)
    # What was listed keeps its place, so that nobody is reminded of it twice.
    kept = sorted(still, key=lambda entry: entry not in recorded)[:MAX_DEBT]
    open_ = tuple(entry for entry in still if entry in kept)
    omitted = len(still) - len(open_)
    if open_ == recorded and omitted == draft.status.debt_omitted:
        return draft
    return _judged(_told(draft, open_, settled).having(debt=open_, debt_omitted=omitted))


def reminded(draft: Draft) -> Draft:
    """The draft in which the owner of each change that has expired was reminded of it, once."""
    due = [
        entry
        for entry in draft.status.debt
        if entry.reminded_time is None and entry.expires_time <= draft.now
    ]
    if not due:
        return draft
    changed = tuple(
        entry.model_copy(update={"reminded_time": draft.now}) if entry in due else entry
        for entry in draft.status.debt
    )
    draft = draft.having(debt=changed)
    for entry in due:
        text = f"{entry.owner or 'somebody'} must take back {_named(entry)}"
        draft = draft.noted("DebtExpired", text).told(EventReason.DEBT_EXPIRED, text, "Warning")
    return draft


def is_open(draft: Draft) -> bool:
    """Whether something is still to be taken back."""
    return bool(draft.status.debt or draft.status.debt_omitted)


def may_close(draft: Draft) -> bool:
    """Whether it is known that nothing is to be taken back."""
    return draft.observation.mitigation.is_complete and not is_open(draft)


def wakeups(draft: Draft) -> Iterator[datetime]:
    """The moments at which somebody is reminded, or at which it may be known whether there is any debt."""
    yield from (entry.expires_time for entry in draft.status.debt if entry.reminded_time is None)
    close = draft.status.deadlines.close_time
    if close is not None and close <= draft.now and not draft.observation.mitigation.is_complete:
        yield draft.now + LOOK_AGAIN


def _judged(draft: Draft) -> Draft:
    """The draft whose Closed says what must be taken back first, and how that is said."""
    if draft.phase in TERMINAL:
        return draft
    if is_open(draft):
        return with_condition(draft, Type.CLOSED, False, Reason.DEBT_OPEN, _what_to_do(draft))
    return with_condition(draft, Type.CLOSED, False, Reason.NOT_YET, "")


def _of_runs(draft: Draft) -> Iterator[IncidentDebt]:
    for run in draft.observation.mitigation.of(draft.observation.incident.metadata.uid):
        for each in run.debt:
            yield IncidentDebt(
                run=run.name,
                run_uid=run.uid,
                step=each.step,
                what=cut(neutral(each.what), TEXT),
                undo=cut(neutral(each.undo), TEXT),
                owner=each.owner,
                expires_time=each.expires_time,
            )


def _settled(draft: Draft) -> Mapping[str, str]:
    """Who settled which entries."""
    return {entry: user for user, said in draft.spec.debt_settled_by.items() for entry in said.entries}


def _told(draft: Draft, open_: tuple[IncidentDebt, ...], settled: Mapping[str, str]) -> Draft:
    before, after = draft.status.debt, {entry.id for entry in open_}
    for entry in before:
        if entry.id in settled:
            user = settled[entry.id]
            draft = draft.noted("DebtSettled", f"{user} settled {entry.id}: {entry.what}", user, "kubectl")
        elif entry.id not in after:
            draft = draft.noted(
                "DebtSettled", f"{entry.id} was taken back: {entry.what}", OPERATOR, "runbook"
            )
    new = [entry for entry in open_ if entry not in before]
    if new:
        text = f"to take back before it closes: {'; '.join(f'{entry.id}: {entry.what}' for entry in new)}"
        draft = draft.noted("DebtOpened", text, OPERATOR, "runbook")
    return draft


def _what_to_do(draft: Draft) -> str:
    entries, metadata = draft.status.debt, draft.observation.incident.metadata
    more = len(entries) - NAMED + draft.status.debt_omitted
    named = "; ".join(map(_named, entries[:NAMED])) + (f"; and {more} more" if more > 0 else "")
    ids = ", ".join(entry.id for entry in entries[:NAMED])
    return (
        f"to take back: {named}. Then say so: kubectl -n {metadata.namespace} patch incident {metadata.name} "
        f"--type=merge -p 'spec: {{debtSettledBy: {{YOU: {{entries: [{ids}]}}}}}}'"
    )


def _named(entry: IncidentDebt) -> str:
    owner = f", owner {entry.owner}" if entry.owner else ""
    return (
        f"{entry.id} ({entry.what}; undo: {entry.undo or 'by hand'}{owner}, "
        f"by {entry.expires_time:%Y-%m-%d %H:%M} UTC)"
    )
