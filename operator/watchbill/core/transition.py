"""One step of the lifecycle: a trigger moves the conditions, and the phase follows from them."""

from datetime import UTC, datetime

from watchbill.api.condition import Condition, ConditionStatus, find
from watchbill.api.reasons import IncidentCondition, Reason
from watchbill.core import lifecycle
from watchbill.core.draft import Draft
from watchbill.core.texts import neutral

INITIAL: dict[IncidentCondition, Reason] = {
    IncidentCondition.ACCEPTED: Reason.PENDING,
    IncidentCondition.ACKNOWLEDGED: Reason.WAITING,
    IncidentCondition.MITIGATED: Reason.NOT_YET,
    IncidentCondition.RESOLVED: Reason.NOT_YET,
    IncidentCondition.CLOSED: Reason.NOT_YET,
    IncidentCondition.ESCALATION_EXHAUSTED: Reason.LEVELS_REMAIN,
    IncidentCondition.UPDATE_OVERDUE: Reason.ON_TIME,
    IncidentCondition.DEGRADED: Reason.DELIVERING,
}
"""The reason of each condition before anything has happened; all begin as False."""

_BLANK = tuple(
    Condition(
        type=type_.value,
        status="False",
        reason=reason.value,
        last_transition_time=datetime.min.replace(tzinfo=UTC),
    )
    for type_, reason in INITIAL.items()
)


def with_all_conditions(draft: Draft) -> Draft:
    """The draft with every documented condition present."""
    known = {condition.type for condition in draft.status.conditions}
    if missing := [blank for blank in _BLANK if blank.type not in known]:
        seen = {
            "last_transition_time": draft.now,
            "observed_generation": draft.observation.incident.metadata.generation,
        }
        first = (blank.model_copy(update=seen) for blank in missing)
        draft = draft.having(conditions=(*draft.status.conditions, *first))
    # A phase that only a newer operator knows is read as none; the conditions tell what it stood for.
    return draft if draft.status.phase else draft.having(phase=lifecycle.phase_of(draft.status.conditions))


def with_condition(
    draft: Draft, type_: IncidentCondition, status: bool, reason: Reason, message: str
) -> Draft:
    """The draft with one condition as given; its transition time moves only with its status."""
    old = draft.status.conditions
    known = find(old, type_)
    word: ConditionStatus = "True" if status else "False"
    text, generation = neutral(message)[:1024], draft.observation.incident.metadata.generation
    if known is not None and _says(known) == (word, reason.value, text, generation):
        return draft
    new = Condition(
        type=type_.value,
        status=word,
        reason=reason.value,
        message=text,
        last_transition_time=known.last_transition_time if known and known.status == word else draft.now,
        observed_generation=generation,
    )
    conditions = tuple(new if c.type == type_ else c for c in old)
    return draft.having(conditions=(*conditions, new) if known is None else conditions)


def _says(condition: Condition) -> tuple[str, str, str, int]:
    return condition.status, condition.reason, condition.message, condition.observed_generation


def moved(draft: Draft, trigger: lifecycle.Trigger, reason: Reason, message: str) -> Draft:
    """The draft moved by a trigger; unchanged where the table has no such move."""
    target = lifecycle.target(draft.phase, trigger)
    if target is None:
        return draft
    for type_, status in lifecycle.FACTS[target].items():
        held = find(draft.status.conditions, type_)
        if held is None or (held.status == "True") != status:
            draft = with_condition(draft, type_, status, reason, message)
    return draft.having(phase=lifecycle.phase_of(draft.status.conditions))
