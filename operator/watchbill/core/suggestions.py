"""The runbooks that are for an open incident: listed, and run where they start by themselves.

A run that starts by itself has a name made of both UIDs, so that however often it is created there is one. It
is remembered from before it is created: one that somebody deletes is not made again.
"""

from collections.abc import Iterator
from datetime import datetime

from watchbill.api.incident_runbooks import MAX_STARTED, MAX_SUGGESTED, TEXT, StartedRun, SuggestedRunbook
from watchbill.api.reasons import EventReason
from watchbill.api.runbook import Runbook
from watchbill.core.digest import digest
from watchbill.core.draft import OPERATOR, Draft
from watchbill.core.lifecycle import OPEN
from watchbill.core.matching import is_for
from watchbill.core.mitigation import StartRun
from watchbill.core.suspension import suspension
from watchbill.core.texts import cut, neutral

TITLE = 80
NAME = 40
"""How much of the runbook's name stands in the name of a run."""


def suggested(draft: Draft) -> Draft:
    """The draft with the runbooks listed that are for it while it is open; of a past one, none are."""
    seen, old = draft.observation.mitigation, draft.status.runbooks
    if not seen.runbooks and not old.suggested:
        return draft
    found = _found(draft)
    if not seen.is_complete:
        # What is not seen yet is not taken off the list.
        named = {each.name for each in found}
        found = sorted([*found, *(each for each in old.suggested if each.name not in named)], key=_name)
    listed, omitted = tuple(found[:MAX_SUGGESTED]), max(0, len(found) - MAX_SUGGESTED)
    if (listed, omitted) == (old.suggested, old.suggested_omitted):
        return draft
    known = {each.name for each in old.suggested}
    new = [each.name for each in listed if each.name not in known]
    changed = old.model_copy(update={"suggested": listed, "suggested_omitted": omitted})
    draft = draft.having(runbooks=changed)
    if not new:
        return draft
    more = f" and {omitted} more" if omitted else ""
    text = f"runbooks for it: {', '.join(new)}{more}"
    return draft.noted("RunbooksSuggested", text, OPERATOR, "runbook").told(
        EventReason.RUNBOOKS_SUGGESTED, text
    )


def started(draft: Draft) -> Draft:
    """The draft with a run for each runbook that starts by itself and is for it, once; drills start none."""
    runbooks = draft.observation.mitigation.runbooks
    if draft.phase in OPEN and draft.spec.mode == "Live":
        for runbook in runbooks:
            if runbook.spec.start == "Auto":
                draft = _with_run(draft, runbook)
    return _followed(draft) if draft.status.runbooks.started else draft


def runs_to_start(draft: Draft) -> tuple[StartRun, ...]:
    """The runs to create now: those that nobody has seen yet, while the incident is open."""
    if not draft.status.runbooks.started or draft.phase not in OPEN:
        return ()
    metadata, problems = draft.observation.incident.metadata, draft.observation.mitigation.problems
    runbooks = draft.observation.mitigation.runbooks
    still = {each.metadata.uid for each in runbooks if each.spec.start == "Auto" and not each.spec.suspend}
    return tuple(
        StartRun(metadata.namespace or "", metadata.name, each.runbook, each.run)
        for each in draft.status.runbooks.started
        if not each.created
        and each.runbook_uid in still
        and (each.run not in problems or draft.now >= problems[each.run].next_time)
        and draft.observation.blind_since is None
    )


def wakeups(draft: Draft) -> Iterator[datetime]:
    """The moments at which a run that could not be created is tried again."""
    if draft.status.runbooks.started and draft.phase in OPEN:
        problems = draft.observation.mitigation.problems
        waiting = (each.run for each in draft.status.runbooks.started if not each.created)
        yield from (problems[run].next_time for run in waiting if run in problems)


def run_name(runbook: Runbook, incident_uid: str) -> str:
    """The name of the run of this runbook for this incident: 51 characters at most."""
    name = runbook.metadata.name[:NAME].rstrip("-.")
    return f"{name}-{digest([incident_uid, runbook.metadata.uid])[:10]}"


def _found(draft: Draft) -> list[SuggestedRunbook]:
    if draft.phase not in OPEN or draft.spec.mode == "Backfill":
        return []
    return [
        SuggestedRunbook(name=each.metadata.name, title=cut(neutral(each.spec.title), TITLE))
        for each in draft.observation.mitigation.runbooks
        if is_for(each, draft) and not each.spec.suspend
    ]


def _name(suggestion: SuggestedRunbook) -> str:
    return suggestion.name


def _with_run(draft: Draft, runbook: Runbook) -> Draft:
    runs, uid = draft.status.runbooks.started, runbook.metadata.uid
    known = any(each.runbook_uid == uid for each in runs)
    if known or len(runs) >= MAX_STARTED or not is_for(runbook, draft):
        return draft
    name = run_name(runbook, draft.observation.incident.metadata.uid)
    new = StartedRun(runbook=runbook.metadata.name, runbook_uid=uid, run=name)
    draft = _with_started(draft, (*runs, new))
    if runbook.spec.suspend:
        return draft  # That it is not run is told with all that keeps runs from being created.
    text = f"runbook {runbook.metadata.name} starts by itself: run {name}"
    return draft.noted("RunStarted", text, OPERATOR, "runbook").told(EventReason.RUN_STARTED, text)


def _followed(draft: Draft) -> Draft:
    """The draft in which each run that was seen counts as created, and each other one says why not."""
    there = {each.name for each in draft.observation.mitigation.runs if each.by_itself}
    runs = []
    for each in draft.status.runbooks.started:
        run, problem = each, _problem(draft, each)
        if not run.created and run.run in there:
            run = run.model_copy(update={"created": True, "message": ""})
        elif not run.created and problem and run.message != _short(problem):
            run = run.model_copy(update={"message": _short(problem)})
            text = f"run {run.run} cannot be created: {problem}"
            draft = draft.noted("RunNotStarted", text, OPERATOR, "runbook")
            draft = draft.told(EventReason.RUN_NOT_STARTED, text, "Warning")
        runs.append(run)
    found = tuple(runs)
    return draft if found == draft.status.runbooks.started else _with_started(draft, found)


def _problem(draft: Draft, run: StartedRun) -> str:
    """What keeps a run from being created; empty where nothing does."""
    seen = draft.observation.mitigation
    book = next((each for each in seen.runbooks if each.metadata.uid == run.runbook_uid), None)
    if book is not None and (said := suspension(book)):
        return f"runbook {run.runbook} is {said}"
    return seen.problems[run.run].message if run.run in seen.problems else ""


def _short(message: str) -> str:
    return cut(neutral(message), TEXT)


def _with_started(draft: Draft, runs: tuple[StartedRun, ...]) -> Draft:
    return draft.having(runbooks=draft.status.runbooks.model_copy(update={"started": runs}))
