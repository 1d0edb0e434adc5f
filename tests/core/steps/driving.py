"""Drives an exchange with answers that are given beforehand."""

from collections.abc import Generator
from typing import Any

from watchbill.api.runbook import Step
from watchbill.core.steps.answers import answered, unanswered
from watchbill.core.steps.contract import Answer, Request, RunFacts

RUN = RunFacts(
    uid="u-1",
    namespace="shop",
    name="run-1",
    account="incident-responder",
    user="system:serviceaccount:shop:incident-responder",
)
TARGET = {"apiVersion": "apps/v1", "kind": "Deployment", "name": "checkout"}

Given = tuple[int, Any] | str | None
"""A status with its body, the text of a log, or None for no answer."""


def step(**body: Any) -> Step:
    """A step of this kind."""
    return Step.model_validate({"name": "first", **body})


def drive(exchange: Generator[Request, Answer, Any], *given: Given) -> tuple[Any, list[Any]]:
    """What the exchange returns, and what it asked; every answer must be asked for."""
    asked: list[Any] = []
    left = list(given)
    answer: Answer | None = None
    while True:
        try:
            request = exchange.send(answer) if answer is not None else next(exchange)
        except StopIteration as stop:
            assert left == [], "an answer was not asked for"
            return stop.value, asked
        asked.append(request)
        found = left.pop(0)
        if found is None:
            answer = unanswered(request, True, "no answer")
        elif isinstance(found, str):
            answer = answered(request, 200, None, found)
        else:
            answer = answered(request, *found)


def refused(message: str) -> dict[str, str]:
    """What the API server says to what it refuses."""
    return {"kind": "Status", "message": message}
