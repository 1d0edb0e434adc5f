"""Takes a run on: pins the runbook and the parameters, or says what is in the way."""

from datetime import timedelta
from typing import NamedTuple

from watchbill.api.durations import parse_duration
from watchbill.api.run_reasons import RunEventReason, RunReason
from watchbill.api.runbook_run_status import MAX_CONTENT, PinnedParameter, StepStatus
from watchbill.core.runs import parameters, snapshot
from watchbill.core.runs.draft import RunDraft, steps_of
from watchbill.core.steps.differences import MASK
from watchbill.core.steps.registry import STEP_KINDS
from watchbill.core.steps.rendering import Unrenderable
from watchbill.core.suspension import suspension

TIMEOUT = timedelta(hours=1)
"""How long a run may take where its runbook does not say, and how long one may wait to be taken on."""

DEEPEST = 4
"""How many runs may be one within the other."""


class Block(NamedTuple):
    """What keeps a run from going on."""

    reason: RunReason
    message: str


def pinned(draft: RunDraft) -> RunDraft:
    """The draft with the runbook pinned, once nothing is in the way; a snapshot that is there stays."""
    if draft.status.snapshot is not None or draft.is_over or draft.is_stopped or refusal(draft) is not None:
        return draft
    book = draft.observation.runbook
    assert book is not None
    taken = _with_snapshot(draft)
    if _step_problem(taken) is not None:
        return draft
    length = parse_duration(book.spec.timeout) if book.spec.timeout else TIMEOUT
    return taken.having(pinned_time=draft.now, deadline_time=draft.now + length).told(
        RunEventReason.PINNED, f"runs revision {book.metadata.generation} of runbook {book.metadata.name}"
    )


def refusal(draft: RunDraft) -> Block | None:
    """What keeps a run from being taken on; None where nothing does, or where it has been."""
    if draft.status.snapshot is not None:
        return None
    return _lacking(draft) or suspended(draft) or _content_refusal(draft)


def suspended(draft: RunDraft) -> Block | None:
    """What holds the run up while its runbook is suspended, until it has begun its first step; else None."""
    book = draft.observation.runbook
    has_begun = draft.status.started_time is not None
    said = suspension(book) if book is not None and not (has_begun or draft.is_dry) else ""
    return Block(RunReason.RUNBOOK_SUSPENDED, f"the runbook is {said}") if said else None


def _lacking(draft: RunDraft) -> Block | None:
    """What the run names and nobody sees."""
    observed, spec = draft.observation, draft.spec
    found = None
    if not spec.requested_by:
        found = RunReason.REQUESTER_UNKNOWN, "spec.requestedBy: must name who runs it; create it anew"
    elif observed.runbook is None:
        found = RunReason.RUNBOOK_NOT_FOUND, f"spec.runbookRef: there is no runbook {spec.runbook_ref.name}"
    elif spec.incident_ref is not None and observed.incident is None:
        found = (
            RunReason.INCIDENT_NOT_FOUND,
            f"spec.incidentRef: there is no incident {spec.incident_ref.name}",
        )
    elif spec.parent_ref is not None and (observed.parent is None or not observed.parent.status.requesters):
        found = RunReason.PARENT_NOT_FOUND, f"spec.parentRef: there is no run {spec.parent_ref.name}"
    elif len(requesters(draft)) > DEEPEST:
        found = RunReason.TOO_DEEP, f"spec.parentRef: runs go {DEEPEST} deep at most"
    return Block(*found) if found is not None else None


def requesters(draft: RunDraft) -> tuple[str, ...]:
    """Who stands behind the run: who requested it, and every run that it is a step of."""
    parent = draft.observation.parent
    above = parent.status.requesters if parent is not None and draft.spec.parent_ref is not None else ()
    return (draft.spec.requested_by or "", *above)


def _content_refusal(draft: RunDraft) -> Block | None:
    book = draft.observation.runbook
    assert book is not None
    if len(snapshot.pinned(book).content) > MAX_CONTENT:
        return Block(
            RunReason.TOO_LARGE, f"the runbook is longer than {MAX_CONTENT} characters of JSON: split it"
        )
    given, incident = draft.spec.parameters, draft.observation.incident
    _, problems = parameters.resolved(book.spec.parameters, given, incident)
    if problems:
        said = "; ".join(f"{each.path}: {each.message}" for each in problems)
        return Block(RunReason.INVALID_PARAMETERS, said)
    problem = _step_problem(_with_snapshot(draft))
    return Block(RunReason.INVALID_STEP, problem) if problem else None


def _with_snapshot(draft: RunDraft) -> RunDraft:
    book = draft.observation.runbook
    assert book is not None
    given, incident = draft.spec.parameters, draft.observation.incident
    values, _ = parameters.resolved(book.spec.parameters, given, incident)
    secret = {each.name for each in book.spec.parameters if each.secret}
    return draft.having(
        snapshot=snapshot.pinned(book),
        incident_uid=incident.metadata.uid if incident is not None and draft.spec.incident_ref else "",
        requesters=requesters(draft),
        parameters=tuple(
            PinnedParameter(name=name, value=MASK if name in secret else value)
            for name, value in values.items()
        ),
        steps=tuple(StepStatus(name=each.name) for each in book.spec.steps),
    )


def _step_problem(draft: RunDraft) -> str | None:
    """What keeps the steps from being made of the parameters; None where nothing does."""
    try:
        steps = steps_of(draft)
    except Unrenderable as error:
        return f"runbook {draft.spec.runbook_ref.name}: {error}"
    for step in steps:
        bodies = (step, *([step.undo] if step.undo is not None else []))
        for kind in (body.kind for body in bodies if body.kind not in STEP_KINDS):
            where = f"runbook {draft.spec.runbook_ref.name}: spec.steps[{step.name}].{kind}"
            return f"{where}: this operator knows no such kind"
    return None
