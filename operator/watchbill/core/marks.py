"""A run whose steps worked, and that marks the incident as Mitigated, moves it there.

The mark counts once without being remembered: it is older than the next reopening, and what is reopened is
moved by newer marks alone.
"""

from watchbill.api.reasons import EventReason, Reason
from watchbill.core import acts
from watchbill.core.draft import OPERATOR, Draft
from watchbill.core.lifecycle import Trigger, target
from watchbill.core.mitigation import IncidentRun
from watchbill.core.transition import moved


def mitigated(draft: Draft) -> Draft:
    """The draft that is Mitigated where a run says so, and that is a legal move.

    Who stands behind the run holds the incident, as if they had said so. Behind a run that started by itself
    and that nobody approved there is nobody: its mark waits until somebody has acknowledged, so that no run
    keeps people from being paged.
    """
    runs = draft.observation.mitigation.runs
    if not runs or target(draft.phase, Trigger.MARKED) is None:
        return draft
    mine = draft.observation.mitigation.of(draft.observation.incident.metadata.uid)
    run = next((each for each in mine if _counts(draft, each)), None)
    if run is None:
        return draft
    behind = f", which {run.person} stands behind," if run.person else ""
    text = f"run {run.name} of runbook {run.runbook}{behind} has worked"
    draft = acts.held_by(draft, run.person, "runbook") if run.person else draft
    draft = moved(draft, Trigger.MARKED, Reason.BY_RUN, text)
    draft = draft.noted("Mitigated", text, run.person or OPERATOR, "runbook")
    return draft.told(EventReason.MITIGATED, text).timed(mitigated_time=draft.now)


def _counts(draft: Draft, run: IncidentRun) -> bool:
    reopened = draft.status.times.reopened_time
    if run.mitigated is None or (reopened is not None and run.mitigated <= reopened):
        return False
    return bool(run.person) or draft.phase == "Acknowledged"
