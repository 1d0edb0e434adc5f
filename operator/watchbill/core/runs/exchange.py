"""The exchange of requests and answers that performs an effect of a run; whoever runs it does the sending."""

from collections.abc import Generator
from dataclasses import replace

from watchbill.api.probe import TargetRef
from watchbill.api.runbook import Step
from watchbill.core.outcomes import Result
from watchbill.core.runs.effects import ActOn, LookAt, PlanSteps, UndoStep, VerifyStep
from watchbill.core.steps.contract import (
    Answer,
    LocalKind,
    Planned,
    Planning,
    RemoteKind,
    Request,
    RestoringKind,
    RunFacts,
    StepResult,
    Talk,
)
from watchbill.core.steps.probing import looked
from watchbill.core.steps.registry import STEP_KINDS
from watchbill.core.steps.reversing import reversal


def plans(effect: PlanSteps) -> Generator[Request, Answer, tuple[Planned, ...]]:
    """What each step would do, in order."""
    found = []
    for step in effect.steps:
        found.append((yield from _plan(step, effect.run)))
    return tuple(found)


def talk(effect: ActOn | LookAt | VerifyStep | UndoStep) -> Talk:
    """What came of the effect."""
    match effect:
        case ActOn():
            return (yield from _act(effect.body, effect.run, effect.planned))
        case LookAt():
            body = _undo_body(effect.body) if effect.undoing else effect.body
            return (yield from _remote(body).follow(body, effect.run, effect.handle))
        case VerifyStep():
            verify = effect.body.verify
            assert verify is not None
            return (yield from looked(verify, _target(effect.body), effect.run))
        case UndoStep():
            if effect.body.undo is None:
                return (yield from _taken_back(effect))
            # What takes something back is not held up by how little of it is available.
            run = replace(effect.run, min_available="")
            return (yield from _act(_undo_body(effect.body), run, ""))


def _taken_back(effect: UndoStep) -> Talk:
    kind = STEP_KINDS[effect.body.kind]
    if isinstance(kind, RestoringKind):
        return (yield from kind.restored(effect.body, effect.run, effect.undo))
    return (yield from reversal(effect.undo))


def _act(body: Step, run: RunFacts, expected: str) -> Talk:
    """Plan the step anew, and do it if that is still the plan; with none expected, whatever it is."""
    kind = _remote(body)
    planned = yield from kind.plan(body, run)
    if expected and planned.hash != expected:
        said = "what it would do is no longer what was planned"
        return StepResult(Result.CONFLICT, reason="PlanChanged", message=said, planned=planned)
    if planned.denied:
        return StepResult(Result.PERMANENT, reason="Denied", message=planned.denied, planned=planned)
    return replace((yield from kind.act(body, run, planned)), planned=planned)


def _plan(step: Step, run: RunFacts) -> Planning:
    kind = STEP_KINDS[step.kind]
    if isinstance(kind, LocalKind):
        return kind.plan(step)
    return (yield from kind.plan(step, run))


def _remote(step: Step) -> RemoteKind:
    kind = STEP_KINDS[step.kind]
    assert not isinstance(kind, LocalKind), "nothing is asked of who acts nowhere"
    return kind


def _undo_body(step: Step) -> Step:
    """The undo of a step, as a step."""
    undo = step.undo
    assert undo is not None
    return Step(name=f"{step.name[:58]}-undo", **{undo.kind: getattr(undo, undo.kind)})


def _target(step: Step) -> TargetRef | None:
    """What a step is about, which its verification looks at where it names nothing else."""
    body = step.kubernetes or step.rollback or step.traffic
    return body.target_ref if body is not None else None
