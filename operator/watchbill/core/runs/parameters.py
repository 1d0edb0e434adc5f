"""What the parameters of a run are: given, from the incident, or the default; typed and checked."""

from collections.abc import Mapping
from typing import NamedTuple

from watchbill.api.durations import parse_duration
from watchbill.api.incident import Incident
from watchbill.api.parameter import Parameter
from watchbill.core.cel import truth
from watchbill.core.steps.rendering import Value

DIGITS = 10


class Problem(NamedTuple):
    """What is wrong, and where."""

    path: str
    message: str


def resolved(
    declared: tuple[Parameter, ...], given: Mapping[str, str], incident: Incident | None
) -> tuple[dict[str, str], tuple[Problem, ...]]:
    """The value of each parameter as text, and what is wrong with those that have none or a wrong one."""
    values: dict[str, str] = {}
    problems = [
        Problem(f"spec.parameters.{name}", "the runbook has no such parameter")
        for name in sorted(given.keys() - {each.name for each in declared})
    ]
    for each in declared:
        path, value = f"spec.parameters.{each.name}", value_of(each, given, incident)
        if value is None:
            problems.append(Problem(path, "must be given: it has no default"))
        elif problem := _problem(each, value):
            problems.append(Problem(path, problem))
        else:
            values[each.name] = value
    return values, tuple(problems)


def value_of(declared: Parameter, given: Mapping[str, str], incident: Incident | None) -> str | None:
    """The value as text: the run's, else the incident's, else the default; None where there is none."""
    if declared.name in given:
        return given[declared.name]
    if declared.from_ is not None and incident is not None:
        found = incident_fields(incident).get(declared.from_.partition(".")[2], "")
        if found:
            return found
    return declared.default


def incident_fields(incident: Incident) -> dict[str, str]:
    """What a parameter can come from."""
    services = [each.service for each in incident.spec.affected if each.service]
    return {
        "name": incident.metadata.name,
        "namespace": incident.metadata.namespace or "",
        "severity": incident.spec.severity,
        "title": incident.spec.title,
        "service": services[0] if services else "",
    }


def typed(declared: Parameter, value: str) -> Value:
    """The value in its type; one that has no problem."""
    match declared.type:
        case "Integer":
            return int(value)
        case "Boolean":
            return value == "true"
        case _:
            return value


def default_problem(declared: Parameter) -> str | None:
    """What is wrong with the default of a parameter; None where it is fine or there is none."""
    return None if declared.default is None else _problem(declared, declared.default)


def _problem(declared: Parameter, value: str) -> str | None:
    if declared.enum is not None and value not in declared.enum:
        return f"must be one of {', '.join(declared.enum)}"
    match declared.type:
        case "Integer":
            return _integer_problem(declared, value)
        case "Boolean":
            return None if value in ("true", "false") else "must be true or false"
        case "Duration":
            return _duration_problem(value)
    if declared.pattern is None:
        return None
    # RE2 by way of CEL: a pattern that a tenant writes takes no more than linear time.
    matched = truth("value.matches(pattern)", {"value": value, "pattern": rf"^(?:{declared.pattern})\z"})
    return None if matched.holds else f"must match {declared.pattern}"


def _integer_problem(declared: Parameter, value: str) -> str | None:
    digits = value.removeprefix("-")
    if not (digits.isascii() and digits.isdigit() and len(digits) <= DIGITS):
        return "must be an integer"
    number = int(value)
    if declared.min is not None and number < declared.min:
        return f"must be at least {declared.min}"
    if declared.max is not None and number > declared.max:
        return f"must be at most {declared.max}"
    return None


def _duration_problem(value: str) -> str | None:
    try:
        parse_duration(value)
    except ValueError:
        return "must be a duration such as 30s, 5m or 1h30m"
    return None
