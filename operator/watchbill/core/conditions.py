"""The conditions that follow from the rest of the status, one function each."""

from collections.abc import Iterator

from watchbill.api.condition import find, is_true
from watchbill.api.incident_status import Hop, Page
from watchbill.api.reasons import EventReason, Reason
from watchbill.api.reasons import IncidentCondition as Type
from watchbill.core import ledger, plan, severity
from watchbill.core.draft import Draft
from watchbill.core.levels import obstacle
from watchbill.core.lifecycle import OPEN
from watchbill.core.transition import with_condition


def judged(draft: Draft) -> Draft:
    """The draft with every derived condition as its status has it, at the generation that was observed."""
    for condition in (acknowledgement_overdue, escalation_exhausted, update_overdue, degraded):
        draft = condition(draft)
    generation = draft.observation.incident.metadata.generation
    conditions = tuple(
        c if c.observed_generation == generation else c.model_copy(update={"observed_generation": generation})
        for c in draft.status.conditions
    )
    if conditions == draft.status.conditions and draft.status.observed_generation == generation:
        return draft
    return draft.having(conditions=conditions, observed_generation=generation)


def acknowledgement_overdue(draft: Draft) -> Draft:
    """The draft whose Acknowledged says Overdue once the class's time is over; it pages nobody.

    Who acknowledged and gave it up was in time: then the reason says what became of it.
    """
    due = draft.status.deadlines.acknowledge_time
    held = find(draft.status.conditions, Type.ACKNOWLEDGED)
    if (
        held is None
        or held.status == "True"
        or due is None
        or draft.now < due
        or held.reason in (Reason.OVERDUE, Reason.EXPIRED, Reason.WITHDRAWN)
    ):
        return draft
    text = f"nobody acknowledged by {due:%H:%M:%S} UTC, as {draft.spec.severity} expects"
    draft = with_condition(draft, Type.ACKNOWLEDGED, False, Reason.OVERDUE, text)
    return draft.noted("Overdue", text).told(EventReason.OVERDUE, text, "Warning")


def escalation_exhausted(draft: Draft) -> Draft:
    """The draft whose EscalationExhausted is True while the last resort is paged and nobody answers."""
    if draft.escalation.state == "Exhausted" and draft.phase in OPEN:
        text = "nobody acknowledged at any level; acknowledge, or mend the policy and set adoptPolicy"
        if draft.status.policy is None:
            text = "there is no policy to walk: see Accepted for what is missing"
        return with_condition(draft, Type.ESCALATION_EXHAUSTED, True, Reason.NOBODY_ACKNOWLEDGED, text)
    return with_condition(draft, Type.ESCALATION_EXHAUSTED, False, Reason.LEVELS_REMAIN, "")


def update_overdue(draft: Draft) -> Draft:
    """The draft whose UpdateOverdue is True once the class's time for the next update is over."""
    due = draft.status.deadlines.update_time
    row = severity.row(draft.status.frozen_class, draft.spec.severity)
    if due is None or draft.now < due:
        reason = Reason.ON_TIME if row is None or row.update_every else Reason.NO_CADENCE
        return with_condition(draft, Type.UPDATE_OVERDUE, False, reason, "")
    text = f"an update was due at {due:%H:%M:%S} UTC; post an IncidentUpdate"
    if not is_true(draft.status.conditions, Type.UPDATE_OVERDUE):
        draft = draft.noted("UpdateOverdue", text)
    return with_condition(draft, Type.UPDATE_OVERDUE, True, Reason.OVERDUE, text)


def degraded(draft: Draft) -> Draft:
    """The draft whose Degraded names the connection that fails, or says that nobody is really paged."""
    reason, text = next(_troubles(draft), (Reason.DELIVERING, ""))
    return with_condition(draft, Type.DEGRADED, reason != Reason.DELIVERING, reason, text)


def _troubles(draft: Draft) -> Iterator[tuple[Reason, str]]:
    """What is wrong, the worst first."""
    if draft.observation.blind_since is not None:
        since = f"{draft.observation.blind_since:%H:%M}"
        yield Reason.API_SERVER_UNREACHABLE, f"acknowledgements cannot be seen since {since} UTC"
    current = [page for page in draft.status.pages if page.epoch == draft.escalation.epoch]
    if draft.phase in OPEN and draft.escalation.state == "Exhausted" and not _delivered(current):
        yield Reason.NOBODY_PAGED, f"no connection accepts a page: {_why_nobody(draft)}"
    for page, hop in _hops(draft.status.pages):
        if hop.closing is not None and hop.closing.credential_changed:
            where = f"{hop.namespace}/{hop.connection}"
            yield (
                Reason.CREDENTIAL_CHANGED,
                f"close {hop.key} by hand: the credential of {where} changed since",
            )
        if hop.closing is not None and hop.closing.state == "Failed" and ledger.may_be_open(page, hop):
            where = f"{hop.namespace}/{hop.connection}"
            yield Reason.CONNECTION_FAILING, f"close {hop.key} by hand: {where} could not be told"
    yield from _failing(draft)
    channel = draft.status.resources.channel
    if channel is not None and channel.reason:
        where = f"{channel.namespace}/{channel.connection}"
        text = f"channel {channel.name}: connection {where} fails ({channel.reason}): {channel.message}"
        yield Reason.CONNECTION_FAILING, text.removesuffix(": ")
    real = [hop for page, hop in _hops(current) if hop.state == "Accepted"]
    if draft.phase in OPEN and draft.spec.mode == "Live" and real and all(hop.unreal for hop in real):
        yield Reason.CONSOLE_ONLY, "pages went to a console alone: nobody was really paged"


def _why_nobody(draft: Draft) -> str:
    """What to mend first, where nobody is paged."""
    if draft.status.policy is None:
        return "there is no policy to walk; see Accepted for what is missing"
    failing = next((text for _, text in _failing(draft)), "")
    return failing or obstacle(draft, plan.LAST_RESORT) or "see the hops of the pages"


def _failing(draft: Draft) -> Iterator[tuple[Reason, str]]:
    """The connections whose latest answer was a failure."""
    latest: dict[tuple[str, str], Hop] = {}
    for _, hop in _hops(draft.status.pages):
        if hop.state in ("Accepted", "Failed", "Unknown") or hop.reason:
            latest[(hop.namespace, hop.connection)] = hop
    for (namespace, name), hop in latest.items():
        # An accepted page with a reason did not reach all of its recipients.
        complete = hop.state == "Accepted" and hop.reason in ("", "Drill")
        if not complete and draft.phase in OPEN:
            text = f"connection {namespace}/{name} fails ({hop.reason or 'NoAnswer'}): {hop.message}"
            yield Reason.CONNECTION_FAILING, text.removesuffix(": ")


def _delivered(pages: list[Page]) -> bool:
    return any(hop.state in ("Accepted", "Sending", "Claimed", "Pending") for _, hop in _hops(pages))


def _hops(pages: tuple[Page, ...] | list[Page]) -> Iterator[tuple[Page, Hop]]:
    return ((page, hop) for page in pages for hop in page.hops)
