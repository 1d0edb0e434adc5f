"""What is wrong with a runbook that its schema cannot see: told before anybody runs it."""

from collections.abc import Iterator
from datetime import datetime

from watchbill.api.condition import Condition
from watchbill.api.parameter import Parameter
from watchbill.api.reasons import Reason
from watchbill.api.runbook import Runbook, RunbookSpec, Step
from watchbill.core import readiness
from watchbill.core.cel import condition_problem
from watchbill.core.runs.parameters import Problem, default_problem
from watchbill.core.steps.registry import STEP_KINDS
from watchbill.core.steps.rendering import Scope, Unrenderable, Value, rendered, text
from watchbill.core.steps.revisions import kind_problem
from watchbill.core.suspension import suspension

SAMPLES: dict[str, Value] = {"Integer": 1, "Boolean": True, "Duration": "1m", "String": "x"}
"""A value of each type, to see whether templates can be filled in."""


def runbook_problems(spec: RunbookSpec) -> tuple[Problem, ...]:
    """Everything that would keep a run of it from starting, by its path; none where nothing would."""
    scope = Scope({each.name: SAMPLES[each.type] for each in spec.parameters})
    found = list(_parameter_problems(spec.parameters))
    if spec.safety is not None and spec.safety.lock_key is not None:
        found += _template_problem("spec.safety.lockKey", spec.safety.lock_key, scope)
    if spec.match is not None and spec.match.condition is not None:
        found += _condition_problem("spec.match.condition", spec.match.condition)
    for step in spec.steps:
        found += _step_problems(step, spec, scope)
    return tuple(found)


def runbook_condition(runbook: Runbook, now: datetime) -> Condition:
    """Ready of a runbook: False with the first of its problems."""
    problems = runbook_problems(runbook.spec)
    found = (readiness.Problem(Reason.INVALID_SPEC, each.path, each.message) for each in problems)
    return readiness.ready(runbook.metadata, found, now, suspended=suspension(runbook))


def _parameter_problems(parameters: tuple[Parameter, ...]) -> Iterator[Problem]:
    for each in parameters:
        if problem := default_problem(each):
            yield Problem(f"spec.parameters[{each.name}].default", problem)


def _step_problems(step: Step, spec: RunbookSpec, scope: Scope) -> Iterator[Problem]:
    path = f"spec.steps[{step.name}]"
    bodies = (step, *([step.undo] if step.undo is not None else []))
    for body in bodies:
        if body.kind not in STEP_KINDS:
            yield Problem(f"{path}.{body.kind}", "this operator knows no such kind")
        yield from _scale_problem(path, body.kubernetes.scale if body.kubernetes else None, spec)
        if body.rollback is not None and (problem := kind_problem(body.rollback.target_ref)):
            yield Problem(f"{path}.rollback.targetRef", problem)
    try:
        rendered(step, scope)
    except Unrenderable as error:
        where, _, problem = str(error).partition(": ")
        yield Problem(f"{path}.{where}", problem)
    conditions = {
        "if": step.if_,
        "verify.condition": step.verify.condition if step.verify else None,
        "check.condition": step.check.condition if step.check else None,
    }
    for name, condition in conditions.items():
        yield from _condition_problem(f"{path}.{name}", condition) if condition else ()


def _scale_problem(path: str, scale: object, spec: RunbookSpec) -> Iterator[Problem]:
    named = getattr(scale, "replicas_parameter", None)
    integers = {each.name for each in spec.parameters if each.type == "Integer"}
    if named is not None and named not in integers:
        yield Problem(f"{path}.kubernetes.scale.replicasParameter", f"there is no Integer parameter {named}")


def _template_problem(path: str, template: str, scope: Scope) -> Iterator[Problem]:
    try:
        text(template, scope)
    except Unrenderable as error:
        yield Problem(path, str(error))


def _condition_problem(path: str, condition: str) -> Iterator[Problem]:
    problem = condition_problem(condition)
    if problem:
        yield Problem(path, problem)
