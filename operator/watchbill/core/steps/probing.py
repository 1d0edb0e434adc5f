"""Looks at an object, asks Prometheus or asks for a page, and judges what it finds."""

import math
from typing import Any
from urllib.parse import urlencode

from watchbill.api.probe import Probe, TargetRef
from watchbill.core.cel import condition_problem, truth
from watchbill.core.outcomes import Result
from watchbill.core.steps import targets
from watchbill.core.steps.answers import CLIENT_ERROR
from watchbill.core.steps.contract import Answer, ApiRequest, HttpRequest, Request, RunFacts, StepResult, Talk

SAMPLE = 2
"""A sample of Prometheus is a pair: the time and the value, as text."""

DEFAULTS = {"promQL": "size(result) > 0", "http": "response.status >= 200 && response.status < 300"}
"""What must be true where nothing is said."""


def looked(probe: Probe, target: TargetRef | None, run: RunFacts) -> Talk:
    """One look: OK where the condition holds, pending where it does not yet.

    `target` is what a verification is of, where the probe names nothing.
    """
    source, request = _request(probe, target, run)
    condition = probe.condition or DEFAULTS.get(source, "false")
    if problem := condition_problem(condition):
        return StepResult(Result.PERMANENT, reason="InvalidCondition", message=f"condition {problem}")
    if isinstance(request, ApiRequest) and (problem := targets.out_of_scope(request.namespace, run)):
        return StepResult(Result.PERMANENT, reason="OutOfScope", message=problem)
    answer = yield request
    if not answer.is_ok and not (source == "http" and answer.status >= CLIENT_ERROR):
        return StepResult(Result.OK, pending=True, message=answer.message or "no answer")
    variables = {source: _seen(source, answer), "parameters": dict(run.parameters)}
    found = truth(condition, {_NAMES.get(name, name): value for name, value in variables.items()})
    if found.holds:
        return StepResult(Result.OK, output="true")
    return StepResult(Result.OK, pending=True, message=found.problem or f"not so: {condition}")


_NAMES = {"promQL": "result", "http": "response"}


def _request(probe: Probe, target: TargetRef | None, run: RunFacts) -> tuple[str, Request]:
    if probe.prom_ql is not None:
        asked = probe.prom_ql
        url = f"{asked.url.rstrip('/')}/api/v1/query?{urlencode({'query': asked.query})}"
        return "promQL", HttpRequest("GET", url, authorization=asked.authorization_secret_ref)
    if probe.http is not None:
        return "http", HttpRequest("GET", probe.http.url, authorization=probe.http.authorization_secret_ref)
    named = probe.target_ref or target
    assert named is not None, "the schema demands something to look at"
    return "object", targets.reading(named, run)


def _seen(source: str, answer: Answer) -> Any:
    """What the condition sees of an answer."""
    match source:
        case "promQL":
            return _samples(answer.body)
        case "http":
            return {"status": answer.status, "body": answer.body}
        case _:
            return answer.body


def _samples(body: Any) -> list[dict[str, Any]]:
    """The samples of a vector or a scalar as metric and value; what is no number is left out."""
    data = body.get("data") if isinstance(body, dict) else None
    result = data.get("result") if isinstance(data, dict) else None
    if not isinstance(data, dict) or not isinstance(result, list):
        return []
    if data.get("resultType") == "scalar":
        result = [{"metric": {}, "value": result}]
    found = []
    for each in result:
        pair = each.get("value") if isinstance(each, dict) else None
        if isinstance(pair, list) and len(pair) == SAMPLE and (value := _number(pair[1])) is not None:
            found.append({"metric": each.get("metric") or {}, "value": value})
    return found


def _number(text: Any) -> float | None:
    try:
        value = float(text)
    except (TypeError, ValueError):
        return None
    return None if math.isnan(value) else value
