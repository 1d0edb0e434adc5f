"""Bad answers, and events of the watch that come late, twice, never, or as they were before."""

import asyncio
from collections.abc import Callable
from typing import Any

from tests.faults.crossings import Crossing
from tests.faults.network import Lost
from tests.faults.stage import Stage
from tests.faults.watch import Event
from tests.support.apiserver.answers import Answer, Refusal
from tests.support.apiserver.requests import NoAnswer
from tests.support.apiserver.resources import RESOURCES
from tests.support.vendor import response
from watchbill.providers.contract import Response

REASONS = {
    403: "Forbidden",
    404: "NotFound",
    409: "Conflict",
    413: "RequestEntityTooLarge",
    422: "Invalid",
    429: "TooManyRequests",
    500: "InternalError",
    503: "ServiceUnavailable",
}

LATE = 20.0
"""Seconds of the story by which a stalled event comes late."""

Told = list[tuple[float, Event]] | None
Disturb = Callable[[Stage, Crossing, Event], Told]


def status(code: int, retry_after: str = "") -> Callable[[Any], Answer]:
    """A Status of the API server with this code."""
    answer = Refusal(code, REASONS[code], "a fault that was placed here").answer
    headers = {"Retry-After": retry_after} if retry_after else {}
    return lambda _: answer._replace(headers=headers)


def reset(_: Any) -> Answer:
    """The connection to the API server breaks."""
    raise NoAnswer


def hang(_: Any) -> Any:
    """Nothing comes until the caller has had enough."""
    raise Lost


def truncated(answer: Answer | None) -> Answer:
    """Half an answer, as a proxy cuts it off."""
    assert answer is not None
    return Answer(answer.code, answer.content[: len(answer.content) // 2].decode(errors="ignore"))


def refused(_: Any) -> Response:
    """No connection to the vendor."""
    raise ConnectionRefusedError("refused")


def broken(_: Any) -> Response:
    """The connection to the vendor breaks before its answer."""
    raise ConnectionResetError("reset by peer")


def garbage(_: Any) -> Response:
    """A page of a proxy, under a code that says that all is well."""
    return response(200, content=b"<html>Welcome</html>")


def dropped(stage: Stage, crossing: Crossing, event: Event) -> Told:
    """It never comes."""
    return []


def told_twice(stage: Stage, crossing: Crossing, event: Event) -> Told:
    """It comes again, after others."""
    return [(0.0, event), (2.0, event)]


def stalled(stage: Stage, crossing: Crossing, event: Event) -> Told:
    """It comes 20 s late."""
    return [(stage.span(LATE), event)]


def gone(stage: Stage, crossing: Crossing, event: Event) -> Told:
    """The stream ends with 410, and everything is listed anew."""
    return None


def forgotten(stage: Stage, crossing: Crossing, event: Event) -> Told:
    """The server forgets its history, and ends every stream."""
    stage.server.forget()
    return [(0.0, event)]


def time_travel(stage: Stage, crossing: Crossing, event: Event) -> Told:
    """After it comes the object as it was before, as a server that lags behind would tell of it."""
    metadata = event["object"]["metadata"]
    resource = next(each for each in RESOURCES if each.kind == event["object"].get("kind"))
    key = resource.key(metadata.get("namespace", ""), metadata["name"])
    log = stage.server.store.since(stage.server.store.compacted)
    past = [change.after for change in log if change.resource is resource and change.key == key]
    older = [body for body in past if body is not None][:-1]
    return [(0.0, event), *((1.0, {"type": "MODIFIED", "object": body}) for body in older[-1:])]


def crash_at(stage: Stage, crossing: Crossing, event: Event) -> Told:
    """The process dies when it has been told."""
    operator = stage.operator_of(crossing)
    asyncio.get_running_loop().call_soon(operator.kill)
    return [(0.0, event)]
