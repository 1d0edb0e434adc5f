"""Returns a workload to an earlier revision, as `kubectl rollout undo` does, and keeps what was there.

What would put it back at once, Flux or Argo CD, is suspended first; see `suspending.py`.
"""

import json
from collections.abc import Generator
from dataclasses import dataclass, replace
from typing import Any

from watchbill.api.probe import TargetRef
from watchbill.api.runbook import Risk, Step
from watchbill.core.outcomes import Result
from watchbill.core.steps import reversing, revisions, targets
from watchbill.core.steps.contract import (
    Answer,
    ApiRequest,
    Planned,
    Planning,
    Request,
    RunFacts,
    StepResult,
    Talk,
)
from watchbill.core.steps.differences import differences
from watchbill.core.steps.revisions import Revision
from watchbill.core.steps.suspending import held, released
from watchbill.core.steps.writing import conditioned, field_reversal, refused

Json = dict[str, Any]


class RollbackKind:
    """The pod template of an earlier revision, in place of the present one."""

    name = "rollback"
    risk: Risk = "High"
    acts = True
    unknown_stops = True

    def plan(self, step: Step, run: RunFacts) -> Planning:
        """What would change, by a dry run on the workload as it is."""
        target = _target(step)
        what = f"roll back {target.kind} {target.name}"
        if problem := revisions.kind_problem(target) or targets.out_of_scope(targets.place(target, run), run):
            return Planned(what, denied=problem)
        found = yield from _found(step, run)
        if isinstance(found, Planned):
            return replace(found, summary=what)
        what = f"{what} to revision {found.revision.number}{revisions.caution(found.before)}"
        write = _write(found, target, run)
        answer = yield replace(write, dry_run=True)
        if not answer.is_ok:
            return refused(what, answer)
        after = reversing.parsed(answer.body)
        diff = differences(found.before, after)
        if not any(line.startswith("spec.") for line in diff):
            return Planned(f"{what}: it runs that template already")
        holds = yield from held(found.before, run)
        if isinstance(holds, Planned):
            return replace(holds, summary=what)
        return Planned(
            what,
            (*(each.request for each in holds), write),
            (*(line for each in holds for line in each.diff), *diff),
            reversals=(*(each.release for each in holds), field_reversal(write, found.before, after)),
            debt="; ".join(each.debt for each in holds),
            precondition=str(found.before["metadata"].get("resourceVersion", "")),
        )

    def act(self, step: Step, run: RunFacts, planned: Planned) -> Talk:
        """Suspend its owners, then put the template in place, of that version of the workload alone."""
        if not planned.requests:
            return StepResult(Result.OK, output=planned.summary)
        *suspensions, write = (each for each in planned.requests if isinstance(each, ApiRequest))
        for at, each in enumerate(suspensions):
            answer = yield each
            if not answer.is_ok:
                return (yield from released(_failure(answer), planned.reversals[:at]))
        answer = yield conditioned(write, planned.precondition)
        if not answer.is_ok:
            return (yield from released(_failure(answer), planned.reversals[: len(suspensions)]))
        return StepResult(Result.OK, output="\n".join(planned.diff), undo=reversing.kept(planned.reversals))

    def follow(self, step: Step, run: RunFacts, handle: str) -> Talk:
        """Nothing is under way once the server has answered; `verify` waits for the pods."""
        yield from ()
        return StepResult(Result.OK)

    def patience(self, step: Step) -> None:
        """The step's own timeout."""


@dataclass(frozen=True, slots=True)
class _Found:
    """A workload as it is, and the revision that it is to return to."""

    before: Json
    revision: Revision


def _target(step: Step) -> TargetRef:
    assert step.rollback is not None
    return step.rollback.target_ref


def _found(step: Step, run: RunFacts) -> Generator[Request, Answer, _Found | Planned]:
    target = _target(step)
    answer = yield targets.reading(target, run)
    if not answer.is_ok:
        return refused("", answer)
    before = {"kind": target.kind, **reversing.parsed(answer.body)}
    if denied := targets.unsafe(before, run) or revisions.obstacle(before):
        return Planned("", denied=denied)
    answer = yield revisions.listing(before, targets.place(target, run))
    if not answer.is_ok:
        return refused("", answer)
    items = reversing.parsed(answer.body).get("items") or ()
    assert step.rollback is not None
    number = step.rollback.to_revision
    revision = revisions.chosen(before, revisions.revisions_of(before, items), number)
    return _Found(before, revision) if isinstance(revision, Revision) else Planned("", denied=revision)


def _write(found: _Found, target: TargetRef, run: RunFacts) -> ApiRequest:
    body: Json = {"spec": {"template": {**found.revision.template, "$patch": "replace"}}}
    cause = (found.before["metadata"].get("annotations") or {}).get(revisions.CAUSE)
    if target.kind == "Deployment" and cause != found.revision.cause:
        # Else its controller would say of the old revision what was said of the new one.
        body["metadata"] = {"annotations": {revisions.CAUSE: found.revision.cause}}
    return ApiRequest(
        "patch",
        target.api_version,
        target.kind,
        targets.place(target, run),
        target.name,
        body=json.dumps(body, sort_keys=True),
        content="strategic",
    )


def _failure(answer: Answer) -> StepResult:
    return StepResult(answer.result, message=answer.message, reason=f"HTTP{answer.status}")
