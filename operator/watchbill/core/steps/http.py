"""Sends one HTTP request. Nobody can tell what became of one without an answer, so it is never sent again."""

from watchbill.api.runbook import Risk, Step
from watchbill.api.step import Http
from watchbill.core.outcomes import Result
from watchbill.core.steps.answers import reason_of
from watchbill.core.steps.contract import (
    HttpRequest,
    Planned,
    Planning,
    RunFacts,
    StepResult,
    Talk,
)

SUCCESS = ("2xx",)


class HttpKind:
    """One HTTP request."""

    name = "http"
    risk: Risk = "High"
    acts = True
    unknown_stops = True

    def plan(self, step: Step, run: RunFacts) -> Planning:
        """The request itself: nobody can foretell what it does."""
        yield from ()
        request = _request(_http(step))
        headers = tuple(f"{name}: {value}" for name, value in request.headers)
        body = (f"body: {request.body}",) if request.body else ()
        return Planned(f"{request.method} {request.url}", (request,), (*headers, *body))

    def act(self, step: Step, run: RunFacts, planned: Planned) -> Talk:
        """The request; a status that is not expected is a failure, and one of the server leaves it open."""
        (request,) = planned.requests
        answer = yield request
        if answer.status and is_expected(_http(step).expected_statuses or SUCCESS, answer.status):
            return StepResult(Result.OK, output=f"HTTP {answer.status}")
        result = Result.PERMANENT if answer.is_ok else answer.result
        if result in (Result.AUTH, Result.CONFLICT):
            # Elsewhere these say no more than that the request was refused.
            result = Result.PERMANENT
        return StepResult(result, reason=reason_of(answer), message=answer.message or f"HTTP {answer.status}")

    def follow(self, step: Step, run: RunFacts, handle: str) -> Talk:
        """Nothing is under way once there was an answer."""
        yield from ()
        return StepResult(Result.OK)

    def patience(self, step: Step) -> None:
        """The step's own timeout."""


def is_expected(expected: tuple[str, ...], status: int) -> bool:
    """Whether a status is among these, of which `2xx` are all from 200 to 299."""
    return any(each in (str(status), f"{status // 100}xx") for each in expected)


def _http(step: Step) -> Http:
    assert step.http is not None
    return step.http


def _request(http: Http) -> HttpRequest:
    headers = tuple((each.name, each.value) for each in http.headers)
    return HttpRequest(http.method, http.url, headers, http.body or "", http.authorization_secret_ref)
